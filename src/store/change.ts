/** A change of the cluster's trust inside somebody's transaction: certificates and nodes that come and go, the mode. */
import type { Kysely } from 'kysely';
import type { Crypto, TrustChange } from '../core/ports.ts';
import type { Schema } from './schema.ts';
import { addCertificates, landCertificate, retireCertificate } from './tables/certificate.ts';
import { changeRotation } from './tables/rotation.ts';
import { updateMode } from './tables/cluster.ts';
import { insertNode, removeNode } from './tables/node.ts';

export async function applyChange(
  query: Kysely<Schema>,
  crypto: Crypto,
  trustChange: TrustChange,
  atMs: number,
): Promise<void> {
  const { addCertificates: added = [], retireCertificates = [], landCertificates = [] } = trustChange;
  const { addNodes = [], removeNodes = [], mode, rotation } = trustChange;
  for (const id of retireCertificates) await retireCertificate(query, id, atMs);
  for (const { id, landed } of landCertificates) await landCertificate(query, id, landed);
  // A certificate belongs to a node that is there.
  for (const node of addNodes) await insertNode(query, node);
  if (added.length > 0) await addCertificates(query, crypto, added);
  for (const name of removeNodes) await removeNode(query, name, atMs);
  if (mode !== undefined) await updateMode(query, mode);
  if (rotation !== undefined) await changeRotation(query, rotation);
}
