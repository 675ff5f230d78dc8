/**
 * Signs content and gives the header that goes before it (formats.md §1): lay out with a hole, sign everything
 * around the hole, place the signature. The header alone is what is worth keeping (design.md §5, "Signing cost").
 *
 * Refuses: EC keys, RSA keys that the header cannot name (3072 has no modulus code), RSA below 1024,
 * RSA-4096 unless asked for (it breaks some models), a name that is empty, too long or not printable ASCII.
 */
import { assert } from '../../base/assert.ts';
import { Failure } from '../../base/errors.ts';
import { fileNameBytesMax } from '../../base/limits.ts';
import { printable } from '../../base/text.ts';
import { codeOfHash, codeOfModulusBytes, rsaSignatureCode, type HashName } from '../../wire/algorithm.ts';
import type { Encryption } from '../../wire/encrypted-file.ts';
import { layoutSignedHeader, placeSignature, type Version } from '../../wire/signed-header.ts';
import type { CertificateFacts, Signer } from '../ports.ts';

export interface SignatureRequest {
  /** FILENAME: the name as asked, `.sgn` included; a list's own name. */
  readonly fileName: string;
  /** TIMESTAMP, seconds since the epoch. */
  readonly timestamp: number;
  readonly hash: HashName;
  readonly signer: Signer;
  /** RSA-4096 only where somebody asked for it. */
  readonly allowRsa4096?: boolean | undefined;
}

export interface HeaderRequest extends SignatureRequest {
  readonly version: Version;
  readonly encryption?: Encryption | undefined;
  /** What follows the header, in order. */
  readonly content: readonly Uint8Array[];
}

/** The header over `content`; the file is the header followed by the content. Failure `refused`. */
export async function signHeader(request: HeaderRequest): Promise<Uint8Array> {
  const { signer, hash, fileName, timestamp, version, encryption } = request;
  refuseFileName(fileName);
  assert(Number.isInteger(timestamp), 'a timestamp is whole seconds');
  const modulus = modulusOf(signer.certificate, request.allowRsa4096 === true);
  const { subject, serial, issuer } = signer.certificate;
  const layout = layoutSignedHeader({
    version,
    signer: { name: subject, serial, issuer },
    digestCode: codeOfHash(hash),
    signatureAlgorithmCode: rsaSignatureCode,
    modulusCode: modulus.code,
    signatureBytes: modulus.bytes,
    fileName,
    timestamp,
    encryption,
  });
  const signature = await signer.sign(hash, [layout.before, layout.after, ...request.content]);
  return placeSignature(layout, signature);
}

/** Printable ASCII: a phone compares bytes, and the header knows no character set. */
function refuseFileName(fileName: string): void {
  if (fileName.length === 0 || fileName.length > fileNameBytesMax || !/^[\x20-\x7e]*$/.test(fileName))
    throw new Failure('refused', `nothing is signed under the name "${printable(fileName)}"`, {
      hint: `A name is 1 to ${fileNameBytesMax} printable ASCII characters.`,
    });
}

function modulusOf(
  certificate: CertificateFacts,
  allowRsa4096: boolean,
): { readonly code: number; readonly bytes: number } {
  const { publicKey, subject } = certificate;
  if (publicKey.kind !== 'rsa')
    throw new Failure('refused', `phones take no signature by an EC key: ${printable(subject)}`);
  const bytes = Math.ceil(publicKey.modulusBits / 8);
  const code = codeOfModulusBytes(bytes);
  if (code === undefined || publicKey.modulusBits < signerBitsMin)
    throw new Failure('refused', `a key of RSA-${publicKey.modulusBits} signs no file for phones`, {
      hint: 'Use a key of 2048 bits.',
    });
  if (publicKey.modulusBits > signerBitsUnasked && !allowRsa4096)
    throw new Failure('refused', `signatures by RSA-${publicKey.modulusBits} break some phone models`, {
      hint: 'Use a key of 2048 bits, or ask for RSA-4096 explicitly.',
    });
  return { code, bytes };
}

/** Old clusters sign with RSA-1024; below that a signature proves nothing. */
const signerBitsMin = 1_024;

const signerBitsUnasked = 2_048;

/**
 * For what a cluster's own keys sign. They are RSA-2048 by their profiles (certs/); a longer one was adopted, by its name,
 * with the lists that its phones trust it by (app/adopted-keys.ts), and to refuse it would cut these phones off.
 */
export const allowAdoptedRsa4096 = true;
