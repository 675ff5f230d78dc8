/**
 * Tells of own certificates that end soon or have ended: when the server starts, and once a day while it runs.
 * Nothing stops for it; phones hold certificates by their bytes and go on believing them.
 */
import { expiryLookMs } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import { listCertificates } from '../app/list-certificates.ts';
import type { OpenNode } from './open-node.ts';

/** The first look has been when it resolves; gives what ends the watch. */
export async function watchExpiry(
  node: Pick<OpenNode, 'store' | 'crypto' | 'clock'>,
  onEvent: EventSink,
  everyMs: number = expiryLookMs,
): Promise<() => void> {
  await look(node, onEvent);
  const timer = setInterval(() => {
    look(node, onEvent).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      onEvent({ type: 'warning', topic: 'certificates', message });
    });
  }, everyMs);
  return () => clearInterval(timer);
}

async function look({ store, crypto, clock }: Parameters<typeof watchExpiry>[0], onEvent: EventSink) {
  const certificates = await listCertificates({ store, crypto }, Math.floor(clock.nowMs() / 1000));
  for (const { purpose, subject, expiry, daysLeft, isInUse } of certificates)
    if (purpose !== undefined && isInUse && expiry !== undefined)
      onEvent({ type: 'certificate-expiry', purpose, subject, daysLeft });
}
