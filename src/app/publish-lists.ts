/**
 * Publishes a planned generation (design.md §5): signed, staged, read back by a new connection, verified a second time
 * and judged as a phone that holds the current generation would; only then made current, in one transaction with the
 * change of the cluster that it tells of and its audit row. New keys are on the disk before. Any failure leaves the
 * old generation, and a refusal no key.
 */
import { equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { encodeUtf8, printable, toHex } from '../base/text.ts';
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
import { allowAdoptedRsa4096 } from '../core/signing/sign-header.ts';
import { judgeFile } from '../core/trust/judge.ts';
import type { TrustPlan } from '../core/trust/trust-plan.ts';
import type { HashName } from '../wire/algorithm.ts';
import { withNewKeys, type NewKey } from './new-keys.ts';
import { replacedList, type PlannedPublication } from './plan-publication.ts';

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
  readonly newKeys?: readonly NewKey[] | undefined;
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
  const timestamps = {
    itl: await timestampOf(ports, planned, 'itl'),
    ctl: await timestampOf(ports, planned, 'ctl'),
  };
  const lists: NewList[] = [];
  for (const list of planned.lists) {
    const { plan } = list;
    const before = replacedList(planned, list);
    if (plan === undefined && before !== undefined) lists.push(before);
    else if (plan !== undefined) {
      const signer = await signerOf(ports, request, plan);
      lists.push(
        await makeList(ports, planned, { node: list.node, plan, signer, timestamp: timestamps[list.kind] }),
      );
    }
  }
  const audit = {
    atMs: ports.clock.nowMs(),
    who: request.who,
    operation: request.operation,
    detail: detailOf(planned, lists),
  };
  const check: Parameters<Store['publish']>[1] = (staged, before) =>
    refuseUnbelievable(ports, planned, lists, staged, before);
  return withNewKeys(ports, request.newKeys ?? [], () =>
    ports.store.publish(lists, check, audit, planned.change),
  );
}

async function signerOf(
  { keyFiles, signers }: PublishPorts,
  { signer }: PublishRequest,
  { signer: wanted }: TrustPlan,
): Promise<Signer> {
  if (signer?.certificate.fingerprint === wanted.fingerprint) return signer;
  const key = await keyFiles.find(wanted.fingerprint);
  if (key === undefined)
    throw new Failure('refused', `the key of ${printable(wanted.subject)} is not in this folder`, {
      hint: 'It lies on the node that made the cluster; what export-recovery wrote there signs here: --key P12 --key-passphrase-file FILE.',
    });
  return signers.open(wanted, key);
}

/**
 * Of all new lists of that kind, undefined when there is none: a phone that falls over to another node must not meet a
 * list that is older than its own.
 */
async function timestampOf(
  { store, crypto, clock }: PublishPorts,
  planned: PlannedPublication,
  kind: TrustListKind,
): Promise<number> {
  const lists = planned.lists.filter((list) => list.kind === kind && list.plan !== undefined);
  const signer = lists[0]?.plan?.signer;
  if (signer === undefined) return 0;
  const contents = lists.map(({ plan }) => contentOf(plan?.records ?? []));
  const before = planned.current.filter((list) => list.kind === kind).map((list) => list.timestamp);
  return store.signedTimestamp(
    listFileNames[kind],
    signer.fingerprint,
    toHex(crypto.digest('sha256', encodeUtf8(contents.join('\n\n')))),
    // Phones compare lists whoever signed them, so another signer's list is a floor too.
    Math.max(signer.notBefore, Math.floor(clock.nowMs() / 1000), ...before.map((seconds) => seconds + 1)),
  );
}

interface ListOrder {
  readonly node: string;
  readonly plan: TrustPlan;
  readonly signer: Signer;
  /** Seconds. */
  readonly timestamp: number;
}

async function makeList(
  { crypto, clock }: PublishPorts,
  planned: PlannedPublication,
  { node, plan: { kind, records, signer: certificate }, signer, timestamp }: ListOrder,
): Promise<NewList> {
  const hash: HashName = planned.view.cluster.hash;
  const bytes = await buildTrustList({
    kind,
    records,
    fileName: listFileNames[kind],
    timestamp,
    hash,
    signer,
    preparesRollback: kind === 'itl' && planned.rollback,
    allowRsa4096: allowAdoptedRsa4096,
  });
  return {
    kind,
    node,
    bytes,
    signer: certificate.fingerprint,
    sha256: toHex(crypto.digest('sha256', bytes)),
    timestamp,
    publishedMs: clock.nowMs(),
  };
}

/** What the list says, without when and by whose hand: equal for equal lists. */
function contentOf(records: TrustPlan['records']): string {
  const lines = records.map(({ role, certificate, dnsName, ipAddress }) =>
    [role, certificate?.fingerprint ?? '-', dnsName, ipAddress ? toHex(ipAddress) : '-'].join(' '),
  );
  return lines.join('\n');
}

function detailOf(
  { change }: PlannedPublication,
  lists: readonly NewList[],
): Readonly<Record<string, string | readonly string[]>> {
  const named = (certificates: readonly Pick<CertificateFacts, 'fingerprint'>[]): readonly string[] =>
    certificates.map(({ fingerprint }) => fingerprint);
  const { addCertificates = [], retireCertificates = [], renameNodes = [], mode, hash } = change;
  return {
    lists: lists.map(({ kind, sha256, signer }) => `${kind} ${sha256} by ${signer}`),
    ...(addCertificates.length > 0 && { added: named(addCertificates) }),
    ...(retireCertificates.length > 0 && { retired: retireCertificates.map(String) }),
    ...(renameNodes.length > 0 && { renamed: renameNodes.map(({ name, host }) => `${name} is ${host}`) }),
    ...(mode !== undefined && { mode }),
    ...(hash !== undefined && { hash }),
  };
}

/** The publisher's check on what the database gave back. Throws Failure `refused` or `storage-corrupt`. */
function refuseUnbelievable(
  { crypto, clock, verifyAgain }: PublishPorts,
  planned: PlannedPublication,
  built: readonly NewList[],
  staged: readonly PublishedList[],
  before: readonly PublishedList[],
): void {
  const { current, currentKeep } = planned;
  if (before[0]?.generation !== current[0]?.generation)
    throw new Failure('storage-busy', 'the lists were published anew after this change was planned', {
      hint: 'Look at the current lists and repeat.',
    });
  // Phones of a node whose lists stay keep these, whoever signs the new ones of another node.
  const renewed = planned.lists.filter(({ plan }) => plan !== undefined).map(({ node }) => node);
  const holders = new Set(before.map(({ node }) => node).filter((node) => renewed.includes(node)));
  for (const list of built) {
    const name = listFileNames[list.kind];
    const read = staged.find((candidate) => candidate.kind === list.kind && candidate.node === list.node);
    if (read === undefined || !equalBytes(read.bytes, list.bytes))
      throw new Failure('storage-corrupt', `${name} is not what was written`);
    // Carried over: phones judged it when it was new.
    if (before.some((old) => old.kind === list.kind && equalBytes(old.bytes, list.bytes))) continue;
    // A phone that falls over holds another node's lists.
    for (const holder of holders.size === 0 || currentKeep ? [undefined] : holders) {
      const held = (kind: TrustListKind): Uint8Array | undefined =>
        before.find((candidate) => candidate.kind === kind && candidate.node === holder)?.bytes;
      const doubt = verifyAgain(read.bytes, { name, previousList: held(list.kind) });
      if (doubt !== undefined) throw new Failure('refused', `the second verifier refuses ${name}: ${doubt}`);
      const phone = { ctl: held('ctl'), itl: held('itl') };
      const judged = judgeFile(crypto, phone, { name, bytes: read.bytes }, Math.floor(clock.nowMs() / 1000));
      if (judged.phone !== 'accept')
        throw new Failure(
          'refused',
          `a phone with the current lists would not take ${name}: ${judged.reason}`,
        );
    }
  }
}
