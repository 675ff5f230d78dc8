/** The tags of a trust list record (formats.md §3). */

export const recordTag = {
  recordLength: 1,
  dnsName: 2,
  subjectName: 3,
  function: 4,
  issuerName: 5,
  serialNumber: 6,
  publicKey: 7,
  signature: 8,
  certificate: 9,
  ipAddress: 10,
  certificateHash: 11,
  certificateHashAlgorithm: 12,
} as const;

export const recordTagNames: ReadonlyMap<number, string> = new Map<number, string>([
  [recordTag.recordLength, 'RECORD LENGTH'],
  [recordTag.dnsName, 'DNS NAME'],
  [recordTag.subjectName, 'SUBJECT NAME'],
  [recordTag.function, 'FUNCTION'],
  [recordTag.issuerName, 'ISSUER NAME'],
  [recordTag.serialNumber, 'SERIAL NUMBER'],
  [recordTag.publicKey, 'PUBLIC KEY'],
  [recordTag.signature, 'SIGNATURE'],
  [recordTag.certificate, 'CERTIFICATE'],
  [recordTag.ipAddress, 'IP ADDRESS'],
  [recordTag.certificateHash, 'CERTIFICATE HASH'],
  [recordTag.certificateHashAlgorithm, 'CERTIFICATE HASH ALGORITHM'],
]);
