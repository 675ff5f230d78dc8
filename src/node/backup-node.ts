/**
 * `backup`: a node's folder in one encrypted file, while a server works in it: configuration, keys, and the database
 * as it is at one moment. The keys stay encrypted as they are; the folder's own passphrase goes with them where it
 * stands in the folder. What phones are believed to hold is left out on purpose: it would be of the past.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { readClusterView, thisNodeOf } from '../app/cluster-view.ts';
import { readPrivateFile, unfinishedSuffix, writePiecesDurably } from '../store/durable.ts';
import { snapshotDatabase } from '../store/snapshot.ts';
import { readPieces, sealBackup, type BackupManifest, type BackupSource } from './backup-file.ts';
import type { OpenNode } from './open-node.ts';

export interface BackupRequest {
  /** A new file. */
  readonly file: string;
  readonly passphrase: string;
  /** Who did it. */
  readonly by: string;
}

export interface BackupResult extends Omit<BackupManifest, 'format' | 'files'> {
  readonly bytes: number;
  readonly files: readonly string[];
}

export async function backupNode(
  { folder, store, crypto, clock }: Pick<OpenNode, 'folder' | 'store' | 'crypto' | 'clock'>,
  { file, passphrase, by }: BackupRequest,
): Promise<BackupResult> {
  if (existsSync(file)) throw new Failure('refused', `${file} exists and is not replaced`);
  // After migrate-database the old file still lies there.
  if (store.thisNode !== undefined || !existsSync(folder.databaseFile))
    throw new Failure('refused', 'the database of this node is not in its folder', {
      hint: "Back it up with its own tools, and the folder's other files by copying them.",
    });
  const view = await readClusterView(store, crypto);
  // Keys leave the house: the audit tells of it before they do.
  const atMs = clock.nowMs();
  await store.recordAudit({ atMs, who: by, operation: 'backup', detail: { file } });
  const snapshot = join(folder.path, `.database.${process.pid}${unfinishedSuffix}`);
  try {
    snapshotDatabase(folder.databaseFile, snapshot);
    // Read after the database: a key is on the disk before a row names it, so none is missing.
    const sources = [
      ...smallFiles(folder),
      {
        name: 'database.sqlite',
        bytes: statSync(snapshot).size,
        read: () => readPieces(snapshot),
      },
    ];
    const manifest = {
      cluster: view.cluster.id,
      node: thisNodeOf(view).name,
      createdMs: atMs,
      devices: await store.countDevices(),
      generation: (await store.fieldState()).generation,
    };
    const bytes = writePiecesDurably(file, sealBackup(manifest, sources, passphrase), 0o600);
    return { ...manifest, bytes, files: sources.map(({ name }) => name) };
  } finally {
    for (const suffix of ['', '-journal']) rmSync(`${snapshot}${suffix}`, { force: true });
  }
}

function smallFiles({ configFile, passphraseFile, keysFolder }: OpenNode['folder']): readonly BackupSource[] {
  const keys = readdirSync(keysFolder).filter((name) => !name.endsWith(unfinishedSuffix));
  const wanted = [
    { name: 'tftp-pki.yaml', path: configFile },
    { name: 'passphrase', path: passphraseFile },
    ...keys.map((name) => ({ name: `keys/${name}`, path: join(keysFolder, name) })),
  ];
  return wanted
    .filter(({ path }) => existsSync(path))
    .map(({ name, path }) => {
      const content = readPrivateFile(path);
      return { name, bytes: content.length, read: () => [content] };
    });
}
