/** Which record of a trust list signed it, by cryptography: issuer and serial find it, its key decides. */
import { hashOfCode } from '../../wire/algorithm.ts';
import { toBeSigned } from '../../wire/signed-header.ts';
import type { TrustList } from '../../wire/trust-list.ts';
import type { TrustRecord } from '../../wire/trust-record.ts';
import type { Crypto } from '../ports.ts';
import { anchorsOfList, findAnchors } from './anchor.ts';

/**
 * The SAST record whose certificate signed the list, if one did. This says that the list is whole, not that
 * anybody trusts it.
 */
export function findSigningRecord(
  crypto: Crypto,
  bytes: Uint8Array,
  list: TrustList,
): TrustRecord | undefined {
  const { header } = list;
  const hash = hashOfCode(header.digestCode);
  if (hash === undefined) return undefined;
  const parts = toBeSigned(bytes, header);
  return list.records.find((record) => {
    if (record.role !== 'SAST') return false;
    const [anchor] = findAnchors(anchorsOfList(crypto, { header, records: [record] }), header.signer);
    const key = anchor?.certificate?.publicKey;
    return key?.kind === 'rsa' && crypto.verifyRsa(key.spki, hash, parts, header.signature);
  });
}
