/**
 * Names on a share. Each cluster has a folder and is its only writer; what stands above the folders is the
 * consolidation. A PKCS#12 is named by its content, so that an export that was cut off never replaces a file that the
 * manifest in force names.
 */
import { encodeUtf8, toHex } from '../../base/text.ts';
import type { Crypto } from '../ports.ts';
import type { BulkType } from './bulk-type.ts';

export const consolidationPath = 'consolidated.json';
export const consolidationLock = 'consolidation';

/** The name under which a manifest is signed, whatever cluster's it is. */
export const manifestName = 'manifest.json.sgn';

export function manifestPath(cluster: string): string {
  return `${cluster}/${manifestName}`;
}

export function filePath(cluster: string, file: string): string {
  return `${cluster}/${file}`;
}

/** For administrators of CUCM. */
export const cucmListName = 'for-cucm.txt';

/** `node` is '' for a certificate of the whole cluster. */
export function bundleName(
  crypto: Pick<Crypto, 'digest'>,
  node: string,
  type: BulkType,
  fingerprints: readonly string[],
): string {
  const content = toHex(crypto.digest('sha256', encodeUtf8(fingerprints.join(' '))));
  return `${node === '' ? '' : `${node}.`}${type}.${content.slice(0, 16)}.p12`;
}

export function pemName(node: string, type: BulkType, fingerprint: string): string {
  return `${node === '' ? '' : `${node}.`}${type}.${fingerprint.slice(0, 16)}.pem`;
}

/** What an export writes and may take away again. */
export function isExportedName(name: string): boolean {
  return bundlePattern.test(name) || name === cucmListName;
}

export function isBundleName(name: string): boolean {
  return bundlePattern.test(name) && name.endsWith('.p12');
}

const bundlePattern =
  /^(?:[A-Za-z0-9][A-Za-z0-9.-]*\.)?(?:tftp|tvs|capf|tomcat|itlrecovery)\.[0-9a-f]{16}\.(?:p12|pem)$/;
