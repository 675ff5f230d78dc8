/**
 * The data folder and its keys: nobody else may look, everything belongs to who serves, and every key that signs is
 * there and opens with the passphrase.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterView } from '../../app/cluster-view.ts';
import { Failure } from '../../base/errors.ts';
import { refuseOpenMode } from '../../store/durable.ts';
import type { DataFolder } from '../../store/data-folder.ts';
import { storageFailure } from '../../store/storage-failure.ts';
import type { OpenNode } from '../open-node.ts';
import { ok, warning, wrong, type CheckFinding } from './finding.ts';

/** `uid` is who looks; root may look at everybody's. */
export function checkFolder(folder: DataFolder, uid: number | undefined): readonly CheckFinding[] {
  const keys = readdirSync(folder.keysFolder).map((name) => join(folder.keysFolder, name));
  const paths = [folder.path, folder.keysFolder, folder.databaseFile, folder.passphraseFile, ...keys];
  const seen = paths.flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path, mode: stats.mode, uid: stats.uid }];
  });
  const open = seen.flatMap(({ path, mode }) => openModeOf(path, mode));
  const owner = seen[0]?.uid;
  const foreign = seen.filter(
    (one) => one.uid !== owner || (uid !== undefined && uid !== 0 && one.uid !== uid),
  );
  const findings = [
    ...open,
    ...foreign.map(({ path, uid: owned }) =>
      wrong(
        'folder',
        `${path} belongs to user ${owned}`,
        `Run: chown -R USER: '${folder.path}' with the user who serves.`,
      ),
    ),
    ...(uid === 0 && owner !== 0
      ? [
          warning(
            'folder',
            `this check ran as root, the folder belongs to user ${owner}: what that user may open is not seen`,
            `Run it as that user: sudo -u '#${owner}' tftp-pki check …`,
          ),
        ]
      : []),
  ];
  return findings.length > 0
    ? findings
    : [ok('folder', `${folder.path} and its ${keys.length} keys are closed to other users`)];
}

function openModeOf(path: string, mode: number): readonly CheckFinding[] {
  try {
    refuseOpenMode(path, mode);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return [wrong('folder', thrown.message, thrown.hint)];
  }
}

/** Each own key opened once, about 60 ms each: a passphrase that was lost shows here, not at the next renewal. */
export async function checkKeys(node: OpenNode, { own }: ClusterView): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const { purpose, certificate } of own) {
    try {
      await node.signers.open(certificate, await node.keyFiles.read(certificate.fingerprint));
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      findings.push(wrong('keys', `the ${purpose} key: ${thrown.message}`, thrown.hint));
    }
  }
  return findings.length > 0 ? findings : [ok('keys', `${own.length} keys open and fit their certificates`)];
}

/** The directories that files come from, as this user sees them. */
export function checkFiles(roots: readonly string[]): readonly CheckFinding[] {
  if (roots.length === 0)
    return [
      warning(
        'files',
        'no provisioning directory is configured: only lists and device files are served',
        'Set files.root.',
      ),
    ];
  return roots.map((root) => {
    try {
      return ok('files', `${root} can be read: ${readdirSync(root).length} entries`);
    } catch (error) {
      const failure = storageFailure(error, `read ${root}`);
      return wrong(
        'files',
        failure.message,
        'The directory must exist and be readable for the user who serves.',
      );
    }
  });
}
