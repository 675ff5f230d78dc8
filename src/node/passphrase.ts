/**
 * Where the passphrase of the keys comes from: the first line of a file that a person names, else of the one that
 * `init` wrote. Ours must be ours alone; a named one may be what a secret store mounts (mode 0444, a link) or a pipe,
 * so it is read as it is, once.
 */
import { readFileSync } from 'node:fs';
import { Failure } from '../base/errors.ts';
import { decodeUtf8 } from '../base/text.ts';
import { readPrivateFile } from '../store/durable.ts';
import { storageFailure } from '../store/storage-failure.ts';

/** Reads when it is asked first: a command that opens no key needs no passphrase. */
export function createPassphraseSource(named: string | undefined, own: string): () => string {
  let known: string | undefined;
  return () =>
    (known ??= named === undefined ? firstLine(readPrivateFile(own), own) : readPassphraseFile(named));
}

/** Failure `storage-unreadable`, or `passphrase-wrong` when the file holds none. `what` it should hold. */
export function readPassphraseFile(path: string, what = 'passphrase'): string {
  try {
    return firstLine(readFileSync(path), path, what);
  } catch (error) {
    throw storageFailure(error, `read ${path}`);
  }
}

function firstLine(bytes: Uint8Array, path: string, what = 'passphrase'): string {
  const line = decodeUtf8(bytes)?.split(/\r?\n/, 1)[0] ?? '';
  if (line === '')
    throw new Failure('passphrase-wrong', `${path} holds no ${what} in its first line`, {
      hint: `Name another file, or write the ${what} into this one.`,
    });
  return line;
}
