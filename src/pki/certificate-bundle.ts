/**
 * Whatever file a CA or another system hands out: DER or PEM certificates, `.p7b` in DER or PEM, PKCS#12 with or
 * without a key. What it is, its bytes say, not its name.
 */
import { Failure } from '../base/errors.ts';
import { decodeLatin1 } from '../base/text.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { readCertificate, readCertificateFile } from './certificate.ts';
import { readCmsCertificates } from './cms-certificates.ts';
import { DerError, DerReader, derTag, smallInteger } from './der.ts';
import { readPemBlocks } from './pem.ts';
import { readPkcs12, readPkcs12Certificates } from './pkcs12-read.ts';

export interface BundleEntry {
  readonly certificate: CertificateFacts;
  /** The private key that came with it, encrypted under the node's passphrase. */
  readonly encryptedKeyPem: string | undefined;
}

export interface BundleSecrets {
  /** Asked for when the file is a PKCS#12. */
  readonly filePassphrase: () => string;
  /** Asked for with it: encrypts a key that is in it. */
  readonly keyPassphrase: () => string;
  readonly legacy: boolean;
}

/** Every certificate in the file's order. Failure `format` when there is none; those of readPkcs12. */
export async function readCertificateBundle(
  bytes: Uint8Array,
  secrets: BundleSecrets,
): Promise<readonly BundleEntry[]> {
  if (isPkcs12(bytes)) {
    const { legacy, filePassphrase, keyPassphrase } = secrets;
    return await readPkcs12(bytes, filePassphrase(), keyPassphrase(), { legacy });
  }
  return plainCertificates(bytes).map((certificate) => ({ certificate, encryptedKeyPem: undefined }));
}

/** As `readCertificateBundle` for whom keys are no business; `hasKey`: one lies in the file, whosever it is. */
export async function readPublicBundle(
  bytes: Uint8Array,
  { passphrase, legacy }: { readonly passphrase: string; readonly legacy: boolean },
): Promise<{ readonly certificates: readonly CertificateFacts[]; readonly hasKey: boolean }> {
  if (isPkcs12(bytes)) {
    const { certificates, keys } = await readPkcs12Certificates(bytes, passphrase, { legacy });
    return { certificates, hasKey: keys > 0 };
  }
  const hasKey = readPemBlocks(decodeLatin1(bytes)).some(({ label }) => label.endsWith('PRIVATE KEY'));
  return { certificates: plainCertificates(bytes), hasKey };
}

function plainCertificates(bytes: Uint8Array): readonly CertificateFacts[] {
  return readCmsCertificates(bytes) ?? certificatesOfPem(bytes) ?? readCertificateFile(bytes);
}

/** CAs label the same SignedData as PKCS7 (RFC 7468 §8) or CMS (§9). */
function certificatesOfPem(bytes: Uint8Array): readonly CertificateFacts[] | undefined {
  if (readCertificate(bytes)) return undefined;
  const blocks = readPemBlocks(decodeLatin1(bytes)).filter(
    ({ label }) => label === 'PKCS7' || label === 'CMS',
  );
  if (blocks.length === 0) return undefined;
  return blocks.flatMap((block) => {
    const certificates = readCmsCertificates(block.bytes);
    if (!certificates) throw new Failure('format', `the ${block.label} block of the file cannot be read`);
    return certificates;
  });
}

/** PFX begins with its version (RFC 7292 §4), a certificate and a SignedData with something else. */
function isPkcs12(bytes: Uint8Array): boolean {
  try {
    return smallInteger(new DerReader(bytes).sequence().expect(derTag.integer)) === 3;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
