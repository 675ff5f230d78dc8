/**
 * A node's folder (`--data`): what is in it and who may look. 0700, files 0600, no lock: the command line and the
 * server work in it at the same time, and every file is replaced whole. Refuses to make one of a folder that holds
 * something else, and to open one that other users of the machine can enter.
 */
import { chmodSync, readdirSync, statSync, type Stats } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../base/errors.ts';
import { makeFolderDurably, refuseOpenMode, unfinishedSuffix } from './durable.ts';
import { storageFailure } from './storage-failure.ts';

export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  readonly configFile: string;
  /** One encrypted key per file, named by the certificate's fingerprint. */
  readonly keysFolder: string;
  readonly databaseFile: string;
  /** The node's copy of a database that is elsewhere (src/store/replica.ts). */
  readonly snapshotFile: string;
  /** What phones may hold, as the server heard (src/store/beliefs.ts). */
  readonly beliefsFile: string;
  /** Exists where `init` was not given a passphrase file; it then protects only copies of the keys. */
  readonly passphraseFile: string;
  /** What `import-bulk` fetched and nobody took yet. */
  readonly bulkFolder: string;
  /** Which process serves this folder (src/node/run-file.ts). */
  readonly runFile: string;
  /** Files of remote clusters while the server runs; emptied at its start. */
  readonly quarantineFolder: string;
  /** How remote clusters do (src/node/remote-status.ts). */
  readonly remotesFile: string;
  /** Its TVS process, and who asked it for unknown signers (src/node/tvs-file.ts). */
  readonly tvsFile: string;
}

const names = {
  config: 'tftp-pki.yaml',
  keys: 'keys',
  database: 'database.sqlite',
  snapshot: 'snapshot.sqlite',
  beliefs: 'beliefs.sqlite',
  passphrase: 'passphrase',
  bulk: 'bulk',
  run: 'serve.json',
  quarantine: 'quarantine',
  remotes: 'remotes.json',
  tvs: 'tvs.json',
};

/** The names, whether they exist or not. */
export function dataFolderAt(path: string): DataFolder {
  const absolute = resolve(path);
  return {
    path: absolute,
    configFile: join(absolute, names.config),
    keysFolder: join(absolute, names.keys),
    databaseFile: join(absolute, names.database),
    snapshotFile: join(absolute, names.snapshot),
    beliefsFile: join(absolute, names.beliefs),
    passphraseFile: join(absolute, names.passphrase),
    bulkFolder: join(absolute, names.bulk),
    runFile: join(absolute, names.run),
    quarantineFolder: join(absolute, names.quarantine),
    remotesFile: join(absolute, names.remotes),
    tvsFile: join(absolute, names.tvs),
  };
}

/**
 * Makes the folder, or takes one that is empty or holds only what an interrupted `init` left.
 * Whether a cluster is in it already is the store's to say.
 */
export function createDataFolder(path: string): DataFolder {
  const folder = dataFolderAt(path);
  if (!makeFolderDurably(folder.path)) {
    refuseStrangers(folder.path);
    try {
      chmodSync(folder.path, 0o700);
    } catch (error) {
      throw storageFailure(error, `set the mode of ${folder.path}`);
    }
  }
  makeFolderDurably(folder.keysFolder);
  return folder;
}

/** An existing folder, its modes checked. Failure `storage-unreadable`. */
export function openDataFolder(path: string): DataFolder {
  const folder = dataFolderAt(path);
  refuseOpenMode(folder.path, folderStats(folder.path).mode);
  refuseOpenMode(folder.keysFolder, folderStats(folder.keysFolder).mode);
  return folder;
}

function folderStats(path: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw storageFailure(error, `open the data folder ${path}`);
  }
  if (!stats.isDirectory()) throw new Failure('storage-unreadable', `${path} is not a folder`);
  return stats;
}

function refuseStrangers(path: string): void {
  let entries: readonly string[];
  try {
    entries = readdirSync(path);
  } catch (error) {
    throw storageFailure(error, `list ${path}`);
  }
  const stranger = entries.find((entry) => !isOurs(entry));
  if (stranger === undefined) return;
  throw new Failure('refused', `${path} is not empty: it holds ${JSON.stringify(stranger)}`, {
    hint: 'Name a new or an empty folder.',
  });
}

function isOurs(entry: string): boolean {
  const known = Object.values(names).includes(entry);
  const isJournal = [names.database, names.snapshot, names.beliefs].some((name) =>
    entry.startsWith(`${name}-`),
  );
  return known || isJournal || (entry.startsWith('.') && entry.endsWith(unfinishedSuffix));
}
