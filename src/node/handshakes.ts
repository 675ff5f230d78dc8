/**
 * What TVS and edge tell the back of phones that named themselves in a handshake: in bundles, each phone and server once,
 * and bounded. What is not told disproves nothing, which is the safe side; a phone speaks TLS again.
 */
import { certificateBytesMax } from '../base/limits.ts';
import { handshakeFlushMs, handshakesPerMessageMax } from '../base/limits-handshake.ts';
import type { NewHandshake, SeenHandshake } from '../core/trust/seen-handshake.ts';

export interface HandshakeBundler {
  readonly sink: (handshake: NewHandshake) => void;
  /** Tells what waits. */
  close(): void;
}

export function createHandshakeBundler(tell: (seen: readonly SeenHandshake[]) => void): HandshakeBundler {
  const waiting = new Map<string, NewHandshake>();
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.size === 0) return;
    const nowMs = performance.now();
    const seen = [...waiting.values()].map(({ service, server, certificate, atMs }) => ({
      service,
      server,
      certificate,
      ageMs: nowMs - atMs,
    }));
    waiting.clear();
    tell(seen);
  };
  return {
    sink(handshake) {
      const key = `${handshake.server} ${handshake.client}`;
      if (waiting.size < handshakesPerMessageMax || waiting.has(key)) waiting.set(key, handshake);
      timer ??= setTimeout(flush, handshakeFlushMs);
    },
    close: flush,
  };
}

/** From a process that the network reaches; `undefined` for anything else, however it is made. */
export function readHandshakes(
  value: unknown,
  service: SeenHandshake['service'],
): readonly SeenHandshake[] | undefined {
  if (!Array.isArray(value) || value.length > handshakesPerMessageMax) return undefined;
  const read = value.map((each) => readHandshake(each, service));
  return read.every((each) => each !== undefined) ? read : undefined;
}

function readHandshake(value: unknown, service: SeenHandshake['service']): SeenHandshake | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { server, certificate, ageMs, ...rest } = value as Readonly<Record<string, unknown>>;
  if (rest['service'] !== service || typeof server !== 'string' || !/^[0-9a-f]{64}$/.test(server))
    return undefined;
  if (!(certificate instanceof Uint8Array) || certificate.length > certificateBytesMax) return undefined;
  if (typeof ageMs !== 'number' || !(ageMs >= 0 && ageMs < Infinity)) return undefined;
  return { service, server, certificate, ageMs };
}
