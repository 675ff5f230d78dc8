/** The tags of the signed header: name, what contains them, fixed length (formats.md §1 and §2). */

export const headerTag = {
  version: 1,
  headerLength: 2,
  signerInfo: 3,
  signerName: 4,
  serialNumber: 5,
  issuerName: 6,
  signatureInfo: 7,
  digestAlgorithm: 8,
  signatureAlgorithmInfo: 9,
  signatureAlgorithm: 10,
  signatureModulus: 11,
  signature: 12,
  padding: 13,
  fileName: 14,
  timestamp: 15,
  encryptionInfo: 16,
  ivInfo: 17,
  ivAlgorithm: 18,
  iv: 19,
  paddingLength: 20,
  keyInfo: 21,
  keyAlgorithm: 22,
  keyBits: 23,
  keyEncoding: 24,
  contentKey: 25,
  contentDigestAlgorithm: 26,
  contentDigest: 27,
  signerVersion: 28,
} as const;

export interface HeaderTagRule {
  readonly name: string;
  /** The container it stands in; undefined at the top. */
  readonly parent?: number;
  /** Bytes of the value, where the format fixes them. */
  readonly length?: number;
  readonly container?: true;
}

const { signerInfo, signatureInfo, signatureAlgorithmInfo, encryptionInfo, ivInfo, keyInfo } = headerTag;

export const headerTags: ReadonlyMap<number, HeaderTagRule> = new Map<number, HeaderTagRule>([
  [headerTag.version, { name: 'VERSION', length: 2 }],
  [headerTag.headerLength, { name: 'HEADER LENGTH', length: 2 }],
  [signerInfo, { name: 'SIGNER INFO', container: true }],
  [headerTag.signerName, { name: 'SIGNER NAME', parent: signerInfo }],
  [headerTag.serialNumber, { name: 'SERIAL NUMBER', parent: signerInfo }],
  [headerTag.issuerName, { name: 'ISSUER NAME', parent: signerInfo }],
  [signatureInfo, { name: 'SIGNATURE INFO', container: true }],
  [headerTag.digestAlgorithm, { name: 'DIGEST ALGORITHM', parent: signatureInfo, length: 1 }],
  [signatureAlgorithmInfo, { name: 'SIGNATURE ALGORITHM INFO', parent: signatureInfo, container: true }],
  [headerTag.signatureAlgorithm, { name: 'SIGNATURE ALGORITHM', parent: signatureAlgorithmInfo, length: 1 }],
  [headerTag.signatureModulus, { name: 'SIGNATURE MODULUS', parent: signatureAlgorithmInfo, length: 1 }],
  [headerTag.signature, { name: 'SIGNATURE' }],
  [headerTag.padding, { name: 'PADDING' }],
  [headerTag.fileName, { name: 'FILENAME' }],
  [headerTag.timestamp, { name: 'TIMESTAMP', length: 4 }],
  [encryptionInfo, { name: 'ENCRYPTION INFO', container: true }],
  [ivInfo, { name: 'IV INFO', parent: encryptionInfo, container: true }],
  [headerTag.ivAlgorithm, { name: 'IV ALGORITHM', parent: ivInfo, length: 1 }],
  [headerTag.iv, { name: 'IV', parent: ivInfo, length: 16 }],
  [headerTag.paddingLength, { name: 'PADDING LENGTH', parent: ivInfo, length: 2 }],
  [keyInfo, { name: 'KEY INFO', parent: encryptionInfo, container: true }],
  [headerTag.keyAlgorithm, { name: 'KEY ALGORITHM', parent: keyInfo, length: 1 }],
  [headerTag.keyBits, { name: 'KEY BITS', parent: keyInfo, length: 2 }],
  [headerTag.keyEncoding, { name: 'KEY ENCODING', parent: keyInfo, length: 1 }],
  [headerTag.contentKey, { name: 'CONTENT KEY', parent: keyInfo }],
  [headerTag.contentDigestAlgorithm, { name: 'CONTENT DIGEST ALGORITHM', length: 1 }],
  [headerTag.contentDigest, { name: 'CONTENT DIGEST' }],
  [headerTag.signerVersion, { name: 'SIGNER VERSION', length: 2 }],
]);
