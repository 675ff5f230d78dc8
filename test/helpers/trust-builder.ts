/**
 * Builds certificates, signed files and trust lists for tests, right ones and wrong ones. Written from formats.md alone
 * on node:crypto: it shares no code with src/, so that a test never proves the codec by the codec.
 */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

export const keysFolder = new URL('../vectors/keys/', import.meta.url);

/** 2026-11-21T10:00:00Z: the instant at which the vectors are judged. */
export const now = 1_795_255_200;
export const day = 86_400;

const loaded = new Map<string, KeyObject>();

export function testKey(name: string): KeyObject {
  const known = loaded.get(name);
  if (known) return known;
  const key = createPrivateKey(readFileSync(new URL(`${name}.pem`, keysFolder)));
  loaded.set(name, key);
  return key;
}

// ---- DER, as much as a certificate needs (RFC 5280 §4.1)

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const long = size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.of(tag, ...(size < 128 ? [size] : long)), content]);
}

function integer(hex: string): Buffer {
  const bytes = Buffer.from(hex, 'hex');
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

const attributeOids: Readonly<Record<string, string>> = {
  CN: '0603550403',
  OU: '060355040b',
  O: '060355040a',
  L: '0603550407',
  ST: '0603550408',
  C: '0603550406',
  DC: '060a0992268993f22c640119',
};

export type Attributes = readonly (readonly [type: string, value: string])[];

function name(attributes: Attributes): Buffer {
  return der(
    0x30,
    ...attributes.map(([type, value]) =>
      der(0x31, der(0x30, Buffer.from(attributeOids[type] ?? '', 'hex'), der(0x0c, Buffer.from(value)))),
    ),
  );
}

function time(seconds: number): Buffer {
  const digits = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(0, 14);
  return der(0x18, Buffer.from(`${digits}Z`));
}

const sha256WithRsa = Buffer.from('300d06092a864886f70d01010b0500', 'hex');

export interface CertificateOptions {
  readonly key: string;
  readonly subject: Attributes;
  readonly issuer?: Attributes;
  /** Name of the issuer's key; its own when absent. */
  readonly issuerKey?: string;
  /** Hex; a leading high bit gets its DER 00. */
  readonly serial: string;
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export interface Party {
  readonly key: KeyObject;
  readonly der: Buffer;
  readonly subject: Attributes;
  readonly issuer: Attributes;
  readonly serial: Buffer;
  /** The certificate's own signature bytes. */
  readonly signature: Buffer;
  readonly publicKey: Buffer;
}

/** A certificate and its private key. */
export function party(options: CertificateOptions): Party {
  const key = testKey(options.key);
  const issuer = options.issuer ?? options.subject;
  const tbs = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    integer(options.serial),
    sha256WithRsa,
    name(issuer),
    der(0x30, time(options.notBefore ?? now - 30 * day), time(options.notAfter ?? now + 3650 * day)),
    name(options.subject),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', tbs, testKey(options.issuerKey ?? options.key));
  return {
    key,
    der: der(0x30, tbs, sha256WithRsa, der(0x03, Buffer.of(0), signature)),
    subject: options.subject,
    issuer,
    serial: Buffer.from(options.serial, 'hex'),
    signature,
    publicKey: publicKeyItem(key),
  };
}

function publicKeyItem(key: KeyObject): Buffer {
  const publicKey = createPublicKey(key);
  if (key.asymmetricKeyType === 'rsa') return publicKey.export({ type: 'pkcs1', format: 'der' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

// ---- TLV (formats.md §1)

export function tlv(tag: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag, value.length >> 8, value.length & 0xff), value]);
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

export function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** As CUCM writes names. */
export function nameText(attributes: Attributes, separator = ';'): string {
  return attributes.map(([type, value]) => `${type}=${value}`).join(separator);
}

export interface SignOptions {
  readonly by: Party;
  /** FILENAME; `undefined` leaves the item out. */
  readonly as: string | undefined;
  readonly content?: Uint8Array;
  readonly version?: readonly [number, number];
  readonly timestamp?: number | undefined;
  readonly hash?: 'sha1' | 'sha512' | 'sha256';
  readonly digestCode?: number;
  readonly algorithmCode?: number;
  readonly modulusCode?: number;
  readonly signerName?: string;
  readonly issuerName?: string;
  readonly serial?: Uint8Array;
  readonly padding?: number;
  /** Changes the items between HEADER LENGTH and padding: to drop, repeat, reorder, spoil. */
  readonly arrange?: (items: HeaderParts) => readonly Uint8Array[];
  /** What HEADER LENGTH says, given the true length. */
  readonly sayLength?: (length: number) => number;
  /** Makes the signature bytes; default RSA PKCS#1 v1.5 with `hash`. */
  readonly signWith?: (toBeSigned: Buffer) => Buffer;
}

export interface HeaderParts {
  readonly signerInfo: Buffer;
  readonly signatureInfo: Buffer;
  /** A marker: the SIGNATURE item takes its place. */
  readonly signature: Buffer;
  readonly fileName: Buffer;
  readonly timestamp: Buffer;
}

/** The bytes of a signed file; of a trust list when `content` is records and `version` 1.2. */
export function signBytes(options: SignOptions): Buffer {
  const { by, hash = 'sha512', content = Buffer.alloc(0) } = options;
  const keyBytes = (by.key.asymmetricKeyDetails?.modulusLength ?? 2048) / 8;
  const parts: HeaderParts = {
    signerInfo: tlv(3, signerItems(options)),
    signatureInfo: tlv(7, signatureItems(options, keyBytes)),
    signature: Buffer.from('signature goes here'),
    fileName: options.as === undefined ? Buffer.alloc(0) : tlv(14, text(options.as)),
    timestamp: 'timestamp' in options && options.timestamp === undefined ? Buffer.alloc(0) : stamp(options),
  };
  const order = options.arrange?.(parts) ?? cucmOrder(parts);
  const signatureLength = (options.signWith?.(Buffer.alloc(0)).length ?? keyBytes) + 3;
  const items = order.reduce(
    (sum, part) => sum + (part === parts.signature ? signatureLength : part.length),
    0,
  );
  const padding = options.padding ?? (4 - ((10 + items) % 4)) % 4;
  const length = 10 + items + padding;
  const head = Buffer.concat([
    tlv(1, Buffer.of(...(options.version ?? [1, 0]))),
    tlv(2, u16(options.sayLength?.(length) ?? length)),
  ]);
  const at = order.indexOf(parts.signature);
  const before = Buffer.concat([head, ...order.slice(0, at)]);
  const rest = order.slice(at + 1).map((part) => (part === parts.signature ? Buffer.alloc(0) : part));
  const after = Buffer.concat([...rest, Buffer.alloc(padding, 13), content]);
  const toBeSigned = Buffer.concat([before, after]);
  const signature = options.signWith?.(toBeSigned) ?? sign(hash, toBeSigned, by.key);
  return Buffer.concat([before, tlv(12, signature), after]);
}

export function cucmOrder(parts: HeaderParts): readonly Buffer[] {
  return [parts.signerInfo, parts.signatureInfo, parts.signature, parts.fileName, parts.timestamp];
}

function stamp({ timestamp = now - 60 }: SignOptions): Buffer {
  return tlv(15, u32(timestamp));
}

function signerItems(options: SignOptions): Buffer {
  return Buffer.concat([
    tlv(4, text(options.signerName ?? nameText(options.by.subject))),
    tlv(5, options.serial ?? options.by.serial),
    tlv(6, text(options.issuerName ?? nameText(options.by.issuer))),
  ]);
}

function signatureItems(options: SignOptions, keyBytes: number): Buffer {
  const digest = options.digestCode ?? { sha1: 1, sha256: 2, sha512: 3 }[options.hash ?? 'sha512'];
  const modulus = options.modulusCode ?? [64, 128, 256, 512].indexOf(keyBytes);
  const algorithm = Buffer.concat([
    tlv(10, Buffer.of(options.algorithmCode ?? 0)),
    tlv(11, Buffer.of(modulus)),
  ]);
  return Buffer.concat([tlv(8, Buffer.of(digest)), tlv(9, algorithm)]);
}

// ---- records (formats.md §3)

export interface RecordOptions {
  readonly role: number;
  readonly of?: Party;
  readonly subject?: string;
  readonly issuer?: string;
  readonly serial?: Uint8Array;
  readonly publicKey?: Uint8Array;
  readonly certificate?: Uint8Array | null;
  /** Appended items. */
  readonly extra?: readonly Uint8Array[];
  readonly sayLength?: (length: number) => number;
}

/** One record; without `of` the 33-byte kind: host, role and address alone. */
export function record(options: RecordOptions): Buffer {
  const { of, role } = options;
  const items = of
    ? [
        tlv(3, text(options.subject ?? nameText(of.subject))),
        tlv(4, u16(role)),
        tlv(5, text(options.issuer ?? nameText(of.issuer))),
        tlv(6, options.serial ?? of.serial),
        tlv(7, options.publicKey ?? of.publicKey),
        tlv(8, of.signature),
        ...(options.certificate === null ? [] : [tlv(9, options.certificate ?? of.der)]),
      ]
    : [tlv(4, u16(role))];
  const body = Buffer.concat([
    tlv(2, text('cucm.example')),
    ...items,
    tlv(10, Buffer.of(192, 0, 2, 10)),
    ...(options.extra ?? []),
  ]);
  const length = body.length + 5;
  return Buffer.concat([tlv(1, u16(options.sayLength?.(length) ?? length)), body]);
}

export type ListOptions = Omit<SignOptions, 'content' | 'version'> & {
  readonly records: readonly Uint8Array[];
};

export function trustList(options: ListOptions): Buffer {
  return signBytes({ ...options, version: [1, 2], content: Buffer.concat(options.records) });
}
