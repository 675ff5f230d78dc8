/**
 * Publishes a planned generation (design.md §5): signed, staged, read back by a new connection, verified a second time
 * and judged as a phone that holds the current generation would; only then made current, in one transaction with the
 * change of the cluster that it tells of and its audit row. New keys are on the disk before. Any failure leaves the
 * old generation.
 */
import { equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { encodeUtf8, toHex } from '../base/text.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type {
  CertificateFacts,
  Crypto,
  KeyFiles,
  NewList,
  SecondVerifier,
  Signer,
  SignerOpener,
  Store,
  WallClock,
} from '../core/ports.ts';
import { buildTrustList } from '../core/signing/build-trust-list.ts';
import { judgeFile } from '../core/trust/judge.ts';
import type { TrustPlan } from '../core/trust/trust-plan.ts';
import type { HashName } from '../wire/algorithm.ts';
import { currentList, type PlannedPublication } from './plan-publication.ts';

export interface PublishPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly verifyAgain: SecondVerifier;
  readonly keyFiles: KeyFiles;
  readonly signers: SignerOpener;
}

export interface PublishRequest {
  readonly planned: PlannedPublication;
  /** Who did it, and by which command; what changes is added here. */
  readonly who: string;
  readonly operation: string;
  /** Keys of certificates that come with this generation. */
  readonly newKeys?:
    readonly { readonly fingerprint: string; readonly encryptedKeyPem: string }[] | undefined;
  /** A signer whose key lies in no file of ours; otherwise the plan's signer is opened, for this call only. */
  readonly signer?: Signer | undefined;
}

export const listFileNames: Readonly<Record<TrustListKind, string>> = {
  itl: 'ITLFile.tlv',
  ctl: 'CTLFile.tlv',
};

/** Gives the new generation's number. */
export async function publishLists(ports: PublishPorts, request: PublishRequest): Promise<number> {
  const { planned } = request;
  const lists: NewList[] = [];
  for (const { kind, plan } of planned.lists) {
    const before = currentList(planned, kind);
    if (plan === undefined && before !== undefined) lists.push(before);
    else if (plan !== undefined)
      lists.push(await makeList(ports, planned, plan, await signerOf(ports, request, plan)));
  }
  for (const { fingerprint, encryptedKeyPem } of request.newKeys ?? [])
    await ports.keyFiles.save(fingerprint, encryptedKeyPem);
  return ports.store.publish(
    lists,
    (staged, before) => refuseUnbelievable(ports, planned, lists, staged, before),
    {
      atMs: ports.clock.nowMs(),
      who: request.who,
      operation: request.operation,
      detail: detailOf(planned, lists),
    },
    planned.change,
  );
}

async function signerOf(
  { keyFiles, signers }: PublishPorts,
  { signer }: PublishRequest,
  { signer: wanted }: TrustPlan,
): Promise<Signer> {
  if (signer?.certificate.fingerprint === wanted.fingerprint) return signer;
  return signers.open(wanted, await keyFiles.read(wanted.fingerprint));
}

async function makeList(
  { store, crypto, clock }: PublishPorts,
  planned: PlannedPublication,
  { kind, records, signer: certificate }: TrustPlan,
  signer: Signer,
): Promise<NewList> {
  const before = currentList(planned, kind);
  const timestamp = await store.signedTimestamp(
    listFileNames[kind],
    certificate.fingerprint,
    toHex(crypto.digest('sha256', contentOf(records))),
    // Phones compare lists whoever signed them, so another signer's list is a floor too.
    Math.max(certificate.notBefore, Math.floor(clock.nowMs() / 1000), (before?.timestamp ?? 0) + 1),
  );
  const hash: HashName = planned.view.cluster.hash;
  const bytes = await buildTrustList({
    kind,
    records,
    fileName: listFileNames[kind],
    timestamp,
    hash,
    signer,
    preparesRollback: kind === 'itl' && planned.rollback,
    // Phones that took lists by this key take the next one: a large key breaks nobody anew.
    allowRsa4096: planned.current.some((list) => list.signer === certificate.fingerprint),
  });
  return {
    kind,
    node: planned.node,
    bytes,
    signer: certificate.fingerprint,
    sha256: toHex(crypto.digest('sha256', bytes)),
    timestamp,
    publishedMs: clock.nowMs(),
  };
}

/** What the list says, without when and by whose hand: equal for equal lists. */
function contentOf(records: TrustPlan['records']): Uint8Array {
  const lines = records.map(({ role, certificate, dnsName, ipAddress }) =>
    [role, certificate?.fingerprint ?? '-', dnsName, ipAddress ? toHex(ipAddress) : '-'].join(' '),
  );
  return encodeUtf8(lines.join('\n'));
}

function detailOf(
  { change }: PlannedPublication,
  lists: readonly NewList[],
): Readonly<Record<string, string | readonly string[]>> {
  const named = (certificates: readonly Pick<CertificateFacts, 'fingerprint'>[]): readonly string[] =>
    certificates.map(({ fingerprint }) => fingerprint);
  const { addCertificates = [], retireCertificates = [], mode } = change;
  return {
    lists: lists.map(({ kind, sha256, signer }) => `${kind} ${sha256} by ${signer}`),
    ...(addCertificates.length > 0 && { added: named(addCertificates) }),
    ...(retireCertificates.length > 0 && { retired: retireCertificates.map(String) }),
    ...(mode !== undefined && { mode }),
  };
}

/** The publisher's check on what the database gave back. Throws Failure `refused` or `storage-corrupt`. */
function refuseUnbelievable(
  { crypto, clock, verifyAgain }: PublishPorts,
  { current, currentKeep }: PlannedPublication,
  built: readonly NewList[],
  staged: readonly PublishedList[],
  before: readonly PublishedList[],
): void {
  if (before[0]?.generation !== current[0]?.generation)
    throw new Failure('storage-busy', 'the lists were published anew after this change was planned', {
      hint: 'Look at the current lists and repeat.',
    });
  for (const list of built) {
    const name = listFileNames[list.kind];
    const read = staged.find((candidate) => candidate.kind === list.kind && candidate.node === list.node);
    if (read === undefined || !equalBytes(read.bytes, list.bytes))
      throw new Failure('storage-corrupt', `${name} is not what was written`);
    // Carried over: phones judged it when it was new.
    if (before.some((old) => old.kind === list.kind && equalBytes(old.bytes, list.bytes))) continue;
    const held = (kind: TrustListKind): Uint8Array | undefined =>
      currentKeep
        ? undefined
        : before.find((candidate) => candidate.kind === kind && candidate.node === list.node)?.bytes;
    const doubt = verifyAgain(read.bytes, { name, previousList: held(list.kind) });
    if (doubt !== undefined) throw new Failure('refused', `the second verifier refuses ${name}: ${doubt}`);
    const phone = { ctl: held('ctl'), itl: held('itl') };
    const judged = judgeFile(crypto, phone, { name, bytes: read.bytes }, Math.floor(clock.nowMs() / 1000));
    if (judged.phone !== 'accept')
      throw new Failure('refused', `a phone with the current lists would not take ${name}: ${judged.reason}`);
  }
}
