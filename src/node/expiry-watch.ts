/**
 * Tells of own certificates that end soon or have ended: when the server starts, 90, 30, 7 and 1 days before the end, and
 * every day after it. Of several nodes one does; another one begins when that one is gone. Nothing stops for it; phones
 * hold certificates by their bytes and go on believing them.
 */
import { sharedWorkLookMs } from '../base/limits-database.ts';
import { expiryLookMs } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import type { ExpiryStage } from '../core/trust/expiry.ts';
import { listCertificates } from '../app/list-certificates.ts';
import type { OpenNode } from './open-node.ts';

/** The first look has been when it resolves; gives what ends the watch. */
export async function watchExpiry(
  node: Pick<OpenNode, 'store' | 'crypto' | 'clock'> & Partial<Pick<OpenNode, 'subscription'>>,
  onEvent: EventSink,
  everyMs: number = expiryLookMs,
): Promise<() => void> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  const told = new Map<number, ExpiryStage>();
  const turn = async (): Promise<void> => {
    if (performance.now() - lookedAt < everyMs) return;
    // Told twice is better than not at all: a node that cannot ask tells.
    if ((await node.subscription?.whose('expiry')) === 'others') return;
    lookedAt = performance.now();
    await look(node, told, onEvent);
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

/** `told`: by the row's id, the stage that was told last. */
async function look(
  { store, crypto, clock }: Parameters<typeof watchExpiry>[0],
  told: Map<number, ExpiryStage>,
  onEvent: EventSink,
): Promise<void> {
  const certificates = await listCertificates({ store, crypto }, Math.floor(clock.nowMs() / 1000));
  for (const { id, purpose, subject, expiry, daysLeft, isInUse } of certificates) {
    if (purpose === undefined || !isInUse || expiry === undefined) continue;
    // A stage lasts days and is told once; what has ended is told until somebody renews it.
    if (told.get(id) === expiry && expiry !== 'expired') continue;
    told.set(id, expiry);
    onEvent({ type: 'certificate-expiry', purpose, subject, daysLeft });
  }
}
