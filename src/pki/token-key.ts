/**
 * Keys that live in a token: what stands in their key file is a reference (RFC 7512), nothing secret. Only the keys that
 * sign phone files and lists are made there; TLS keys are used by OpenSSL inside of other processes.
 * Each signature is verified before it leaves: a token that computes wrongly (a fault, an attack) must not publish it.
 */
import { concatBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { decodeLatin1, encodeLatin1 } from '../base/text.ts';
import type { CertificatePurpose } from '../core/cluster/model.ts';
import type { CertificateFacts, Signer } from '../core/ports.ts';
import type { KeyMaker } from './fresh-key.ts';
import { readPemBlocks, writePem } from './pem.ts';
import { tokenReferenceLabel } from './private-key.ts';
import type { Token } from './token.ts';
import { createPublicKey, verify } from './vendor.ts';

const purposesInToken: ReadonlySet<CertificatePurpose> = new Set<CertificatePurpose>([
  'callmanager',
  'itlrecovery',
]);

/** Keys of signers are made in the token, the others by `others`. */
export function createTokenKeys(token: Token, others: KeyMaker): KeyMaker {
  return {
    async make(purpose, key) {
      if (!purposesInToken.has(purpose) || key.type !== 'rsa') return others.make(purpose, key);
      const { id, spki } = await token.makeRsaKey(`tftp-pki ${purpose}`, key.bits);
      return {
        spki,
        sign: (hash, bytes) => token.sign(id, hash, bytes),
        atRest: writePem(tokenReferenceLabel, encodeLatin1(referenceOf(token.label, id))),
      };
    },
  };
}

/** The CKA_ID when the key file holds a reference; undefined when it holds a key. */
export function tokenKeyId(keyFile: string): Uint8Array | undefined {
  const block = readPemBlocks(keyFile).find(({ label }) => label === tokenReferenceLabel);
  if (block === undefined) return undefined;
  const escaped = /[;:]id=((?:%[0-9a-f]{2})+)(?:;|$)/.exec(decodeLatin1(block.bytes))?.[1];
  if (escaped === undefined)
    throw new Failure('storage-corrupt', 'the reference to a key in a token is damaged');
  return Uint8Array.from(Buffer.from(escaped.replaceAll('%', ''), 'hex'));
}

/** A signer whose key stays where it is; the token is asked when it first signs. */
export function createTokenSigner(certificate: CertificateFacts, token: Token, id: Uint8Array): Signer {
  const publicKey = createPublicKey({
    key: Buffer.from(certificate.publicKey.spki),
    format: 'der',
    type: 'spki',
  });
  return {
    certificate,
    async sign(hash, parts) {
      const bytes = concatBytes(...parts);
      const signature = await token.sign(id, hash, bytes);
      if (!verify(hash, bytes, publicKey, signature))
        throw new Failure('refused', `the token '${token.label}' signed wrongly: ${certificate.subject}`, {
          hint: 'Nothing of it was published. Is the key the one of the certificate?',
        });
      return signature;
    },
  };
}

/** RFC 7512 §2.3: everything but letters and digits of a label is escaped. */
function referenceOf(label: string, id: Uint8Array): string {
  const escaped = encodeURIComponent(label);
  const bytes = Array.from(id, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  return `pkcs11:token=${escaped};id=${bytes};type=private`;
}
