/** What nodes tell each other of phones: a part of the suite for every implementation of the Store port. */
import { expect, test } from 'vitest';
import type { Store } from '../../src/core/ports.ts';
import type { StoredBelief } from '../../src/core/trust/belief-store.ts';
import { audit, cluster, node } from './store-values.ts';
import { anybodyAsked, type TvsAsker } from '../../src/core/tvs/asker.ts';

/** `open`: as the node of that name, on one database. */
export function sharedBeliefCases(open: (thisNode: string) => Promise<Store>): void {
  test('what a node heard of phones is read by the others as it was told, the newest word of each', async () => {
    const [a, b] = [await open('a'), await open('b')];
    const belief: StoredBelief = {
      name: 'SEP1',
      pairs: ['/i', '?'],
      address: '10.0.0.1',
      heardMs: 5,
      provedMs: undefined,
      unansweredConfigs: 1,
      gap: 1,
      deliveries: [{ kind: 'itl', sha256: 'i', sinceMs: 4, lastMs: 5, how: 'tcp' }],
    };
    const unanswered = [{ atMs: 5, signer: 'aa' }];
    const gap = { number: 1, atMs: 3, pairs: ['/i'] };
    await a.shareBeliefs({ devices: [{ ...belief, unanswered }], gaps: [gap] });
    await b.shareBeliefs({ devices: [belief], gaps: [] });
    expect((await b.listSharedBeliefs()).toSorted((x, y) => x.node.localeCompare(y.node))).toEqual([
      { node: 'a', devices: [{ ...belief, unanswered }], gaps: [gap] },
      { node: 'b', devices: [belief], gaps: [] },
    ]);
    const handshakes = [{ service: 'tvs' as const, server: 'bb', atMs: 9 }];
    const shown = { ...belief, pairs: ['/i'], provedMs: 9, showed: { signer: 'aa', atMs: 9 }, handshakes };
    await a.shareBeliefs({ devices: [shown], gaps: [gap] });
    const told = (await b.listSharedBeliefs()).find(({ node }) => node === 'a');
    expect(told).toEqual({ node: 'a', devices: [shown], gaps: [gap] });
    await Promise.all([a.close(), b.close()]);
  });

  test('whom a TVS vouched to is known at every node, until it is too long ago', async () => {
    const [a, b] = [await open('a'), await open('b')];
    const noted = (askedMs: number, ...askers: readonly TvsAsker[]): Promise<void> =>
      a.noteTvsAskers(askers, { askedMs, forgetBeforeMs: askedMs - 100 });
    const desk = { address: '10.0.0.1', device: 'SEP1' };
    const [byAddress, byName] = [
      { address: desk.address, device: undefined },
      { address: '10.9.9.9', device: desk.device },
    ];
    await noted(10, byAddress, byName, { address: '10.0.0.2', device: undefined });
    const found = async (sinceMs: number): Promise<readonly TvsAsker[]> => b.findTvsAskers([desk], sinceMs);
    const sorted = (askers: readonly TvsAsker[]): readonly TvsAsker[] =>
      askers.toSorted((x, y) => x.address.localeCompare(y.address));
    expect(sorted(await found(10))).toEqual([byAddress, byName]);
    expect(await found(11)).toEqual([]);
    // The later time counts, whoever tells the earlier one afterwards.
    await noted(20, byAddress);
    await noted(15, byAddress);
    expect(await found(20)).toEqual([byAddress]);
    expect(await b.findTvsAskers([], 10)).toEqual([]);
    expect(await b.findTvsAskers('all', 10)).toHaveLength(3);
    await noted(30, anybodyAsked);
    const stranger = { address: '10.0.0.7', device: 'SEP7' };
    expect(await b.findTvsAskers([stranger], 30)).toEqual([anybodyAsked]);
    await noted(131, { address: '10.0.0.3', device: undefined });
    expect(await found(0)).toEqual([]);
    await Promise.all([a.close(), b.close()]);
  });

  test('who asked the TVS of a node in vain is read by the others as it was told last', async () => {
    const [a, here] = [await open('a'), await open(node.name)];
    await a.createCluster(cluster, node, [], audit);
    const asked = {
      device: 'SEP001122334455',
      count: 2,
      lastMs: 7,
      signer: { issuer: 'CN=b', serial: '0b' },
    };
    await here.shareTvsReport([asked]);
    await here.shareTvsReport([{ ...asked, count: 3 }]);
    // Of no node of the cluster.
    await a.shareTvsReport([asked]);
    expect(await a.listTvsReports()).toEqual([{ node: node.name, unknownSigners: [{ ...asked, count: 3 }] }]);
    await Promise.all([a.close(), here.close()]);
  });
}
