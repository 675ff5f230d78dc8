/**
 * Which phone completed a handshake, and with whom (core/trust/handshake.ts): its certificate must name a device of the
 * database and be by an issuer of phones' certificates that is trusted here, or the very one that was imported for it
 * (core/devices/named-by.ts); the server's must be one of ours for that service. Everything else is no evidence.
 */
import { readClusterView } from '../app/cluster-view.ts';
import { handshakesWaitingMax } from '../base/limits-handshake.ts';
import type { StoredCertificate } from '../core/cluster/model.ts';
import { nameIn, namesDevice, type PhoneIssuers } from '../core/devices/named-by.ts';
import { readShownServer, type Handshake, type ShownServer } from '../core/trust/handshake.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import { isIssuedBy } from '../pki/issued-by.ts';
import type { OpenNode } from './open-node.ts';
import { phoneIssuers } from './phone-issuers.ts';

export interface NamedHandshake {
  readonly device: string;
  readonly handshake: Handshake;
  readonly server: ShownServer;
}

export interface HandshakeWatch {
  /** One after the other, and none of them where too many wait. */
  readonly shookHands: (seen: readonly SeenHandshake[]) => void;
  /** Certificates or devices may be others now. */
  changed(): void;
  close(): void;
}

/** As the database has it, between two changes. */
interface Known {
  readonly rows: readonly StoredCertificate[];
  readonly phones: PhoneIssuers;
}

export function createHandshakeWatch(
  node: Pick<OpenNode, 'store' | 'crypto' | 'clock'>,
  onNamed: (named: NamedHandshake) => void,
  warn: (message: string) => void,
): HandshakeWatch {
  const { store, crypto, clock } = node;
  let known: Known | undefined;
  let waiting = 0;
  let isClosed = false;
  let last = Promise.resolve();

  const read = async (): Promise<Known> => {
    const issuers = phoneIssuers(crypto, await readClusterView(store, crypto));
    return { rows: await store.listCertificates(), phones: { issuers, isIssuedBy } };
  };
  const judge = async ({ service, server, certificate: der }: SeenHandshake, atMs: number): Promise<void> => {
    const { rows, phones } = (known ??= await read());
    const handshake = { service, server, atMs };
    const shown = readShownServer(crypto, rows, handshake);
    const certificate = crypto.readCertificate(der);
    const name = certificate && nameIn(certificate);
    if (shown === undefined || certificate === undefined || name === undefined) return;
    const device = await store.findDevice(name);
    if (device === undefined || !namesDevice(certificate, device, phones, Math.floor(clock.nowMs() / 1000)))
      return;
    onNamed({ device: device.name, handshake, server: shown });
  };
  const judgeNext = async (seen: SeenHandshake, atMs: number): Promise<void> => {
    try {
      if (!isClosed) await judge(seen, atMs);
    } catch (error) {
      warn(`a handshake tells nothing: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      waiting -= 1;
    }
  };
  return {
    shookHands(seen) {
      const nowMs = clock.nowMs();
      for (const each of seen.slice(0, handshakesWaitingMax - waiting)) {
        waiting += 1;
        last = last.then(() => judgeNext(each, nowMs - each.ageMs));
      }
    },
    changed: () => (known = undefined),
    close: () => (isClosed = true),
  };
}
