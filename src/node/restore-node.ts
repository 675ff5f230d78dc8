/**
 * `restore`: a backup becomes a node's folder. It is unpacked beside its place, checked, brought forward to this
 * program's schema, and its lists are published anew above whatever phones hold (app/continue-cluster.ts); only then
 * it takes the place, and the folder that stood there stays beside it under another name. Any failure before leaves
 * everything as it was.
 *
 * Refused: a folder with a running server, with another cluster, or with anything that is no node's folder.
 */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { planContinuation, publishContinuation } from '../app/continue-cluster.ts';
import type { PlannedPublication } from '../app/plan-publication.ts';
import { auditChainFault } from '../core/audit/audit-chain.ts';
import type { FieldState } from '../core/ports.ts';
import { createVerifier } from '../pki/verifier.ts';
import { dataFolderAt, type DataFolder } from '../store/data-folder.ts';
import { makeFolderDurably, renameDurably, writePiecesDurably } from '../store/durable.ts';
import { openStore } from '../store/open-store.ts';
import { checkDatabase } from '../store/snapshot.ts';
import { openBackup, type BackupManifest } from './backup-file.ts';
import { openNode, type NodeOptions, type OpenNode } from './open-node.ts';
import { readRunFile } from './run-file.ts';

export interface RestoreRequest {
  readonly file: string;
  readonly passphrase: string;
  readonly by: string;
  readonly onWarning: (message: string) => void;
  /** Before anything is published; a Failure from here ends it. False: only this far. */
  readonly proceed: (backup: BackupManifest, planned: PlannedPublication) => Promise<boolean>;
}

export interface Restored {
  readonly generation: number;
  /** Where the old folder is now. */
  readonly movedTo: string | undefined;
}

/** Undefined when `proceed` said no. */
export async function restoreNode(
  options: NodeOptions,
  request: RestoreRequest,
): Promise<Restored | undefined> {
  const place = dataFolderAt(options.dataDir);
  const isNode = judgePlace(place);
  const staging = dataFolderAt(`${place.path}.restoring`);
  if (existsSync(staging.path))
    throw new Failure('refused', `${staging.path} is there: another restore runs, or one was interrupted`, {
      hint: 'Remove it when no other restore runs.',
    });
  makeFolderDurably(staging.keysFolder);
  try {
    const backup = unpack(request, staging);
    checkDatabase(staging.databaseFile);
    const field = isNode ? await readField(place, backup, request.onWarning) : undefined;
    const node = await openNode({ ...options, dataDir: staging.path });
    let generation: number;
    try {
      await warnOfAudit(node, request.onWarning);
      const { createdMs } = backup;
      const planned = await planContinuation(node, { field, createdMs, by: request.by });
      if (!(await request.proceed(backup, planned))) return undefined;
      generation = await publishContinuation(node, planned, request.by);
    } finally {
      await node.close();
    }
    return { generation, movedTo: takePlace(staging, place) };
  } finally {
    rmSync(staging.path, { recursive: true, force: true });
  }
}

/** Whether a node stands there; else nothing, or an empty folder. */
function judgePlace(place: DataFolder): boolean {
  if (!existsSync(place.path)) return false;
  const entries = readdirSync(place.path);
  if (entries.length === 0) return false;
  if (!entries.includes('tftp-pki.yaml'))
    throw new Failure('refused', `${place.path} is not empty and no node's folder`, {
      hint: 'Name a new or an empty folder, or the one to be replaced.',
    });
  const running = readRunFile(place);
  if (running !== undefined)
    throw new Failure('refused', `a server runs on ${place.path} (process ${running.pid})`, {
      hint: 'Stop it first.',
    });
  return true;
}

function unpack({ file, passphrase }: RestoreRequest, staging: DataFolder): BackupManifest {
  const written = new Set<string>();
  const manifest = openBackup(file, passphrase, ({ name }, pieces) => {
    if (written.has(name)) throw new Failure('format', `the backup holds ${name} twice`);
    written.add(name);
    writePiecesDurably(join(staging.path, name), pieces, 0o600);
  });
  if (!written.has('database.sqlite') || !written.has('tftp-pki.yaml'))
    throw new Failure('format', 'the backup has no database or no configuration');
  return manifest;
}

/** What phones hold by the word of the folder that is replaced; undefined when it cannot be read any more. */
async function readField(
  place: DataFolder,
  backup: BackupManifest,
  onWarning: (message: string) => void,
): Promise<FieldState | undefined> {
  try {
    const store = await openStore({ path: place.databaseFile, crypto: createVerifier() });
    try {
      const cluster = await store.readCluster();
      if (cluster !== undefined && cluster.id !== backup.cluster)
        throw new Failure(
          'refused',
          `${place.path} is cluster ${cluster.id}, the backup is of ${backup.cluster}`,
          { hint: 'Name another folder with --data.' },
        );
      return await store.fieldState();
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof Failure) || !error.code.startsWith('storage')) throw error;
    onWarning(`the old folder does not say what phones hold: ${error.message}`);
    return undefined;
  }
}

async function warnOfAudit({ store, crypto }: OpenNode, onWarning: (message: string) => void): Promise<void> {
  const fault = auditChainFault(crypto, await store.listAudit());
  if (fault !== undefined) onWarning(`the audit of the backup is not whole: ${fault}`);
}

/** Gives the new name of the folder that stood there. */
function takePlace(staging: DataFolder, place: DataFolder): string | undefined {
  let movedTo: string | undefined;
  if (existsSync(place.path) && readdirSync(place.path).length > 0) {
    movedTo = `${place.path}.before-restore-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
    renameDurably(place.path, movedTo);
  } else if (existsSync(place.path)) rmdirSync(place.path);
  renameDurably(staging.path, place.path);
  return movedTo;
}
