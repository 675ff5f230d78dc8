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
import {
  planContinuation,
  publishContinuation,
  refuseStrandingContinuation,
  type PlannedContinuation,
} from '../app/continue-cluster.ts';
import { namesOf } from '../base/text.ts';
import { auditChainFault } from '../core/audit/audit-chain.ts';
import { dataFolderAt, type DataFolder } from '../store/data-folder.ts';
import { makeFolderDurably, renameDurably, writePiecesDurably } from '../store/durable.ts';
import { checkDatabase, snapshotDatabase } from '../store/snapshot.ts';
import { openBackup, type BackupManifest } from './backup-file.ts';
import { openNode, type NodeOptions, type OpenNode } from './open-node.ts';
import { readRunFile } from './run-file.ts';

export interface RestoreRequest {
  readonly file: string;
  readonly passphrase: string;
  readonly by: string;
  readonly onWarning: (message: string) => void;
  /** What would be done, before it is refused or asked for. */
  readonly review: (backup: BackupManifest, planned: PlannedContinuation) => void;
  /** Ends after the review. */
  readonly dryRun: boolean;
  /** As many phones may be stranded, exactly. */
  readonly strand?: number | undefined;
  /** Asks before it is done; a Failure from here ends it. */
  readonly confirm: () => Promise<void>;
}

export interface Restored {
  readonly generation: number;
  /** Where the old folder is now. */
  readonly movedTo: string | undefined;
}

/** Undefined for a dry run. */
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
    const old = isNode ? await openOld(options, backup, request.onWarning) : undefined;
    let generation: number | undefined;
    try {
      if (old !== undefined && existsSync(old.folder.beliefsFile))
        snapshotDatabase(old.folder.beliefsFile, staging.beliefsFile);
      generation = await continueIn({ ...options, dataDir: staging.path }, request, backup, old);
    } finally {
      await old?.close();
    }
    if (generation === undefined) return undefined;
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

/** Publishes from the unpacked folder. */
async function continueIn(
  options: NodeOptions,
  { by, strand, onWarning, review, dryRun, confirm }: RestoreRequest,
  backup: BackupManifest,
  old: OpenNode | undefined,
): Promise<number | undefined> {
  const node = await openNode(options);
  try {
    await warnOfAudit(node, onWarning);
    const planned = await planContinuation(node, { old, createdMs: backup.createdMs, by });
    const { forgotten } = planned;
    if (forgotten.length > 0)
      onWarning(`${forgotten.length} devices came after the backup and will be gone: ${namesOf(forgotten)}`);
    review(backup, planned);
    if (dryRun) return undefined;
    refuseStrandingContinuation(planned, strand);
    await confirm();
    return await publishContinuation(node, planned, by);
  } finally {
    await node.close();
  }
}

/** The folder that is replaced knows what phones hold; undefined when it cannot be read any more. */
async function openOld(
  options: NodeOptions,
  backup: BackupManifest,
  onWarning: (message: string) => void,
): Promise<OpenNode | undefined> {
  let old: OpenNode | undefined;
  try {
    old = await openNode(options);
    const cluster = await old.store.readCluster();
    if (cluster === undefined) throw new Failure('storage-corrupt', 'it holds no cluster');
    if (cluster.id === backup.cluster) return old;
    throw new Failure(
      'refused',
      `${old.folder.path} is cluster ${cluster.id}, the backup is of ${backup.cluster}`,
      { hint: 'Name another folder with --data.' },
    );
  } catch (error) {
    await old?.close();
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
    const kept = `${place.path}.before-restore-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
    movedTo = kept;
    for (let more = 2; existsSync(movedTo); more++) movedTo = `${kept}-${more}`;
    renameDurably(place.path, movedTo);
  } else if (existsSync(place.path)) rmdirSync(place.path);
  renameDurably(staging.path, place.path);
  return movedTo;
}
