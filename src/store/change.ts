/** A change of the cluster's trust inside somebody's transaction: certificates that come and go, the mode. */
import type { Kysely } from 'kysely';
import type { Crypto, TrustChange } from '../core/ports.ts';
import type { Schema } from './schema.ts';
import { addCertificate, retireCertificate } from './tables/certificate.ts';
import { updateMode } from './tables/cluster.ts';

export async function applyChange(
  query: Kysely<Schema>,
  crypto: Crypto,
  { addCertificates = [], retireCertificates = [], mode }: TrustChange,
  atMs: number,
): Promise<void> {
  for (const id of retireCertificates) await retireCertificate(query, id, atMs);
  for (const certificate of addCertificates) await addCertificate(query, crypto, certificate);
  if (mode !== undefined) await updateMode(query, mode);
}
