/**
 * The `trust-list` link: ITLFile and CTLFile are the published ones of this node, or not found (design.md §4 row 3).
 * With a database nothing that lies in a folder is ever taken for a trust list, so the link's word is final.
 */
import { freshUnwatchedMs } from '../base/limits.ts';
import type { FileNameKind } from '../core/files/file-name.ts';
import type { PublishedList, TrustListKind } from '../core/cluster/model.ts';
import type { Store } from '../core/ports.ts';
import { notFound, note } from './link.ts';
import type { Answer, Link, Lookup } from './link.ts';

export interface TrustListOptions {
  readonly lists: Pick<Store, 'currentLists'>;
  /** This node: its own ITL is signed and named for it. */
  readonly node: string;
  /** ITLSEP<MAC> and CTLSEP<MAC> are answered with the node's lists. Off: their miss is the phones' normal noise. */
  readonly forDevices: boolean;
}

export function createTrustListLink(options: TrustListOptions): Link {
  const answer = async (lookup: Lookup, kind: TrustListKind): Promise<Answer> => {
    const list = choose(await options.lists.currentLists(), kind, options.node);
    if (list === undefined) {
      note(lookup, 'trust-list', `no ${kind.toUpperCase()} is published`);
      return notFound;
    }
    note(lookup, 'trust-list', `${kind.toUpperCase()} of generation ${list.generation}`);
    const content = { kind: 'memory', bytes: list.bytes } as const;
    return {
      kind: 'served',
      content,
      by: 'trust-list',
      freshForMs: freshUnwatchedMs,
      modifiedMs: list.publishedMs,
    };
  };

  return {
    name: 'trust-list',
    async answer(lookup, below) {
      const asked = listAsked(lookup.name.kind);
      if (asked === undefined) return below(lookup);
      if (asked.device && !options.forDevices) {
        note(lookup, 'trust-list', 'lists of single devices are not published');
        return notFound;
      }
      return answer(lookup, asked.list);
    },
  };
}

function listAsked(
  kind: FileNameKind,
): { readonly list: TrustListKind; readonly device: boolean } | undefined {
  if (kind === 'cluster-itl') return { list: 'itl', device: false };
  if (kind === 'cluster-ctl') return { list: 'ctl', device: false };
  if (kind === 'device-itl') return { list: 'itl', device: true };
  return kind === 'device-ctl' ? { list: 'ctl', device: true } : undefined;
}

/** Each node has an ITL of its own; the CTL is the cluster's, whichever node signed it. */
function choose(
  lists: readonly PublishedList[],
  kind: TrustListKind,
  node: string,
): PublishedList | undefined {
  const ofKind = lists.filter((list) => list.kind === kind);
  return ofKind.find((list) => list.node === node) ?? (kind === 'ctl' ? ofKind[0] : undefined);
}
