/**
 * Which of the lists in force a phone was given. Each node publishes lists of its own and a phone asks the node that
 * answers first: the CTL, where there is one, and the ITL of any one node are all that it has to take.
 */
import type { PublishedList } from '../cluster/model.ts';
import type { Delivery } from './belief-book.ts';

/** What one node gives to whoever asks it. */
export interface NodeLists {
  readonly node: string;
  readonly lists: readonly PublishedList[];
}

export interface GivenLists extends NodeLists {
  /** One for each list. */
  readonly deliveries: readonly Delivery[];
}

export function listsByNode(current: readonly PublishedList[]): readonly NodeLists[] {
  const byNode = new Map<string, PublishedList[]>();
  for (const list of current) {
    const known = byNode.get(list.node);
    if (known) known.push(list);
    else byNode.set(list.node, [list]);
  }
  return [...byNode].map(([node, lists]) => ({ node, lists }));
}

/** Of every node whose lists were all delivered; empty where none was given whole, or nothing is published. */
export function givenWhole(
  current: readonly PublishedList[],
  deliveries: readonly Delivery[],
): readonly GivenLists[] {
  return listsByNode(current).flatMap((ofNode) => {
    const found = ofNode.lists.flatMap(
      ({ sha256 }) => deliveries.find((delivery) => delivery.sha256 === sha256) ?? [],
    );
    return found.length === ofNode.lists.length ? [{ ...ofNode, deliveries: found }] : [];
  });
}
