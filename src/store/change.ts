/** A change of the cluster's trust inside somebody's transaction: certificates and nodes that come and go, mode, hash. */
import type { Kysely } from 'kysely';
import type { Crypto, TrustChange } from '../core/ports.ts';
import type { Schema } from './schema.ts';
import { addCertificates, landCertificate, retireCertificate } from './tables/certificate.ts';
import { changeRotation } from './tables/rotation.ts';
import { updateHash, updateMode } from './tables/cluster.ts';
import { raiseTimestampFloor } from './tables/signed-timestamp.ts';
import { insertNode, removeNode, renameNode } from './tables/node.ts';

export async function applyChange(
  query: Kysely<Schema>,
  crypto: Crypto,
  trustChange: TrustChange,
  atMs: number,
): Promise<void> {
  const { addCertificates: added = [], retireCertificates = [], landCertificates = [] } = trustChange;
  const { addNodes = [], removeNodes = [], renameNodes = [], mode, hash, rotation } = trustChange;
  for (const id of retireCertificates) await retireCertificate(query, id, atMs);
  for (const { id, landed } of landCertificates) await landCertificate(query, id, landed);
  // A certificate belongs to a node that is there.
  for (const node of addNodes) await insertNode(query, node);
  if (added.length > 0) await addCertificates(query, crypto, added);
  await raiseTimestampFloor(query, newestSigner(crypto, added));
  for (const name of removeNodes) await removeNode(query, name, atMs);
  for (const node of renameNodes) await renameNode(query, node);
  if (mode !== undefined) await updateMode(query, mode);
  if (hash !== undefined) {
    await updateHash(query, hash);
    // One name and one timestamp stand for one signature: every file is signed anew, under a later one.
    await raiseTimestampFloor(query, Math.floor(atMs / 1000));
  }
  if (rotation !== undefined) await changeRotation(query, rotation);
}

/**
 * Since when the newest of them that sign files are valid (seconds). No file is signed under an older timestamp by
 * anybody any more, so that phones can go from each signer to each other.
 */
function newestSigner(crypto: Crypto, added: TrustChange['addCertificates']): number {
  const signers = (added ?? []).filter(({ store, purpose }) => store === 'own' && purpose === 'callmanager');
  return Math.max(0, ...signers.map(({ der }) => crypto.readCertificate(der)?.notBefore ?? 0));
}
