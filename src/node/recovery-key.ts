/** An ITLRecovery key out of its PKCS#12, as a signer for one operation: it is written nowhere in this folder. */
import { Failure } from '../base/errors.ts';
import type { Signer } from '../core/ports.ts';
import { readPkcs12 } from '../pki/pkcs12-read.ts';
import { randomPassphrase } from '../pki/private-key.ts';
import { createSignerOpener } from '../pki/signer.ts';

/** Failure `format`, `refused` or `passphrase-wrong`; `refused` when it does not hold exactly one key. */
export async function openRecoveryKey(bytes: Uint8Array, passphrase: string): Promise<Signer> {
  const onlyHere = randomPassphrase();
  const entries = await readPkcs12(bytes, passphrase, onlyHere);
  const keys = entries.filter(({ encryptedKeyPem }) => encryptedKeyPem !== undefined);
  const [entry, second] = keys;
  if (entry?.encryptedKeyPem === undefined || second !== undefined)
    throw new Failure('refused', `the PKCS#12 file holds ${keys.length} certificates with a key, not one`, {
      hint: 'Name the file that export-recovery wrote.',
    });
  return createSignerOpener(() => onlyHere).open(entry.certificate, entry.encryptedKeyPem);
}
