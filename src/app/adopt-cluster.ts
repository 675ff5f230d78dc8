/**
 * Takes over phones that hold another product's lists: those lists become generation 0 and are served as they are, the
 * keys that phones take lists and files from become this folder's, what is missing is issued, and generation 1 is
 * published, which phones with generation 0 accept. Killed at any point, the same call finishes what it began.
 * Refused: lists that none of their own SASTs signed, and keys that phones take no list from; then it says which
 * certificates would have to be loaded where first.
 */
import { Failure } from '../base/errors.ts';
import type { CertificatePurpose, Cluster, ClusterNode } from '../core/cluster/model.ts';
import type { CertificateFacts, NewCertificate } from '../core/ports.ts';
import type { HashName } from '../wire/algorithm.ts';
import { hashOfCode } from '../wire/algorithm.ts';
import { chooseAdopted, type AdoptedKeys, type GivenCertificate } from './adopted-keys.ts';
import { readAdoptedLists, type AdoptedLists } from './adopted-lists.ts';
import {
  auditOf,
  clusterWidePurposes,
  issueAndKeep,
  ownPurposes,
  refuseClusterNames,
  type InitPorts,
} from './init-cluster.ts';
import { planPublication, type PlannedPublication } from './plan-publication.ts';
import { planEveryPair, type ShownVerdict } from './plan-strand.ts';
import { publishLists } from './publish-lists.ts';

export interface AdoptRequest {
  /** Default: the node's name. */
  readonly clusterId: string | undefined;
  /** Default: the host or the common name of the CallManager certificate. */
  readonly nodeName: string | undefined;
  readonly itl: Uint8Array;
  readonly ctl: Uint8Array | undefined;
  readonly sasts: readonly GivenCertificate[];
  readonly callmanager: GivenCertificate | undefined;
  readonly by: string;
}

export interface AdoptResult {
  readonly cluster: Cluster;
  readonly nodeName: string;
  readonly generation: number;
  /** What phones see change from generation 0 to the first one of ours. */
  readonly planned: PlannedPublication;
  /** What phones may hold of the adopted lists, and where they find the signer of their configuration then. */
  readonly pairs: readonly ShownVerdict[];
  readonly issued: readonly CertificatePurpose[];
  readonly warnings: readonly string[];
}

export async function adoptCluster(ports: InitPorts, request: AdoptRequest): Promise<AdoptResult> {
  const lists = readAdoptedLists(ports.crypto, request.itl, request.ctl);
  const keys = chooseAdopted(lists, request.sasts, request.callmanager);
  const names = namesFor(request, lists, keys);
  refuseClusterNames(names);
  const existing = await ports.store.readCluster();
  if (existing !== undefined && (await ports.store.currentLists()).some((list) => list.generation > 0))
    throw new Failure('refused', `cluster ${existing.id} exists in this data folder`, {
      hint: 'Name another folder with --data, or look at it with tftp-pki status.',
    });
  const missing = ownPurposes.filter((purpose) => !(purpose in keys.own));
  if (existing === undefined) await createRows(ports, request, { lists, keys, names, missing });
  const planned = await planPublication(ports, { signer: keys.listSigner });
  const pairs = await planEveryPair(ports, planned);
  refuseStrandedPairs(pairs);
  const generation = await publishLists(ports, { planned, who: request.by, operation: 'adopt' });
  const { cluster } = planned.view;
  return {
    cluster,
    nodeName: names.nodeName,
    generation,
    planned,
    pairs,
    issued: missing,
    warnings: warningsOf(lists, keys),
  };
}

/** No database counts these phones: that one of them is stranded is enough, and no number allows it. */
function refuseStrandedPairs(pairs: readonly ShownVerdict[]): void {
  const stranded = pairs.filter((pair) => pair.stranded);
  if (stranded.length === 0) return;
  const words = stranded.map(({ ctl, itl }) => `CTL ${ctl} and ITL ${itl}`).join('; ');
  throw new Failure(
    'refused',
    `phones that hold ${words} would have no path to a configuration they believe`,
    {
      hint: 'Give the key that signs files for them (--callmanager), or a SAST of every list they hold (--sast).',
    },
  );
}

interface Names {
  readonly clusterId: string;
  readonly nodeName: string;
}

interface Parts {
  readonly lists: AdoptedLists;
  readonly keys: AdoptedKeys;
  readonly names: Names;
  readonly missing: readonly CertificatePurpose[];
}

function namesFor({ clusterId, nodeName }: AdoptRequest, lists: AdoptedLists, { own }: AdoptedKeys): Names {
  const certificate = own.callmanager?.certificate;
  const record = lists.fileSigners.find(({ fingerprint }) => fingerprint === certificate?.fingerprint);
  const commonName = certificate?.subjectAttributes.find(([type]) => type === 'CN')?.[1];
  const node = nodeName ?? (record?.dnsName !== '' ? record?.dnsName : undefined) ?? commonName;
  if (node === undefined)
    throw new Failure('usage', 'no certificate names the node', { hint: 'Say it with --node NAME.' });
  return { nodeName: node, clusterId: clusterId ?? node };
}

async function createRows(ports: InitPorts, request: AdoptRequest, parts: Parts): Promise<void> {
  const { lists, keys, names, missing } = parts;
  const nowMs = ports.clock.nowMs();
  const certificates: NewCertificate[] = [];
  const add = (
    certificate: CertificateFacts,
    store: Pick<NewCertificate, 'store' | 'purpose' | 'node'>,
  ): void => {
    const { der, fingerprint } = certificate;
    certificates.push({ ...store, der, fingerprint, provenance: `adopted, ${request.by}`, addedMs: nowMs });
  };
  for (const purpose of ownPurposes) {
    const given = keys.own[purpose];
    if (given === undefined) continue;
    await ports.keyFiles.save(given.certificate.fingerprint, given.encryptedKeyPem);
    const node = clusterWidePurposes.has(purpose) ? undefined : names.nodeName;
    add(given.certificate, { store: 'own', purpose, node });
  }
  for (const purpose of missing)
    certificates.push(await issueAndKeep(ports, { ...names, by: request.by }, purpose, 'adopt', nowMs));
  // Their keys stay where they are; what phones knew of them is kept as history, and listed nowhere but in the CTL.
  for (const { store, certificate } of [...lists.services, ...keys.furtherSasts.map(asFurtherSast)])
    add(certificate, { store, purpose: undefined, node: undefined });

  const cluster: Cluster = { id: names.clusterId, mode: lists.mode, hash: hashOf(lists), createdMs: nowMs };
  const node: ClusterNode = { name: names.nodeName, createdMs: nowMs };
  const adopted = lists.published.map((list) => ({ ...list, node: node.name, publishedMs: nowMs }));
  const audit = auditOf(ports.clock, 'adopt', { ...names, mode: lists.mode, by: request.by });
  await ports.store.createCluster(cluster, node, certificates, audit, adopted);
}

function asFurtherSast(certificate: CertificateFacts): {
  readonly store: 'phone-sast-trust';
  readonly certificate: CertificateFacts;
} {
  return { store: 'phone-sast-trust', certificate };
}

/** What phones have shown to take. */
function hashOf({ digestCode }: AdoptedLists): HashName {
  return hashOfCode(digestCode) ?? 'sha1';
}

function warningsOf(lists: AdoptedLists, keys: AdoptedKeys): readonly string[] {
  const gone = lists.fileSigners.filter(
    ({ fingerprint }) => fingerprint !== keys.own.callmanager?.certificate.fingerprint,
  );
  return [
    ...(keys.own.callmanager === undefined
      ? ['the CallManager key is new: phones must take the lists before they take a file signed here']
      : []),
    ...(keys.own.itlrecovery === undefined
      ? [
          'ITLRecovery is new: these lists are signed by the CallManager key; run update-itl and update-ctl later',
        ]
      : []),
    ...longKeys(keys),
    ...gone.map(({ subject }) => `${subject} signs no file any more that phones believe`),
    'CAPF and TVS certificates are new: the services take their keys from this folder',
  ];
}

/** Its phones take them, as their lists show; a model that comes later may not. */
function longKeys({ own }: AdoptedKeys): readonly string[] {
  return ownPurposes.flatMap((purpose) => {
    const key = own[purpose]?.certificate.publicKey;
    return key?.kind === 'rsa' && key.modulusBits > 2_048
      ? [`the ${purpose} key is RSA-${key.modulusBits}, whose signatures break some phone models`]
      : [];
  });
}
