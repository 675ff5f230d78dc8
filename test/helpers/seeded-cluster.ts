/** A cluster of one node or two, in one folder, and what servers would have written of its phones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinNode } from '../../src/app/change-nodes.ts';
import { runProgram } from './run-program.ts';
import { readClusterView, trustInputOf } from '../../src/app/cluster-view.ts';
import { planOperation, publishOperation, type TrustOperation } from '../../src/app/trust-operation.ts';
import type { ClusterMode, PublishedList } from '../../src/core/cluster/model.ts';
import type { Delivery } from '../../src/core/trust/belief-book.ts';
import type { StoredBelief } from '../../src/core/trust/belief-store.ts';
import { inUse } from '../../src/core/trust/trust-plan.ts';
import { createNode, openNode, type OpenNode } from '../../src/node/open-node.ts';
import { openBeliefs } from '../../src/store/beliefs.ts';
import { openStore } from '../../src/store/open-store.ts';
import { device } from '../store/store-values.ts';
import type { Ran } from './guided-field.ts';
import { fakeTerminal } from './terminal.ts';

export const nodeNames = ['a.example', 'b.example'] as const;
export type NodeName = (typeof nodeNames)[number];

export class SeededCluster {
  readonly #count: 1 | 2;
  readonly #world = mkdtempSync(join(tmpdir(), 'tftp-pki-two-'));
  readonly #nodes = new Map<NodeName, OpenNode>();

  constructor(nodes: 1 | 2) {
    this.#count = nodes;
  }

  /** All nodes stand in its lists; all keys lie in the one folder. */
  async begin(mode: ClusterMode): Promise<void> {
    const options = { dataDir: join(this.#world, 'node'), passphraseFile: undefined };
    const [first, second] = nodeNames;
    await createNode(options, {
      clusterId: 'lab',
      nodeName: first,
      mode,
      hash: 'sha1',
      by: 'a test',
      filesRoot: undefined,
    });
    for (const name of nodeNames.slice(0, this.#count)) {
      const node = await openNode(options);
      await node.store.close();
      const { crypto } = node;
      const store = await openStore({ path: node.folder.databaseFile, thisNode: name, crypto });
      this.#nodes.set(name, { ...node, store, close: () => store.close() });
    }
    if (this.#count === 1) return;
    const a = this.at(first);
    const recovery = inUse(trustInputOf(await readClusterView(a.store, a.crypto)), 'itlrecovery');
    const signer = await a.signers.open(recovery, await a.keyFiles.read(recovery.fingerprint));
    await this.publish(await joinNode(a, { nodeName: second, recovery: signer, by: 'a test' }));
  }

  /** The first one. */
  get node(): OpenNode {
    return this.at(nodeNames[0]);
  }

  at(name: NodeName): OpenNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`${name} was not begun`);
    return node;
  }

  /** On the first node, as a command does it. */
  async publish(operation: TrustOperation): Promise<void> {
    const { node } = this;
    await publishOperation(node, operation, await planOperation(node, operation), 'a test');
  }

  /** A command, on the first node. */
  run(...words: readonly string[]): Promise<Ran> {
    return this.runPlain(...words, '--json');
  }

  /** As people see it. */
  async runPlain(...words: readonly string[]): Promise<Ran> {
    const terminal = fakeTerminal();
    const data = this.node.folder.path;
    const status = await runProgram([...words, '--data', data], terminal);
    return { status, text: terminal.stdout.text, said: terminal.stderr.text };
  }

  async addPhones(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.node.store.addDevice(device(name));
  }

  async lists(of: NodeName): Promise<readonly PublishedList[]> {
    return (await this.at(of).store.currentLists()).filter(({ node }) => node === of);
  }

  /** What the server would have noted of one phone. */
  believe(belief: Pick<StoredBelief, 'name'> & Partial<StoredBelief>): void {
    const writer = openBeliefs(this.node.folder.beliefsFile);
    writer.save([{ ...unheard, ...belief }], []);
    writer.close();
  }

  async end(): Promise<void> {
    for (const node of this.#nodes.values()) await node.close();
    rmSync(this.#world, { recursive: true });
  }
}

export function given(
  lists: readonly PublishedList[],
  sinceMs: number,
  how: Delivery['how'] = 'tcp',
): readonly Delivery[] {
  return lists.map(({ kind, sha256 }) => ({ kind, sha256, sinceMs, how }));
}

const unheard: Omit<StoredBelief, 'name'> = {
  pairs: ['?'],
  address: '10.0.0.1',
  heardMs: 0,
  deliveries: [],
  provedMs: undefined,
  unansweredConfigs: 0,
  gap: 0,
};
