/**
 * Keys that signed trust lists, are retired, and still lie in this folder: phones that missed the lists since then take
 * a list by them. Not among them: a key that was cut off because somebody else has it.
 */
import { Failure } from '../base/errors.ts';
import type { CertificatePurpose } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, KeyFiles, Store } from '../core/ports.ts';
import { compromisedOperation } from './guided-rotation.ts';

export interface KeptSignerPorts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly keyFiles: KeyFiles;
}

const signsLists: readonly CertificatePurpose[] = ['itlrecovery', 'callmanager'];

/** Youngest first. */
export async function keptSigners({
  store,
  crypto,
  keyFiles,
}: KeptSignerPorts): Promise<readonly CertificateFacts[]> {
  const cutOff = await cutOffRows(store);
  const kept: CertificateFacts[] = [];
  for (const row of (await store.listCertificates()).toReversed()) {
    if (row.store !== 'own' || row.retiredMs === undefined || cutOff.has(String(row.id))) continue;
    if (row.purpose === undefined || !signsLists.includes(row.purpose)) continue;
    const certificate = crypto.readCertificate(row.der);
    if (certificate !== undefined && (await keyFiles.find(row.fingerprint)) !== undefined)
      kept.push(certificate);
  }
  return kept;
}

/** By its fingerprint, or the beginning of one. Failure `not-found`, `refused` for several. */
export async function findKeptSigner(ports: KeptSignerPorts, word: string): Promise<CertificateFacts> {
  const wanted = word
    .replace(/^SHA256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  const kept = await keptSigners(ports);
  const found = kept.filter(({ fingerprint }) => wanted !== '' && fingerprint.startsWith(wanted));
  const [signer] = found;
  if (signer !== undefined && found.length === 1) return signer;
  throw new Failure(
    signer === undefined ? 'not-found' : 'refused',
    signer === undefined
      ? `no retired signer ${word} whose key lies in this folder and was not cut off`
      : `${found.length} retired signers begin with ${word}`,
    { hint: `kept are: ${kept.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ') || 'none'}` },
  );
}

/** Certificates by their ids, as the audit tells of keys that were cut off. */
async function cutOffRows(store: Store): Promise<ReadonlySet<string>> {
  const rows = (await store.listAudit()).filter(({ operation }) => operation === compromisedOperation);
  return new Set(
    rows.flatMap(({ detail }) => (JSON.parse(detail) as { retired?: readonly string[] }).retired ?? []),
  );
}
