/**
 * `migrate-database`: a node of one machine becomes the first of a cluster on PostgreSQL. Rows first, all or none of
 * them, then the line in tftp-pki.yaml that makes them count; the old database stays beside it. Refused while a server
 * runs on the folder: what it writes meanwhile would be lost.
 */
import { readFileSync } from 'node:fs';
import { readClusterView, thisNodeOf } from '../app/cluster-view.ts';
import { Failure } from '../base/errors.ts';
import { encodeUtf8 } from '../base/text.ts';
import { withDatabase } from '../config/new-config.ts';
import { writeDurably } from '../store/durable.ts';
import { moveDatabase, type MovedTable } from '../store/move-database.ts';
import { openMigrated } from '../store/open-store.ts';
import { openPostgres } from '../store/postgres.ts';
import type { OpenNode } from './open-node.ts';
import { readRunFile } from './run-file.ts';

export interface MoveRequest {
  readonly url: string;
  readonly onProgress: (rows: number, of: number) => void;
}

export interface MovedNode {
  readonly cluster: string;
  readonly node: string;
  readonly tables: readonly MovedTable[];
  /** What stays, for who wants to go back at once. */
  readonly left: string;
}

export async function moveNode(
  { folder, store, crypto }: Pick<OpenNode, 'folder' | 'store' | 'crypto'>,
  { url, onProgress }: MoveRequest,
): Promise<MovedNode> {
  if (store.thisNode !== undefined)
    throw new Failure('refused', 'the database of this node is a PostgreSQL already', {
      hint: 'tftp-pki join-node makes another folder a node of its cluster.',
    });
  const running = readRunFile(folder);
  if (running !== undefined)
    throw new Failure('refused', `a server runs on ${folder.path} (pid ${running.pid})`, {
      hint: 'Stop it, migrate, start it again: phones keep what they have meanwhile.',
    });
  const view = await readClusterView(store, crypto);
  const node = thisNodeOf(view).name;
  const target = await openMigrated(await openPostgres({ url }));
  try {
    const tables = await moveDatabase({ path: folder.databaseFile, target, crypto, onProgress });
    const text = withDatabase(readFileSync(folder.configFile, 'utf8'), { database: url, node });
    writeDurably(folder.configFile, encodeUtf8(text), 0o600);
    return { cluster: view.cluster.id, node, tables, left: folder.databaseFile };
  } finally {
    await target.close();
  }
}
