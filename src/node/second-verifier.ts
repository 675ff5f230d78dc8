/**
 * The second verifier: the publisher's last word before a list or a signed file goes out (design.md §5).
 * Written from formats.md §1–3 and security.md §2 alone. It imports nothing of wire, core or pki and brings its own
 * node:crypto (the one exception in the layers test), so that one mistake in our codec cannot approve itself.
 * Keep it so: do not share code with it, do not "reuse" it elsewhere, stay under 300 lines.
 */
import { verify, X509Certificate, type KeyObject } from 'node:crypto';

export interface SecondCheck {
  /** The name under which the bytes will be asked for. */
  readonly name: string;
  /** The list in force: the one that is replaced, or, for any other file, the one that must know the signer. */
  readonly previousList?: Uint8Array | undefined;
  /** DER certificates with the number of their role: 0 SAST, 2 CCM+TFTP, 3 TFTP, … */
  readonly trustedCertificates?: readonly { readonly role: number; readonly der: Uint8Array }[] | undefined;
  readonly nowSeconds?: number | undefined;
  readonly newerThan?: number | undefined;
  readonly allowSha1?: boolean | undefined;
  readonly minRsaBits?: number | undefined;
}

/** `undefined` when the bytes may be published, else the first reason why not. */
export function verifyAgain(bytes: Uint8Array, check: SecondCheck): string | undefined {
  try {
    judge(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), check);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

class Refusal extends Error {}

function need(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Refusal(otherwise);
}

type Items = ReadonlyMap<number, Buffer>;

interface Entry {
  readonly role: number;
  /** Undefined in a record that names no certificate. */
  readonly issuer: string | undefined;
  readonly serial: string | undefined;
  readonly certificate: Buffer | undefined;
  readonly items: Items;
}

interface Parsed {
  readonly version: string;
  readonly header: Items;
  readonly signed: Buffer;
  readonly entries: readonly Entry[];
}

const listName = /^(ITL|CTL)(File|(?:SEP|ATA|VGC)[0-9A-F]{12})\.tlv$/i;

function judge(bytes: Buffer, check: SecondCheck): void {
  const isList = listName.test(check.name);
  need(bytes.length <= (isList ? 65_536 : 16 * 1024 * 1024), 'too long');
  const file = parse(bytes);
  checkName(check.name, text(item(file.header, 14)), file.version);
  const previous = check.previousList && parse(Buffer.from(check.previousList));
  const given = check.trustedCertificates?.map(({ role, der }) => entryOf(role, Buffer.from(der)));
  const before = [previous?.entries, given].filter((entries) => entries !== undefined);
  need(isList || before.length > 0, 'nothing was given to trust');
  const pools = isList ? [file.entries, ...before] : [before.flat()];
  const signer = findSigner(pools, file.header, isList ? [0] : [2, 3]);
  checkSignature(file, keyOf(signer), check);
  const stamp = item(file.header, 15).readUInt32BE(0);
  need(stamp >= Date.parse(signer.validFrom) / 1000, 'signed before the certificate was valid');
  need(stamp <= Date.parse(signer.validTo) / 1000, 'signed after the certificate expired');
  need(stamp <= (check.nowSeconds ?? Date.now() / 1000) + 600, 'the timestamp is in the future');
  const replaced = isList && previous ? item(previous.header, 15).readUInt32BE(0) : 0;
  need(stamp >= Math.max(check.newerThan ?? 0, replaced), 'the timestamp is older than the last one');
  for (const entry of file.entries) checkEntry(entry);
}

/** The certificate with the signer's issuer, serial and a right role in every pool; never two keys. */
function findSigner(pools: readonly (readonly Entry[])[], header: Items, roles: number[]): X509Certificate {
  const issuer = nameSet(text(item(header, 6)));
  const serial = serialHex(item(header, 5));
  const matches = (entry: Entry): boolean => entry.serial === serial && isName(issuer, issuerOf(entry));
  const found = new Map<string, X509Certificate>();
  for (const entries of pools.map((pool) => pool.filter(matches))) {
    const roleFits = entries.some(({ role }) => roles.includes(role));
    need(roleFits, 'the signer is unknown or has no role to sign this');
    const certificates = entries.flatMap(({ certificate }) => certificate ?? []);
    need(certificates.length > 0, 'the signer is listed without certificate');
    for (const der of certificates) found.set(der.toString('latin1'), readDer(der));
  }
  const [first, ...others] = found.values();
  need(first !== undefined, 'the signer is unknown');
  for (const other of others) need(keyOf(other).equals(keyOf(first)), 'two keys under one issuer and serial');
  for (const one of found.values()) need(serialOf(one) === serial, 'the record of the signer lies');
  return first;
}

function checkSignature({ header, signed }: Parsed, key: KeyObject, check: SecondCheck): void {
  const hash = [undefined, 'sha1', undefined, 'sha512'][item(header, 8)[0] ?? 0];
  need(hash !== undefined && (hash !== 'sha1' || check.allowSha1 !== false), 'the digest is not allowed');
  need(item(header, 10)[0] === 0 && key.asymmetricKeyType === 'rsa', 'the signature algorithm is not RSA');
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  need(bits >= (check.minRsaBits ?? 2048), 'the key is too short');
  const signature = item(header, 12);
  need(signature.length === [64, 128, 256, 512][item(header, 11)[0] ?? 9], 'the modulus code lies');
  need(signature.length * 8 === bits, 'the signature is not as long as the key');
  need(verify(hash, signed, key, signature), 'the signature does not verify');
}

// ---- bytes

/** What stands inside each container; 0 is the header itself. */
const top = [1, 2, 3, 7, 12, 14, 15, 16, 26, 27, 28];
const nested = { 3: [4, 5, 6], 7: [8, 9], 9: [10, 11], 16: [17, 21], 17: [18, 19, 20], 21: [22, 23, 24, 25] };
const inside: Readonly<Record<number, readonly number[]>> = { 0: top, ...nested };
/** Value bytes of tag 0, 1, 2, …; 0 where the format fixes none. */
const fixedLength = [0, 2, 2, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 4, 0, 0, 1, 16, 2, 0, 1, 2, 1, 0, 1, 0, 2];
const always = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15];
const whenEncrypted = [16, 17, 19, 20, 21, 23, 25, 26, 27];

function parse(bytes: Buffer): Parsed {
  const end = headerLength(bytes);
  need(end <= 16_384 && end <= bytes.length, 'HEADER LENGTH lies');
  const header = new Map<number, Buffer>();
  let padding = 0;
  const walk = (container: number, from: number, to: number): void => {
    for (let at = from; at < to;) {
      const tag = bytes[at] ?? 0;
      if (tag === 13 && container === 0) {
        padding++;
        at++;
        continue;
      }
      need(inside[container]?.includes(tag) === true && !header.has(tag), `tag ${tag} has no place here`);
      need(at + 3 <= to && at + 3 + bytes.readUInt16BE(at + 1) <= to, `tag ${tag} is cut`);
      const value = bytes.subarray(at + 3, at + 3 + bytes.readUInt16BE(at + 1));
      need(!fixedLength[tag] || value.length === fixedLength[tag], `tag ${tag} has a wrong length`);
      header.set(tag, value);
      if (inside[tag]) walk(tag, at + 3, at + 3 + value.length);
      at += 3 + value.length;
    }
  };
  walk(0, 0, end);
  need(padding <= 64, 'too much padding');
  const version = [...item(header, 1)].join('.');
  need(/^[12]\./.test(version), `version ${version}`);
  for (const tag of always) need(header.has(tag), `tag ${tag} is missing`);
  for (const tag of whenEncrypted)
    need(header.has(tag) === version.startsWith('2.'), `tag ${tag} and version ${version}`);
  for (const tag of [4, 6, 14]) text(item(header, tag));
  const at = item(header, 12).byteOffset - bytes.byteOffset;
  const signed = Buffer.concat([bytes.subarray(0, at - 3), bytes.subarray(at + item(header, 12).length)]);
  return { version, header, signed, entries: version === '1.2' ? records(bytes, end) : [] };
}

function headerLength(bytes: Buffer): number {
  for (let at = 0; at + 5 <= Math.min(bytes.length, 16_384);) {
    if (bytes[at] === 2) return bytes.readUInt16BE(at + 3);
    at += bytes[at] === 13 ? 1 : 3 + bytes.readUInt16BE(at + 1);
  }
  throw new Refusal('no signed header');
}

function records(bytes: Buffer, from: number): readonly Entry[] {
  need(bytes.length <= 65_536 && from < bytes.length, 'the list has no records or is longer than 64 KB');
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (let at = from; at < bytes.length;) {
    need(at + 5 <= bytes.length && bytes.readUIntBE(at, 3) === 0x010002, 'a record has no length');
    const length = bytes.readUInt16BE(at + 3);
    need(length > 5 && at + length <= bytes.length, 'RECORD LENGTH lies');
    const items = recordItems(bytes.subarray(at + 5, at + length));
    const [role, issuer, serial, certificate] = [item(items, 4), items.get(5), items.get(6), items.get(9)];
    need(role.length === 2 && [0, 1, 2, 3, 4, 7, 21].includes(role.readUInt16BE(0)), 'unknown role');
    const same = `${role.toString('hex')} ${(certificate ?? bytes.subarray(at, at + length)).toString('latin1')}`;
    need(!seen.has(same), 'a record stands twice');
    seen.add(same);
    const named = { issuer: issuer && nameSet(text(issuer)), serial: serial && serialHex(serial) };
    entries.push({ role: role.readUInt16BE(0), ...named, certificate, items });
    at += length;
  }
  return entries;
}

function recordItems(raw: Buffer): Items {
  const items = new Map<number, Buffer>();
  for (let at = 0; at < raw.length;) {
    const tag = raw[at] ?? 0;
    need(tag >= 2 && tag <= 12 && !items.has(tag), `record tag ${tag} is unknown or stands twice`);
    need(at + 3 <= raw.length && at + 3 + raw.readUInt16BE(at + 1) <= raw.length, 'a record item is cut');
    items.set(tag, raw.subarray(at + 3, at + 3 + raw.readUInt16BE(at + 1)));
    at += 3 + raw.readUInt16BE(at + 1);
  }
  for (const tag of [2, 3, 5]) if (items.has(tag)) text(item(items, tag));
  need([0, 4, 16].includes(items.get(10)?.length ?? 0), 'an IP address has a wrong length');
  return items;
}

function checkEntry({ certificate: der, issuer, serial, items }: Entry): void {
  if (der === undefined) return;
  const certificate = readDer(der);
  const [subject, key] = [items.get(3), items.get(7)];
  need(!subject || isName(nameSet(text(subject)), certificate.subject), 'a record has another subject');
  need(issuer === undefined || isName(issuer, certificate.issuer), 'a record has another issuer');
  need(serial === undefined || serial === serialOf(certificate), 'a record has another serial');
  need(!key || keyItem(keyOf(certificate)).equals(key), 'a record has another key');
}

function item(items: Items, tag: number): Buffer {
  const value = items.get(tag);
  need(value !== undefined, `tag ${tag} is missing`);
  return value;
}

function text(value: Buffer): string {
  need(value.indexOf(0) === value.length - 1 && value.length > 0, 'a text without its one NUL at the end');
  return value.toString('utf8', 0, value.length - 1);
}

// ---- names and certificates

const legalName = /^(?!\.|.*\/[./])[!-$&-.0-[\]-~][ -$&-[\]-~]{0,126}(?<!\/)$/;

function checkName(asked: string, signedAs: string, version: string): void {
  need(legalName.test(asked) && legalName.test(signedAs), 'a name that no file may have');
  const list = listName.exec(asked);
  const ofCluster = list && !/^file$/i.test(list[2] ?? '') ? `${list[1]?.toUpperCase()}File.tlv` : asked;
  need(signedAs === asked || signedAs === ofCluster, `signed as ${JSON.stringify(signedAs)}`);
  const encrypted = /^(SEP|ATA|VGC)[0-9A-F]{12}\.cnf\.xml\.enc\.sgn$/i.test(asked);
  need((list !== null) === (version === '1.2'), `version ${version} under this name`);
  need(encrypted === version.startsWith('2.') && version !== '1.1', `version ${version} under this name`);
}

/** A name in any order, with commas or semicolons, as one comparable text. */
function nameSet(name: string): string {
  return nameLines(name.replace(/(?<!\\)[,;+]\s*(?=[A-Za-z0-9.-]+=)/g, '\n'));
}

/** Some writers leave out all but these six attributes. */
function isName(name: string, ofCertificate: string): boolean {
  const six = nameLines(ofCertificate).match(/^(?:CN|OU|O|L|ST|C)=.*$/gm) ?? [];
  return name === nameLines(ofCertificate) || (six.length > 0 && name === six.join('\n'));
}

/** node:crypto writes one attribute a line, several of one relative name joined by ` + `. */
function nameLines(name: string): string {
  const upper = (line: string): string => line.trim().replace(/^[^=]*/, (type) => type.toUpperCase());
  const lines = name.replace(/ \+ (?=[A-Za-z0-9.-]+=)/g, '\n').split('\n');
  const plain = lines.map((line) => upper(line).replace(/\\(.)/g, '$1'));
  return plain.sort().join('\n');
}

/** By their bytes: the lists of a publication hold the same few, and reading one costs more than all the rest. */
const readBefore = new Map<string, X509Certificate>();

function readDer(der: Buffer): X509Certificate {
  const key = der.toString('latin1');
  const certificate = readBefore.get(key) ?? openssl(() => new X509Certificate(der));
  need(certificate.raw.equals(der), 'bytes follow a certificate');
  if (readBefore.size >= 256) readBefore.clear();
  readBefore.set(key, certificate);
  return certificate;
}

/** Decoded on demand, and then perhaps no key at all. */
const keyOf = (certificate: X509Certificate): KeyObject => openssl(() => certificate.publicKey);

function openssl<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new Refusal('a certificate cannot be read');
    throw error;
  }
}

function issuerOf({ certificate, issuer }: Entry): string {
  return certificate ? readDer(certificate).issuer : (issuer ?? '');
}

function entryOf(role: number, der: Buffer): Entry {
  const certificate = readDer(der);
  const issuer = nameLines(certificate.issuer);
  return { role, issuer, serial: serialOf(certificate), certificate: der, items: new Map() };
}

const serialOf = ({ serialNumber }: X509Certificate): string => serialHex(Buffer.from(serialNumber, 'hex'));

function serialHex(serial: Buffer): string {
  return serial.toString('hex').replace(/^(?:00)+(?=..)/, '');
}

/** PUBLIC KEY as a record holds it: PKCS#1 for RSA, the uncompressed point for EC. */
function keyItem(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'der' });
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
