/** What one phone may hold, since when, how that is known, and what it would refuse of what is served now. */
import { Failure } from '../base/errors.ts';
import type { Delivery } from '../core/trust/belief-book.ts';
import type { PairKey } from '../core/trust/belief.ts';
import type { TlsService } from '../core/trust/handshake.ts';
import { judgeFile, type PhoneTrust } from '../core/trust/judge.ts';
import { describeSide } from '../core/trust/list-library.ts';
import { paperConfig } from '../core/trust/paper.ts';
import type { ServedFile } from '../core/trust/strand.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf, type ClusterView } from './cluster-view.ts';
import { readField, type Field, type FieldDevice, type FieldPorts } from './field.ts';
import { listFileNames } from './publish-lists.ts';

export interface ShownPair {
  /** Generation, `none`, `unknown`, `any`. */
  readonly ctl: string;
  readonly itl: string;
  /** When its younger list was first delivered; undefined where no delivery was heard. */
  readonly since: Delivery | undefined;
  /** What a phone with this pair says to what is served now; empty where it takes everything. */
  readonly refusals: readonly Refusal[];
}

export interface Refusal {
  readonly file: string;
  readonly verdict: 'reject' | 'unknown';
  readonly code: string;
  readonly reason: string;
}

/** A configuration that it fetched, and showed no sign of having taken. */
export interface ShownUnanswered {
  readonly atMs: number;
  /** Subject of whoever signed it; undefined: nobody knows that certificate any more. */
  readonly signer: string | undefined;
  /** What a phone says to that signer that holds one of the pairs that this one may hold. */
  readonly refusals: readonly (Refusal & { readonly ctl: string; readonly itl: string })[];
}

/** It took the certificate of this server, and named itself by its own. */
export interface ShownHandshake {
  readonly with: TlsService;
  readonly atMs: number;
  /** SHA-256 of the server's certificate, and its subject; undefined: nobody knows it any more. */
  readonly server: string;
  readonly subject: string | undefined;
}

export interface ShownTrust {
  readonly name: string;
  readonly heardMs: number | undefined;
  readonly address: string | undefined;
  readonly provedMs: number | undefined;
  /** The last with each kind of server. */
  readonly handshakes: readonly ShownHandshake[];
  readonly unansweredConfigs: number;
  /** The last of these, oldest first. */
  readonly unanswered: readonly ShownUnanswered[];
  readonly deliveries: readonly (Delivery & { readonly generation: number | undefined })[];
  readonly pairs: readonly ShownPair[];
}

/** Failure `not-found` for a name that the database does not know. */
export async function showTrust(ports: FieldPorts, name: string): Promise<ShownTrust> {
  const field = await readField(ports);
  const device = field.devices.find((each) => each.name === name);
  if (device === undefined)
    throw new Failure('not-found', `there is no device ${name}`, {
      hint: 'Only devices of the database have beliefs: tftp-pki list-devices',
    });
  const view = await readClusterView(ports.store, ports.crypto);
  const input = trustInputOf(view);
  const config = await paperConfig(inUse(input, 'callmanager', input.thisNode), view.cluster.hash);
  const served = [
    ...field.current
      .filter(({ kind, node }) => node === input.thisNode || kind === 'ctl')
      .map(({ kind, bytes }) => ({ name: listFileNames[kind], bytes })),
    config,
  ];
  const nowSeconds = Math.floor(ports.clock.nowMs() / 1000);
  const judged = (key: PairKey): readonly Refusal[] => {
    const phone = field.library.bytes(key);
    if (phone === undefined) return [];
    return served.flatMap((file) => {
      if (file === config) return refusalOfConfig(ports, phone, name, config);
      const verdict = judgeFile(ports.crypto, phone, file, nowSeconds);
      if (verdict.phone === 'accept') return [];
      return [{ file: file.name, verdict: verdict.phone, code: verdict.code, reason: verdict.reason }];
    });
  };
  return {
    name,
    heardMs: device.heardMs === 0 ? undefined : device.heardMs,
    address: device.address === '' ? undefined : device.address,
    provedMs: device.provedMs,
    handshakes: await handshakesOf(ports, device),
    unansweredConfigs: device.unansweredConfigs,
    unanswered: await unansweredOf(ports, field, device, view),
    deliveries: device.deliveries.map((delivery) => ({
      ...delivery,
      generation: field.library.find(delivery.sha256)?.generation,
    })),
    pairs: field.sets.pairs(device.set).map((key) => ({
      ctl: describeSide(field.library, key, 'ctl'),
      itl: describeSide(field.library, key, 'itl'),
      since: sinceOf(device.deliveries, key),
      refusals: judged(key),
    })),
  };
}

async function handshakesOf(
  { store, crypto }: FieldPorts,
  { handshakes = [] }: FieldDevice,
): Promise<readonly ShownHandshake[]> {
  const rows = handshakes.length === 0 ? [] : await store.listCertificates();
  return handshakes.map(({ service, server, atMs }) => {
    const row = rows.find(({ fingerprint }) => fingerprint === server);
    return { with: service, server, atMs, subject: row && crypto.readCertificate(row.der)?.subject };
  });
}

async function unansweredOf(
  ports: FieldPorts,
  { library, sets }: Field,
  { name, unanswered = [], set }: FieldDevice,
  { cluster }: ClusterView,
): Promise<readonly ShownUnanswered[]> {
  const shown: ShownUnanswered[] = [];
  // Retired ones, too: who signed then may be no signer any more.
  const certificates = unanswered.length === 0 ? [] : await ports.store.listCertificates();
  for (const { atMs, signer } of unanswered) {
    const row = certificates.find(({ fingerprint }) => fingerprint === signer);
    const facts = row && ports.crypto.readCertificate(row.der);
    // Files of phones are signed by RSA keys; another one is a row of another time.
    const config = facts?.publicKey.kind === 'rsa' ? await paperConfig(facts, cluster.hash) : undefined;
    const refusals = sets.pairs(set).flatMap((key) => {
      const phone = library.bytes(key);
      if (phone === undefined || config === undefined) return [];
      const held = { ctl: describeSide(library, key, 'ctl'), itl: describeSide(library, key, 'itl') };
      return refusalOfConfig(ports, phone, name, config).map((refusal) => ({ ...refusal, ...held }));
    });
    shown.push({ atMs, signer: facts?.subject, refusals });
  }
  return shown;
}

/** On paper: its signature counts as right. At most one. */
function refusalOfConfig(
  { crypto, clock }: FieldPorts,
  phone: PhoneTrust,
  device: string,
  config: ServedFile,
): readonly Refusal[] {
  const onPaper = { ...crypto, verifyRsa: () => true };
  const {
    phone: verdict,
    code,
    reason,
  } = judgeFile(onPaper, phone, config, Math.floor(clock.nowMs() / 1000));
  return verdict === 'accept' ? [] : [{ file: `${device}.cnf.xml.sgn`, verdict, code, reason }];
}

function sinceOf(deliveries: readonly Delivery[], key: PairKey): Delivery | undefined {
  return deliveries.filter(({ sha256 }) => key.includes(sha256)).toSorted((a, b) => b.sinceMs - a.sinceMs)[0];
}
