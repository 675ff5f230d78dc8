/**
 * Algorithm codes of the signed header (docs/formats/signed-file.md): tags 8, 10 and 11.
 * Code 2 (SHA-256) stands in the format's table but was never seen in the field; phones do not take it.
 */

export type HashName = 'sha1' | 'sha512';

const hashByCode = new Map<number, HashName>([
  [1, 'sha1'],
  [3, 'sha512'],
]);

export function hashOfCode(code: number): HashName | undefined {
  return hashByCode.get(code);
}

export function codeOfHash(hash: HashName): number {
  return hash === 'sha1' ? 1 : 3;
}

/** Tag 10: the only signature algorithm ever seen. */
export const rsaSignatureCode = 0;

/** Tag 11 names the modulus by its length in bytes; RSA-3072 has no code. */
const modulusBytesByCode: readonly number[] = [64, 128, 256, 512];

export function modulusBytesOfCode(code: number): number | undefined {
  return modulusBytesByCode[code];
}

export function codeOfModulusBytes(bytes: number): number | undefined {
  const code = modulusBytesByCode.indexOf(bytes);
  return code === -1 ? undefined : code;
}
