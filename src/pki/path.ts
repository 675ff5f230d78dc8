/**
 * Certification paths (RFC 5280 §6), twice: pkijs builds and validates the path, and node:crypto verifies each of its
 * links by itself, because pkijs checks signatures through WebCrypto and this product through OpenSSL. Revocation is
 * not asked for: the node may have no way to the CA, and phones never ask.
 */
import { bad, good, type Outcome } from '../base/outcome.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { readUsage } from './extensions.ts';
import { loadPkijs, webcrypto, X509Certificate } from './vendor.ts';

/**
 * The path from `leaf` to a self-signed certificate among `others`, leaf first, or the reason why there is none.
 * A leaf that signed itself is a path of one. `atSeconds`: when every certificate of the path must be valid.
 */
export async function validatePath(
  leaf: CertificateFacts,
  others: readonly CertificateFacts[],
  atSeconds: number,
): Promise<Outcome<readonly CertificateFacts[], string>> {
  if (isSelfIssued(leaf)) return verifies(leaf, leaf) ? good([leaf]) : bad('its own signature is wrong');
  // pkijs takes one end entity only; what is no CA leads nowhere anyway.
  const authorities = others.filter((other) => readUsage(other)?.certificateAuthority === true);
  if (!authorities.some(isSelfIssued)) return bad('the root of its CA is not among the certificates');
  const pkijs = await loadPkijs();
  const known = [...authorities, leaf].map((facts) => ({
    facts,
    parsed: pkijs.Certificate.fromBER(Uint8Array.from(facts.der).buffer),
  }));
  const parsedOf = (wanted: (facts: CertificateFacts) => boolean) =>
    known.filter(({ facts }) => wanted(facts)).map(({ parsed }) => parsed);
  const engine = new pkijs.CertificateChainValidationEngine({
    trustedCerts: parsedOf(isSelfIssued),
    // The leaf stands last: pkijs takes the last one as the end of the path.
    certs: parsedOf((facts) => !isSelfIssued(facts)),
    checkDate: new Date(atSeconds * 1000),
  });
  const crypto = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as globalThis.Crypto });
  const answer = await engine.verify({}, crypto);
  if (!answer.result) return bad(answer.resultMessage || 'there is no valid path to a root');
  const path = (answer.certificatePath ?? []).flatMap(
    (step) => known.find(({ parsed }) => parsed === step)?.facts ?? [],
  );
  return path[0] === leaf && linksHold(path)
    ? good(path)
    : bad('a certificate of its path was not signed by the next one');
}

/** RFC 5280 §3.2. OpenSSL's checkIssued would ask for the right to sign certificates, which an end entity lacks. */
function isSelfIssued({ subject, issuer }: CertificateFacts): boolean {
  return subject === issuer;
}

function linksHold(path: readonly CertificateFacts[]): boolean {
  return path.every((subject, index) => verifies(subject, path[index + 1] ?? subject));
}

function verifies(subject: CertificateFacts, issuer: CertificateFacts): boolean {
  return new X509Certificate(subject.der).verify(new X509Certificate(issuer.der).publicKey);
}
