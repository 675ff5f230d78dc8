/** A change of the cluster's trust inside somebody's transaction: certificates and nodes that come and go, mode, hash. */
import type { Kysely } from 'kysely';
import type { Crypto, NewCertificate, TrustChange } from '../core/ports.ts';
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
  await liftTimestamps(query, crypto, added);
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
 * No file is signed under a timestamp before the newest certificate that signs files, by anybody any more, so that phones
 * can go from each signer to each other.
 */
export async function liftTimestamps(
  query: Kysely<Schema>,
  crypto: Pick<Crypto, 'readCertificate'>,
  added: readonly NewCertificate[],
): Promise<void> {
  const signers = added.filter(({ store, purpose }) => store === 'own' && purpose === 'callmanager');
  const since = signers.map(({ der }) => crypto.readCertificate(der)?.notBefore ?? 0);
  await raiseTimestampFloor(query, Math.max(0, ...since));
}
