/** A change of the cluster's trust inside somebody's transaction: certificates that come and go, the mode. */
import type { Kysely } from 'kysely';
import type { Crypto, TrustChange } from '../core/ports.ts';
import type { Schema } from './schema.ts';
import { addCertificates, landCertificate, retireCertificate } from './tables/certificate.ts';
import { changeRotation } from './tables/rotation.ts';
import { updateMode } from './tables/cluster.ts';

export async function applyChange(
  query: Kysely<Schema>,
  crypto: Crypto,
  {
    addCertificates: added = [],
    retireCertificates = [],
    landCertificates = [],
    mode,
    rotation,
  }: TrustChange,
  atMs: number,
): Promise<void> {
  for (const id of retireCertificates) await retireCertificate(query, id, atMs);
  for (const { id, landed } of landCertificates) await landCertificate(query, id, landed);
  if (added.length > 0) await addCertificates(query, crypto, added);
  if (mode !== undefined) await updateMode(query, mode);
  if (rotation !== undefined) await changeRotation(query, rotation);
}
