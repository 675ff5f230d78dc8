/**
 * Reading PKCS#12 (RFC 7292) of today's programs: PBES2 inside, a MAC by passphrase outside, checked first.
 * Bounded before anything is computed (security.md §3): size, iterations of each part and of all; the walk follows the grammar and does not
 * nest. Refuses a file without MAC (it says nothing about who made it), indefinite lengths, public-key modes, bags in
 * bags, and, unless `legacy` is asked for, RC2 and 3DES.
 */
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { certificatesPerFileMax, pkcs12BytesMax } from '../base/limits.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { readCertificate } from './certificate.ts';
import { DerError, DerReader, derTag, objectIdentifier, smallInteger, type DerElement } from './der.ts';
import { readText } from './name.ts';
import { createLegacyDecrypt } from './pbe-legacy.ts';
import { decryptPbes2, RoundBudget, type Opening } from './pbes2.ts';
import { macHashes, macPkcs12 } from './pkcs12-mac.ts';
import { pkcs12Oid } from './pkcs12-oid.ts';
import { encryptPrivateKey } from './private-key.ts';
import { createPrivateKey, createPublicKey, type KeyObject } from './vendor.ts';

export interface ReadPkcs12Entry {
  readonly certificate: CertificateFacts;
  readonly friendlyName: string | undefined;
  /** The private key that belongs to it, encrypted anew under `keyPassphrase`. */
  readonly encryptedKeyPem: string | undefined;
}

/**
 * The certificates of a file in its order. `keyPassphrase` encrypts the keys that are returned. Failures: `format`
 * (no PKCS#12), `refused` (no MAC, too many iterations, legacy), `passphrase-wrong`.
 */
export async function readPkcs12(
  bytes: Uint8Array,
  passphrase: string,
  keyPassphrase: string,
  options: Pkcs12Options = {},
): Promise<readonly ReadPkcs12Entry[]> {
  return opened(bytes, passphrase, options, (bags) => {
    const keys = bags.keys.map((open) => keyOnce(open(), keyPassphrase));
    return bags.certificates.map(({ certificate, friendlyName }) => {
      const key = keys.find(({ spki }) => equalBytes(spki, certificate.publicKey.spki));
      return { certificate, friendlyName, encryptedKeyPem: key?.encryptedPem() };
    });
  });
}

/** As `readPkcs12` for whom keys are no business: they are counted, and stay shut. */
export async function readPkcs12Certificates(
  bytes: Uint8Array,
  passphrase: string,
  options: Pkcs12Options = {},
): Promise<{ readonly certificates: readonly CertificateFacts[]; readonly keys: number }> {
  return opened(bytes, passphrase, options, ({ certificates, keys }) => ({
    certificates: certificates.map(({ certificate }) => certificate),
    keys: keys.length,
  }));
}

export interface Pkcs12Options {
  readonly legacy?: boolean | undefined;
}

async function opened<T>(
  bytes: Uint8Array,
  passphrase: string,
  { legacy }: Pkcs12Options,
  read: (bags: Bags) => T,
): Promise<T> {
  if (bytes.length > pkcs12BytesMax)
    throw new Failure('refused', `a PKCS#12 file of more than ${pkcs12BytesMax} bytes`);
  const opening = { passphrase, rounds: new RoundBudget() };
  const decrypt = legacy === true ? await createLegacyDecrypt(decryptPbes2) : decryptPbes2;
  try {
    const safe = openFile(bytes, opening);
    return read(readBags(safe, (scheme, content) => decrypt(scheme, content, opening)));
  } catch (error) {
    if (error instanceof DerError)
      throw new Failure('format', `this is not a PKCS#12 file: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Encrypted when it is first wanted, and once: that costs keyIterations. */
function keyOnce(key: KeyObject, passphrase: string) {
  let pem: string | undefined;
  return {
    spki: Uint8Array.from(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    encryptedPem: (): string => (pem ??= encryptPrivateKey(key, passphrase)),
  };
}

/** PFX (§4): the authenticated safe, once its MAC is right. */
function openFile(bytes: Uint8Array, { passphrase, rounds }: Opening): Uint8Array {
  const outer = new DerReader(bytes);
  const pfx = outer.sequence();
  outer.end();
  if (smallInteger(pfx.expect(derTag.integer)) !== 3) throw new DerError('another version than 3');
  const { type, content } = contentInfo(pfx);
  if (type !== pkcs12Oid.data)
    throw new Failure('refused', 'the PKCS#12 file is signed by a key, not by a passphrase');
  const safe = octets(content.any(), derTag.octetString);
  content.end();
  if (pfx.done)
    throw new Failure('refused', 'the PKCS#12 file has no MAC', {
      hint: 'Whoever exports it has to protect its integrity with a passphrase.',
    });
  const macData = pfx.sequence();
  pfx.end();
  const digestInfo = macData.sequence();
  const algorithm = objectIdentifier(digestInfo.sequence().expect(derTag.objectIdentifier));
  const hash = macHashes.get(algorithm);
  if (hash === undefined)
    throw new Failure('refused', `the PKCS#12 file has a MAC of an unknown kind: ${algorithm}`);
  const expected = digestInfo.expect(derTag.octetString).content;
  const salt = macData.expect(derTag.octetString).content;
  const iterations = macData.done ? 1 : smallInteger(macData.expect(derTag.integer));
  rounds.spend(iterations);
  if (!equalBytes(macPkcs12(safe, { hash, salt, iterations, passphrase }), expected))
    throw new Failure(
      'passphrase-wrong',
      'the passphrase does not open the PKCS#12 file, or the file is damaged',
    );
  return safe;
}

type Open = (scheme: DerElement, bytes: Uint8Array) => Uint8Array;

interface Bags {
  readonly certificates: {
    readonly certificate: CertificateFacts;
    readonly friendlyName: string | undefined;
  }[];
  /** Each is decrypted when it is called. */
  readonly keys: (() => KeyObject)[];
}

function readBags(safe: Uint8Array, open: Open): Bags {
  const bags: Bags = { certificates: [], keys: [] };
  const outer = new DerReader(safe);
  const infos = outer.sequence();
  outer.end();
  while (!infos.done) {
    const contents = new DerReader(safeContents(infos, open));
    const each = contents.sequence();
    contents.end();
    while (!each.done) {
      readBag(each.sequence(), open, bags);
      if (Math.max(bags.certificates.length, bags.keys.length) > certificatesPerFileMax)
        throw new Failure('refused', `more than ${certificatesPerFileMax} certificates or keys in one file`);
    }
  }
  return bags;
}

/** One ContentInfo of the authenticated safe (§4.1), decrypted. */
function safeContents(infos: DerReader, open: Open): Uint8Array {
  const { type, content } = contentInfo(infos);
  if (type === pkcs12Oid.data) return octets(content.any(), derTag.octetString);
  if (type !== pkcs12Oid.encryptedData)
    throw new Failure('refused', 'the PKCS#12 file is encrypted to a key');
  const encrypted = content.sequence();
  smallInteger(encrypted.expect(derTag.integer));
  const info = encrypted.sequence();
  info.expect(derTag.objectIdentifier);
  const scheme = info.expect(derTag.sequence);
  return open(scheme, octets(info.any(), derTag.implicit0));
}

/** SafeBag (§4.2). Other kinds than certificates and keys hold nothing for us. */
function readBag(bag: DerReader, open: Open, bags: Bags): void {
  const type = objectIdentifier(bag.expect(derTag.objectIdentifier));
  const value = new DerReader(bag.expect(derTag.explicit0).content);
  if (type === pkcs12Oid.certBag) {
    const certBag = value.sequence();
    const kind = objectIdentifier(certBag.expect(derTag.objectIdentifier));
    if (kind !== pkcs12Oid.x509Certificate) return;
    const wrapped = new DerReader(certBag.expect(derTag.explicit0).content);
    const certificate = readCertificate(octets(wrapped.any(), derTag.octetString));
    if (!certificate) throw new Failure('format', 'a certificate in the PKCS#12 file cannot be read');
    bags.certificates.push({ certificate, friendlyName: friendlyName(bag) });
  } else if (type === pkcs12Oid.shroudedKeyBag) {
    const encrypted = value.sequence();
    const scheme = encrypted.expect(derTag.sequence);
    const content = encrypted.expect(derTag.octetString).content;
    bags.keys.push(() => loadKey(open(scheme, content)));
  } else if (type === pkcs12Oid.keyBag) {
    const key = value.expect(derTag.sequence).whole;
    bags.keys.push(() => loadKey(key));
  }
}

function friendlyName(bag: DerReader): string | undefined {
  if (bag.done) return undefined;
  const attributes = new DerReader(bag.expect(derTag.set).content);
  while (!attributes.done) {
    const attribute = attributes.sequence();
    const type = objectIdentifier(attribute.expect(derTag.objectIdentifier));
    const values = new DerReader(attribute.expect(derTag.set).content);
    if (type === pkcs12Oid.friendlyName && !values.done) return readText(values.any());
  }
  return undefined;
}

function loadKey(pkcs8: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new Failure('format', 'the private key in the PKCS#12 file cannot be read', { cause });
  }
}

function contentInfo(from: DerReader): { readonly type: string; readonly content: DerReader } {
  const info = from.sequence();
  const type = objectIdentifier(info.expect(derTag.objectIdentifier));
  const content = new DerReader(info.expect(derTag.explicit0).content);
  info.end();
  return { type, content };
}

/** An OCTET STRING, also where a program split it into pieces (BER, X.690 §8.7.3), as pkijs does. */
function octets(element: DerElement, primitive: number): Uint8Array {
  if (element.tag === primitive) return element.content;
  if (element.tag !== (primitive | 0x20)) throw new DerError('not an octet string');
  const pieces: Uint8Array[] = [];
  const each = new DerReader(element.content);
  while (!each.done) pieces.push(each.expect(derTag.octetString).content);
  return concatBytes(...pieces);
}
