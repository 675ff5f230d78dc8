/**
 * Certificates in a directory that no manifest speaks for: PEM and PKCS#12 files of other products. What each is for is
 * read from its file's name, as CUCM names them (CallManager.pem, TVS.pem, …); that they are the right ones a person
 * says, by one fingerprint over all of them.
 */
import { encodeUtf8, toHex } from '../../base/text.ts';
import type { Crypto } from '../ports.ts';
import type { BulkType } from './bulk-type.ts';

/** The first that fits; `undefined` when the name says nothing. */
export function typeOfFileName(name: string): BulkType | undefined {
  return fileNames.find(([pattern]) => pattern.test(name))?.[1];
}

const fileNames: readonly (readonly [RegExp, BulkType])[] = [
  [/itlrecovery/i, 'itlrecovery'],
  [/tomcat/i, 'tomcat'],
  [/capf/i, 'capf'],
  [/tvs/i, 'tvs'],
  [/callmanager|tftp/i, 'tftp'],
];

export function isCertificateFile(name: string): boolean {
  return /\.(?:p12|pfx|pem|crt|cer|der|p7b)$/i.test(name);
}

/** One fingerprint over a set: what `--accept` names for a directory. */
export function setFingerprint(
  crypto: Pick<Crypto, 'digest'>,
  certificates: readonly { readonly type: BulkType; readonly fingerprint: string }[],
): string {
  const lines = certificates.map(({ type, fingerprint }) => `${type} ${fingerprint}`).toSorted();
  return toHex(crypto.digest('sha256', encodeUtf8(lines.join('\n'))));
}
