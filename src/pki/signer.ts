/**
 * The `SignerOpener` port: a stored key becomes a signer that holds the loaded key (a PEM string is parsed anew
 * for each signature, three times slower) and signs in the thread pool. What it signs are headers of phone files:
 * RSA PKCS#1 v1.5 (RFC 8017 §8.2) by a key whose modulus the header can name (formats.md, tag 11).
 * Refuses EC keys, RSA-3072 and RSA-512, and a key that is not its certificate's.
 */
import { promisify } from 'node:util';
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { encodeLatin1 } from '../base/text.ts';
import type { CertificateFacts, Signer, SignerOpener } from '../core/ports.ts';
import { codeOfModulusBytes } from '../wire/algorithm.ts';
import { readCertificateFile } from './certificate.ts';
import { keyInToken, readPrivateKey } from './private-key.ts';
import type { Token } from './token.ts';
import { createTokenSigner, tokenKeyId } from './token-key.ts';
import { constants, createPublicKey, sign, type KeyObject } from './vendor.ts';

const signInPool = promisify(sign);

/** RSA-512 has a modulus code, but no room for a SHA-512 DigestInfo and no strength left. */
const signingBitsMin = 1_024;

/** `token` is asked for when a key file holds a reference to one. */
export function createSignerOpener(
  passphrase: () => string,
  token: () => Token | undefined = () => undefined,
): SignerOpener {
  return {
    // An async function, so that a Failure of opening is a rejection like any other.
    async open(certificate, keyFile): Promise<Signer> {
      const id = tokenKeyId(keyFile);
      if (id === undefined) return createSigner(certificate, readPrivateKey(keyFile, passphrase()));
      const holder = token();
      if (holder === undefined) throw keyInToken();
      refuseUnsuitable(certificate);
      return createTokenSigner(certificate, holder, id);
    },
  };
}

/**
 * A signer from PEM text with a key and, unless `certificate` is given, its certificate; for `sign --cert --key`.
 * Failure `passphrase-wrong` or `format`.
 */
export function readPrivateKeyPem(pem: string, passphrase?: string, certificate?: CertificateFacts): Signer {
  const key = readPrivateKey(pem, passphrase);
  if (certificate) return createSigner(certificate, key);
  const own = readCertificateFile(encodeLatin1(pem)).find((candidate) => belongs(candidate, key));
  if (!own) throw new Failure('format', 'none of the certificates belongs to the private key');
  return createSigner(own, key);
}

function createSigner(certificate: CertificateFacts, key: KeyObject): Signer {
  if (!belongs(certificate, key))
    throw new Failure('format', `the private key does not belong to the certificate ${certificate.subject}`);
  return {
    certificate,
    async sign(hash, parts) {
      refuseUnsuitable(certificate);
      const options = { key, padding: constants.RSA_PKCS1_PADDING };
      return Uint8Array.from(await signInPool(hash, concatBytes(...parts), options));
    },
  };
}

function belongs(certificate: CertificateFacts, key: KeyObject): boolean {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return equalBytes(certificate.publicKey.spki, spki);
}

function refuseUnsuitable({ subject, publicKey }: CertificateFacts): void {
  if (publicKey.kind === 'ec')
    throw new Failure('refused', `phones take no signature by an EC key: ${subject}`, {
      hint: 'Sign with the CallManager or the ITLRecovery certificate.',
    });
  const { modulusBits } = publicKey;
  if (modulusBits < signingBitsMin || codeOfModulusBytes(modulusBits / 8) === undefined)
    throw new Failure(
      'refused',
      `a signed header cannot name an RSA key of ${modulusBits} bits: ${subject}`,
      {
        hint: 'Use a key of 2048 bits.',
      },
    );
}
