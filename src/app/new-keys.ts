/**
 * Keys that come with a change of the database (security.md §4): durable before it, and gone again when it surely was
 * not made, so that who came second leaves nothing in `keys/`. A key whose row may be there after all, since the
 * connection broke before the database answered, stays: a file too many harms nobody, a key too few is lost.
 */
import { Failure, type ErrorCode } from '../base/errors.ts';
import type { KeyFiles, Store } from '../core/ports.ts';

export interface NewKey {
  readonly fingerprint: string;
  readonly encryptedKeyPem: string;
}

export interface NewKeyPorts {
  readonly store: Pick<Store, 'listCertificates'>;
  readonly keyFiles: KeyFiles;
}

/** With these the transaction has ended, and not by a commit; `unreachable` and what the file system says may come after one. */
const surelyNotMade: ReadonlySet<ErrorCode> = new Set([
  'refused',
  'not-found',
  'storage-busy',
  'storage-full',
]);

/** What `work` gives or throws. Keys that were there before stay in any case. */
export async function withNewKeys<T>(
  ports: NewKeyPorts,
  keys: readonly NewKey[],
  work: () => Promise<T>,
): Promise<T> {
  const brought: string[] = [];
  try {
    for (const { fingerprint, encryptedKeyPem } of keys) {
      if ((await ports.keyFiles.find(fingerprint)) === undefined) brought.push(fingerprint);
      await ports.keyFiles.save(fingerprint, encryptedKeyPem);
    }
    return await work();
  } catch (error) {
    if (error instanceof Failure && surelyNotMade.has(error.code)) await discard(ports, brought);
    throw error;
  }
}

async function discard({ store, keyFiles }: NewKeyPorts, fingerprints: readonly string[]): Promise<void> {
  if (fingerprints.length === 0) return;
  try {
    const rows = new Set((await store.listCertificates()).map(({ fingerprint }) => fingerprint));
    for (const fingerprint of fingerprints) if (!rows.has(fingerprint)) await keyFiles.remove(fingerprint);
  } catch (error) {
    // What went wrong first is told; who cannot look, or remove, keeps the keys.
    if (!(error instanceof Failure)) throw error;
  }
}
