/** What stands in a data folder after a fault: every row's key, both lists, the audit, and what a phone makes of it. */
import { createPublicKey } from 'node:crypto';
import { equalBytes } from '../../src/base/bytes.ts';
import { auditChainFault } from '../../src/core/audit/audit-chain.ts';
import type { PhoneState } from '../../src/core/phone/phone-state.ts';
import { loadConfig } from '../../src/config/load.ts';
import { readClusterView } from '../../src/app/cluster-view.ts';
import { startBack } from '../../src/node/back.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { createPassphraseSource } from '../../src/node/passphrase.ts';
import { readPrivateKey } from '../../src/pki/private-key.ts';
import { bootPhone, type BootResult } from '../../src/sim/boot-phone.ts';

export interface FolderFacts {
  /** `undefined` before the first one. */
  readonly generation: number | undefined;
  readonly mode: string;
  /** Own certificates, in their order. */
  readonly own: readonly string[];
}

export interface Examined {
  readonly facts: FolderFacts;
  /** What is wrong, whatever was going on; empty as it must be. */
  readonly faults: readonly string[];
}

/** `undefined`: no cluster stands in it yet. */
export async function examine(dataDir: string): Promise<Examined | undefined> {
  const node = await openNode({ dataDir, passphraseFile: undefined });
  try {
    if ((await node.store.readCluster()) === undefined) return undefined;
    const view = await readClusterView(node.store, node.crypto);
    const lists = await node.store.currentLists();
    const generations = new Set(lists.map(({ generation }) => generation));
    const audit = auditChainFault(node.crypto, await node.store.listAudit());
    return {
      facts: {
        generation: lists[0]?.generation,
        mode: view.cluster.mode,
        own: view.own.map(({ purpose }) => purpose),
      },
      faults: [
        ...(generations.size > 1 ? ['lists of two generations are current'] : []),
        ...(audit === undefined ? [] : [`audit: ${audit}`]),
        ...lists.flatMap(({ kind, bytes }) => {
          const name = kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
          const refusal = node.verifyAgain(bytes, { name, previousList: bytes });
          return refusal === undefined ? [] : [`${name}: ${refusal}`];
        }),
        ...(await lostKeys(node, view.own)),
      ],
    };
  } finally {
    await node.close();
  }
}

/** A key file with the same bytes opens the same; its passphrase is slow on purpose. */
const publicKeys = new Map<string, Uint8Array>();

async function lostKeys(
  { folder, keyFiles }: OpenNode,
  own: Awaited<ReturnType<typeof readClusterView>>['own'],
): Promise<readonly string[]> {
  const passphrase = createPassphraseSource(undefined, folder.passphraseFile)();
  const lost: string[] = [];
  const opened = (pem: string): Uint8Array => {
    const known = publicKeys.get(pem);
    if (known) return known;
    const key = createPublicKey(readPrivateKey(pem, passphrase));
    const spki = Uint8Array.from(key.export({ type: 'spki', format: 'der' }));
    publicKeys.set(pem, spki);
    return spki;
  };
  for (const { purpose, certificate } of own) {
    const pem = await keyFiles.find(certificate.fingerprint);
    if (pem === undefined || !equalBytes(opened(pem), certificate.publicKey.spki))
      lost.push(`the key of ${purpose} is lost`);
  }
  return lost;
}

/** The same but for its number, which is a later one: numbers of attempts that failed are not used again. */
export function isLater(
  found: FolderFacts | undefined,
  wanted: FolderFacts | undefined,
  than: number,
): boolean {
  const same = JSON.stringify({ ...found, generation: 0 }) === JSON.stringify({ ...wanted, generation: 0 });
  return same && (found?.generation ?? 0) > than;
}

/** The phone boots from what a server started on the folder now would answer. */
export async function bootFrom(
  dataDir: string,
  state: PhoneState,
): Promise<BootResult & { readonly startMs: number }> {
  const before = process.cpuUsage();
  const node = await openNode({ dataDir, passphraseFile: undefined });
  try {
    const config = loadConfig({ file: node.folder.configFile });
    const ignore = (): void => undefined;
    const back = await startBack({ node, config, onEvent: ignore, onChange: ignore });
    // Work, not time: a machine that does other things too makes no start slow.
    const { user, system } = process.cpuUsage(before);
    const startMs = (user + system) / 1000;
    try {
      const result = await bootPhone({
        crypto: node.crypto,
        state,
        fetch: async (name) => {
          const from = { transport: 'http', address: '10.0.0.1', port: 1024 } as const;
          const answer = await back.resolve({ name, ...from });
          if (answer.kind === 'not-found') return { kind: 'not-found' };
          if (answer.kind !== 'served' || answer.content.kind !== 'memory')
            return { kind: 'failed', reason: `answered ${answer.kind}` };
          return { kind: 'bytes', bytes: answer.content.bytes };
        },
        nowSeconds: () => Math.floor(node.clock.nowMs() / 1000),
        report: ignore,
      });
      return { ...result, startMs };
    } finally {
      back.close();
    }
  } finally {
    await node.close();
  }
}
