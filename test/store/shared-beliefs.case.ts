/** What nodes tell each other of phones: a part of the suite for every implementation of the Store port. */
import { expect, test } from 'vitest';
import type { Store } from '../../src/core/ports.ts';
import type { StoredBelief } from '../../src/core/trust/belief-store.ts';

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
}
