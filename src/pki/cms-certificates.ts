/**
 * `.p7b`: certificates in a SignedData without signers (RFC 5652 §5.1, RFC 2315 §9), as CAs hand out chains. It proves
 * nothing about its content: who reads it judges every certificate. Refuses other content types, BER, and more
 * certificates than a person means.
 */
import { Failure } from '../base/errors.ts';
import { certificatesPerFileMax } from '../base/limits.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { readCertificate } from './certificate.ts';
import {
  DerError,
  DerReader,
  derTag,
  encodeDer,
  encodeInteger,
  encodeObjectIdentifier,
  objectIdentifier,
} from './der.ts';

const signedData = '1.2.840.113549.1.7.2';
const data = '1.2.840.113549.1.7.1';

/** `undefined` for bytes that are no SignedData; Failure `format` or `refused` for one that is not ours to read. */
export function readCmsCertificates(bytes: Uint8Array): readonly CertificateFacts[] | undefined {
  if (!isSignedData(bytes)) return undefined;
  try {
    return certificatesOf(bytes);
  } catch (error) {
    if (error instanceof DerError)
      throw new Failure('format', `the .p7b file cannot be read: ${error.message}`, { cause: error });
    throw error;
  }
}

/** DER sorts a SET OF (X.690 §11.6): the order of the certificates says nothing to who reads it. */
export function writeCmsCertificates(certificates: readonly CertificateFacts[]): Uint8Array {
  const sorted = certificates.map(({ der }) => der).toSorted((a, b) => Buffer.compare(a, b));
  const content = encodeDer(
    derTag.sequence,
    encodeInteger(1),
    encodeDer(derTag.set),
    encodeDer(derTag.sequence, encodeObjectIdentifier(data)),
    encodeDer(derTag.explicit0, ...sorted),
    encodeDer(derTag.set),
  );
  return encodeDer(derTag.sequence, encodeObjectIdentifier(signedData), encodeDer(derTag.explicit0, content));
}

function isSignedData(bytes: Uint8Array): boolean {
  try {
    const info = new DerReader(bytes).sequence();
    return objectIdentifier(info.expect(derTag.objectIdentifier)) === signedData;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

function certificatesOf(bytes: Uint8Array): readonly CertificateFacts[] {
  const outer = new DerReader(bytes);
  const info = outer.sequence();
  outer.end();
  info.expect(derTag.objectIdentifier);
  const signed = new DerReader(info.expect(derTag.explicit0).content).sequence();
  signed.expect(derTag.integer);
  signed.expect(derTag.set);
  signed.expect(derTag.sequence);
  if (signed.peekTag() !== derTag.explicit0) throw new DerError('no certificates in it');
  const list = new DerReader(signed.expect(derTag.explicit0).content);
  const found: CertificateFacts[] = [];
  while (!list.done) {
    const certificate = readCertificate(list.expect(derTag.sequence).whole);
    if (!certificate) throw new DerError(`certificate ${found.length + 1} is none that can be used`);
    if (found.push(certificate) > certificatesPerFileMax)
      throw new Failure('format', `more than ${certificatesPerFileMax} certificates in one file`);
  }
  return found;
}
