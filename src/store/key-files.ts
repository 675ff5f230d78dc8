/**
 * The `KeyFiles` port: one PEM per certificate, already encrypted by whoever made it, 0600 in a 0700 folder.
 * A key is on the disk, and its name in the folder, before `save` returns: the database row that needs it
 * is written afterwards. Refuses names that are no fingerprint and files that others may read.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import { decodeLatin1, encodeLatin1 } from '../base/text.ts';
import type { KeyFiles } from '../core/ports.ts';
import { readPrivateFile, removeDurably, writeDurably } from './durable.ts';

/** A key under a passphrase, or the reference to one in a token. */
const harmless = /^-----BEGIN (ENCRYPTED PRIVATE KEY|PKCS11 KEY REFERENCE)-----\n/;

export function createKeyFiles(folder: string): KeyFiles {
  const pathOf = (fingerprint: string): string => {
    assert(/^[0-9a-f]{64}$/.test(fingerprint), 'a key file is named by a SHA-256 fingerprint');
    return join(folder, `${fingerprint}.pem`);
  };
  const read = async (fingerprint: string): Promise<string> => {
    const path = pathOf(fingerprint);
    const text = decodeLatin1(readPrivateFile(path));
    // An empty or foreign file is damage of the folder, not a wrong passphrase.
    if (!harmless.test(text))
      throw new Failure('storage-corrupt', `${path} is not an encrypted private key`, {
        hint: 'Put the file back from a backup.',
      });
    return text;
  };
  return {
    async save(fingerprint, encryptedPem) {
      assert(harmless.test(encryptedPem), 'a private key is never written in the clear');
      writeDurably(pathOf(fingerprint), encodeLatin1(encryptedPem), 0o600);
    },
    read,
    find: async (fingerprint) => (existsSync(pathOf(fingerprint)) ? read(fingerprint) : undefined),
    async remove(fingerprint) {
      removeDurably(pathOf(fingerprint));
    },
  };
}
