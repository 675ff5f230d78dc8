/**
 * Cluster B beside that of a history: in mixed mode, lists that never change, and the first ITLRecovery and CallManager of
 * the other cluster among its SASTs, so that phones can come back.
 */
import { planCtl } from '../../src/core/trust/plan-ctl.ts';
import { planItl } from '../../src/core/trust/plan-itl.ts';
import type { TrustInput } from '../../src/core/trust/trust-plan.ts';
import type { RemoteList } from '../../src/core/cluster/remote-store.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import type { CertificateFacts } from '../../src/core/ports.ts';
import { buildTrustList } from '../../src/core/signing/build-trust-list.ts';
import { signFile } from '../../src/core/signing/sign-file.ts';
import type { HashName } from '../../src/wire/algorithm.ts';
import { remoteCluster } from './fake-remotes.ts';
import { now } from './trust-builder.ts';
import { crypto, elsewhere, firstOf, signerOf } from './trust-parties.ts';

const input: TrustInput = {
  thisNode: 'b',
  mode: 'mixed',
  nodes: [{ name: 'b' }],
  own: [
    { purpose: 'itlrecovery', node: undefined, certificate: elsewhere.recovery },
    { purpose: 'callmanager', node: 'b', certificate: elsewhere.callmanager },
  ],
  foreignSasts: [firstOf('itlrecovery'), firstOf('callmanager', 'n')],
  foreignFileSigners: [],
};

export const remoteB = remoteCluster('B', { servers: [] });

/** A phone takes no list that is older than its own: the way there is open at first, the way back later. */
const aheadSeconds = 3 * 3600;

const fileNames = { itl: 'ITLFile.tlv', ctl: 'CTLFile.tlv' } as const;

async function listsOf(given: TrustInput, hash: HashName = 'sha1'): Promise<readonly RemoteList[]> {
  return Promise.all(
    [planItl(given), planCtl(given)].map(async ({ kind, records, signer }) => {
      const fileName = fileNames[kind];
      const bytes = await buildTrustList({
        kind,
        records,
        fileName,
        timestamp: now + aheadSeconds,
        hash,
        signer: signerOf(signer),
      });
      const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
      return { cluster: 'B', server: 'b:69', kind, bytes, sha256, seenMs: 0 };
    }),
  );
}

export const clusterBLists = await listsOf(input);
/** The same, as a cluster publishes them whose hash is that one. */
export const listsOfB = (hash: HashName): Promise<readonly RemoteList[]> => listsOf(input, hash);
/** Of a cluster that never heard of the other one. */
const strangeLists = await listsOf({ ...input, foreignSasts: [] });

/** What a phone of B is served. */
export function clusterB(name: string): Promise<FetchAnswer> {
  const list = clusterBLists.find(({ kind }) => fileNames[kind] === name);
  if (list !== undefined) return Promise.resolve({ kind: 'bytes', bytes: list.bytes });
  return configOf(name, elsewhere.callmanager, 'sha1');
}

/** A phone's configuration, signed or not; only phones have one. */
export async function configOf(name: string, signer: CertificateFacts, hash: HashName): Promise<FetchAnswer> {
  if (!/^SEP[0-9A-F]{12}\.cnf\.xml(\.sgn)?$/.test(name)) return { kind: 'not-found' };
  const content = new TextEncoder().encode('<device/>');
  if (!name.endsWith('.sgn')) return { kind: 'bytes', bytes: content };
  const request = { fileName: name, timestamp: now, hash, content };
  return { kind: 'bytes', bytes: await signFile({ ...request, signer: signerOf(signer) }) };
}

/** A phone that somebody carries here, with lists that know nothing of ours: no server can tell. */
export function fromElsewhere(name: string): PhoneState {
  const hex = (kind: 'itl' | 'ctl'): string | null => {
    const bytes = strangeLists.find((list) => list.kind === kind)?.bytes;
    return bytes === undefined ? null : Buffer.from(bytes).toString('hex');
  };
  return { ...newPhone(name), itl: hex('itl'), ctl: hex('ctl') };
}
