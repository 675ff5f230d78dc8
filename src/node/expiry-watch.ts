/**
 * Tells of own certificates that end soon or have ended: when the server starts, and once a day while it runs. Of several
 * nodes one does; another one begins when that one is gone. Nothing stops for it; phones hold certificates by their bytes and go on believing them.
 */
import { sharedWorkLookMs } from '../base/limits-database.ts';
import { expiryLookMs } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import { listCertificates } from '../app/list-certificates.ts';
import type { OpenNode } from './open-node.ts';

/** The first look has been when it resolves; gives what ends the watch. */
export async function watchExpiry(
  node: Pick<OpenNode, 'store' | 'crypto' | 'clock'> & Partial<Pick<OpenNode, 'subscription'>>,
  onEvent: EventSink,
  everyMs: number = expiryLookMs,
): Promise<() => void> {
  let toldAt = Number.NEGATIVE_INFINITY;
  const turn = async (): Promise<void> => {
    if (performance.now() - toldAt < everyMs) return;
    // Told twice is better than not at all: a node that cannot ask tells.
    if ((await node.subscription?.whose('expiry')) === 'others') return;
    toldAt = performance.now();
    await look(node, onEvent);
  };
  await turn();
  const timer = setInterval(
    () => {
      turn().catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        onEvent({ type: 'warning', topic: 'certificates', message });
      });
    },
    Math.min(everyMs, sharedWorkLookMs),
  );
  return () => clearInterval(timer);
}

async function look({ store, crypto, clock }: Parameters<typeof watchExpiry>[0], onEvent: EventSink) {
  const certificates = await listCertificates({ store, crypto }, Math.floor(clock.nowMs() / 1000));
  for (const { purpose, subject, expiry, daysLeft, isInUse } of certificates)
    if (purpose !== undefined && isInUse && expiry !== undefined)
      onEvent({ type: 'certificate-expiry', purpose, subject, daysLeft });
}
