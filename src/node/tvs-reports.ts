/**
 * Who asked a TVS of the cluster for signers that it does not know: of this folder from its file, of the other nodes as
 * they told through the database. A report that could not be told waits; only the newest one counts.
 */
import { tvsReportMs } from '../base/limits-tvs.ts';
import { togetherAsked, type UnknownSigner } from '../core/tvs/unknown-signers.ts';
import type { OpenNode } from './open-node.ts';
import { readTvsFile } from './tvs-file.ts';

export async function readUnknownSigners({
  folder,
  store,
}: Pick<OpenNode, 'folder' | 'store'>): Promise<readonly UnknownSigner[]> {
  const own = readTvsFile(folder)?.unknownSigners ?? [];
  const others = (await store.listTvsReports()).filter(({ node }) => node !== store.thisNode);
  return togetherAsked([own, ...others.map(({ unknownSigners }) => unknownSigners)]);
}

export interface TvsReportShare {
  add(unknownSigners: readonly UnknownSigner[]): void;
  close(): void;
}

export function createTvsReportShare(
  { subscription, store }: Pick<OpenNode, 'subscription' | 'store'>,
  warn: (message: string) => void,
): TvsReportShare {
  if (subscription === undefined) return { add: () => undefined, close: () => undefined };
  let waiting: readonly UnknownSigner[] | undefined;
  let isUnderWay = false;
  const tell = async (): Promise<void> => {
    const told = waiting;
    if (told === undefined || isUnderWay || subscription.state().awaySinceMs !== undefined) return;
    isUnderWay = true;
    try {
      await store.shareTvsReport(told);
      if (waiting === told) waiting = undefined;
    } catch (error) {
      if (subscription.state().awaySinceMs === undefined)
        warn(`not told to the other nodes yet: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      isUnderWay = false;
    }
  };
  const timer = setInterval(() => void tell(), tvsReportMs);
  return {
    add(unknownSigners) {
      waiting = unknownSigners;
      void tell();
    },
    close: () => clearInterval(timer),
  };
}
