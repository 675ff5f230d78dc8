/**
 * The second verifier: the publisher's last word before a list or a signed file goes out (design.md §5).
 * Written from formats.md §1–3 and security.md §2 alone. It imports nothing of wire, core or pki and brings its own
 * node:crypto (the one exception in the layers test), so that one mistake in our codec cannot approve itself.
 * Keep it so: do not share code with it, do not "reuse" it elsewhere, stay under 300 lines.
 */
import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';

export interface SecondCheck {
  /** The name under which the bytes will be asked for. */
  readonly name: string;
  /** The list in force: it is replaced (for a list) or must know the signer (for any other file). */
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
    inspect(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), check);
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

interface Entry {
  readonly role: number;
  readonly issuer: string;
  readonly serial: string;
  readonly certificate: X509Certificate | undefined;
}

interface Parsed {
  readonly version: string;
  readonly header: ReadonlyMap<number, Buffer>;
  readonly signatureStart: number;
  readonly signatureEnd: number;
  readonly entries: readonly Entry[];
}

const listName = /^(ITL|CTL)(File|(?:SEP|ATA|VGC)[0-9A-F]{12})\.tlv$/i;

function inspect(bytes: Buffer, check: SecondCheck): void {
  const wantedList = listName.exec(check.name);
  need(bytes.length <= (wantedList ? 65_536 : 16 * 1024 * 1024), 'too long');
  const file = parse(bytes);
  const stamp = item(file, 15).readUInt32BE(0);
  checkName(check.name, text(item(file, 14)), file.version);

  const issuer = nameSet(text(item(file, 6)));
  const serial = serialHex(item(file, 5));
  const pick = (entries: readonly Entry[]): readonly Entry[] =>
    entries.filter((entry) => entry.issuer === issuer && entry.serial === serial);
  const previous = check.previousList && parse(Buffer.from(check.previousList));
  const given = (check.trustedCertificates ?? []).map(({ role, der }) => entryOf(role, readCertificate(Buffer.from(der))));
  const pools = [...(previous ? [previous.entries] : []), ...(check.trustedCertificates ? [given] : [])];
  if (wantedList) pools.push(file.entries);
  need(pools.length > 0, 'nothing was given to trust');
  // A list needs its signer in every pool; a file in any one.
  const found = wantedList ? pools.map(pick) : [pick(pools.flat())];
  for (const entries of found) {
    need(entries.length > 0, 'the signer is unknown');
    need(
      entries.some(({ role }) => (wantedList ? role === 0 : role === 2 || role === 3)),
      'the signer has no role to sign this',
    );
  }
  const certificates = found.flat().flatMap(({ certificate }) => certificate ?? []);
  const [certificate] = certificates;
  need(certificate !== undefined, 'the signer is listed without certificate');
  need(
    found.every((entries) => entries.some((entry) => entry.certificate)),
    'the signer is listed without certificate',
  );
  const spki = keyBytes(certificate);
  need(certificates.every((other) => keyBytes(other).equals(spki)), 'two keys under one issuer and serial');
  checkSignature(bytes, file, certificate.publicKey, check);

  need(stamp >= seconds(certificate.validFrom), 'signed before the certificate was valid');
  need(stamp <= seconds(certificate.validTo), 'signed after the certificate expired');
  need(stamp <= (check.nowSeconds ?? Date.now() / 1000) + 600, 'the timestamp is in the future');
  need(stamp >= (check.newerThan ?? 0), 'the timestamp is older than the last one');
  if (wantedList && previous) need(stamp >= item(previous, 15).readUInt32BE(0), 'older than the list in force');
}

// ---- bytes -------------------------------------------------------------------------------------------------------

/** Tags that stand directly in the header, and those inside each container. */
const inHeader = [1, 2, 3, 7, 12, 14, 15, 16, 26, 27, 28];
const inside = new Map([
  [3, [4, 5, 6]],
  [7, [8, 9]],
  [9, [10, 11]],
  [16, [17, 21]],
  [17, [18, 19, 20]],
  [21, [22, 23, 24, 25]],
]);
const fixedLength = new Map([
  [1, 2],
  [2, 2],
  [28, 2],
  [8, 1],
  [10, 1],
  [11, 1],
  [15, 4],
]);
const plainTags = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15];
const encryptedTags = [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];

function parse(bytes: Buffer): Parsed {
  need(bytes.length >= 10 && bytes.readUIntBE(0, 3) === 0x010002, 'no signed header');
  need(bytes.readUIntBE(5, 3) === 0x020002, 'HEADER LENGTH is not the second item');
  const end = bytes.readUInt16BE(8);
  need(end > 10 && end <= 16_384 && end <= bytes.length, 'HEADER LENGTH lies');
  const header = new Map<number, Buffer>();
  const starts = new Map<number, number>();
  let padding = 0;

  const walk = (from: number, to: number, allowed: readonly number[]): void => {
    for (let at = from; at < to;) {
      const tag = bytes[at] ?? 0;
      if (tag === 13 && allowed === inHeader) {
        padding++;
        at++;
        continue;
      }
      need(allowed.includes(tag), `tag ${tag} does not belong here`);
      need(!header.has(tag), `tag ${tag} stands twice`);
      need(at + 3 <= to && at + 3 + bytes.readUInt16BE(at + 1) <= to, `tag ${tag} is cut`);
      const value = bytes.subarray(at + 3, at + 3 + bytes.readUInt16BE(at + 1));
      const size = fixedLength.get(tag);
      need(size === undefined || value.length === size, `tag ${tag} has a wrong length`);
      header.set(tag, value);
      starts.set(tag, at);
      const children = inside.get(tag);
      at += 3;
      if (children) walk(at, at + value.length, children);
      at += value.length;
    }
  };
  walk(0, end, inHeader);

  need(padding <= 64, 'too much padding');
  const version = [...(header.get(1) ?? [])].join('.');
  need(/^(1\.\d+|2\.\d+)$/.test(version), `version ${version}`);
  const encrypted = version.startsWith('2.');
  for (const tag of plainTags) need(header.has(tag), `tag ${tag} is missing`);
  for (const tag of encryptedTags) need(header.has(tag) === encrypted, `tag ${tag} and version ${version}`);
  for (const tag of [4, 6, 14]) text(header.get(tag) ?? Buffer.alloc(0));
  const signatureStart = starts.get(12) ?? 0;
  return {
    version,
    header,
    signatureStart,
    signatureEnd: signatureStart + 3 + (header.get(12)?.length ?? 0),
    entries: version === '1.2' ? records(bytes, end) : [],
  };
}

function records(bytes: Buffer, from: number): readonly Entry[] {
  need(bytes.length <= 65_536, 'the list is longer than 64 KB');
  need(from < bytes.length, 'the list has no records');
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (let at = from; at < bytes.length;) {
    need(at + 5 <= bytes.length && bytes.readUIntBE(at, 3) === 0x010002, 'a record does not begin with its length');
    const length = bytes.readUInt16BE(at + 3);
    need(length > 5 && at + length <= bytes.length, 'RECORD LENGTH lies');
    const raw = bytes.subarray(at, at + length);
    const items = recordItems(raw);
    const role = items.get(4);
    need(role?.length === 2, 'a record has no role');
    need([0, 1, 2, 3, 4, 7, 21].includes(role.readUInt16BE(0)), 'a record has an unknown role');
    const unique = `${role.toString('hex')} ${(items.get(9) ?? raw).toString('hex')}`;
    need(!seen.has(unique), 'a record stands twice');
    seen.add(unique);
    const entry = checkRecord(items, role.readUInt16BE(0));
    if (entry) entries.push(entry);
    at += length;
  }
  return entries;
}

function recordItems(raw: Buffer): ReadonlyMap<number, Buffer> {
  const items = new Map<number, Buffer>();
  for (let at = 5; at < raw.length;) {
    const tag = raw[at] ?? 0;
    need(tag >= 2 && tag <= 12 && !items.has(tag), `record tag ${tag} is unknown or stands twice`);
    need(at + 3 <= raw.length, 'a record item is cut');
    const length = raw.readUInt16BE(at + 1);
    need(at + 3 + length <= raw.length, 'a record item is cut');
    items.set(tag, raw.subarray(at + 3, at + 3 + length));
    at += 3 + length;
  }
  for (const tag of [2, 3, 5]) if (items.has(tag)) text(items.get(tag) ?? Buffer.alloc(0));
  const address = items.get(10);
  need(address === undefined || address.length === 4 || address.length === 16, 'an IP address has a wrong length');
  return items;
}

/** What a record says about itself must be its certificate's. */
function checkRecord(items: ReadonlyMap<number, Buffer>, role: number): Entry | undefined {
  const der = items.get(9);
  const [subject, issuer, serial, key] = [items.get(3), items.get(5), items.get(6), items.get(7)];
  if (der === undefined) {
    if (issuer === undefined || serial === undefined) return undefined;
    return { role, issuer: nameSet(text(issuer)), serial: serialHex(serial), certificate: undefined };
  }
  const certificate = readCertificate(der);
  const entry = entryOf(role, certificate);
  if (subject) need(nameSet(text(subject)) === nameLines(certificate.subject), 'a record has another subject');
  if (issuer) need(nameSet(text(issuer)) === entry.issuer, 'a record has another issuer');
  if (serial) need(serialHex(serial) === entry.serial, 'a record has another serial');
  // PUBLIC KEY is the end of the certificate's SubjectPublicKeyInfo: what its BIT STRING holds.
  if (key) {
    const spki = keyBytes(certificate);
    const long = certificate.publicKey.asymmetricKeyType === 'rsa' ? 24 : spki.indexOf(4, spki.length - key.length);
    const held = certificate.publicKey.asymmetricKeyType === 'rsa' ? rsaBits(certificate) : spki.subarray(long);
    need(held.equals(key), 'a record has another key');
  }
  return entry;
}
