/**
 * The format cut with a few lines of its own and judged by openssl, so that our codec cannot agree with itself:
 * to be signed is the whole file without the SIGNATURE item; a list's records hold the certificates.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const containers = new Set([3, 7, 9]);

export interface Cut {
  readonly toBeSigned: Buffer;
  readonly signature: Buffer;
  readonly hash: 'sha1' | 'sha512';
  /** Hex, as written in the header. */
  readonly serial: string;
  readonly fileName: string;
  readonly body: Buffer;
}

export interface ListedCertificate {
  readonly role: number;
  readonly serial: string;
  readonly der: Buffer;
}

export function cutSigned(file: Buffer): Cut {
  const headerLength = file.readUInt16BE(8);
  const items = new Map<number, { value: Buffer; start: number; end: number }>();
  for (let at = 0; at < headerLength;) {
    const tag = file.readUInt8(at);
    if (tag === 13) {
      at += 1;
      continue;
    }
    const end = containers.has(tag) ? at + 3 : at + 3 + file.readUInt16BE(at + 1);
    items.set(tag, { value: file.subarray(at + 3, end), start: at, end });
    at = end;
  }
  const item = (tag: number) => items.get(tag) ?? raise(`no item ${tag}`);
  const { start, end, value } = item(12);
  return {
    toBeSigned: Buffer.concat([file.subarray(0, start), file.subarray(end)]),
    signature: value,
    hash: item(8).value[0] === 1 ? 'sha1' : 'sha512',
    serial: item(5).value.toString('hex'),
    fileName: item(14).value.toString('latin1').replace(/\0$/, ''),
    body: file.subarray(headerLength),
  };
}

export function listedCertificates(list: Buffer): ListedCertificate[] {
  const found: ListedCertificate[] = [];
  const { body } = cutSigned(list);
  for (let record = 0; record < body.length;) {
    const end = record + body.readUInt16BE(record + 3);
    const values = new Map<number, Buffer>();
    for (let at = record; at < end;) {
      const next = at + 3 + body.readUInt16BE(at + 1);
      values.set(body.readUInt8(at), body.subarray(at + 3, next));
      at = next;
    }
    const role = values.get(4) ?? raise('no item 4');
    const [serial, der] = [values.get(6), values.get(9)];
    // A server of a nonsecure cluster has none.
    if (serial && der) found.push({ role: role.readUInt16BE(), serial: serial.toString('hex'), der });
    record = end;
  }
  return found;
}

const keys = new Map<string, string>();

/** By openssl too; each is asked for once. */
function publicKeyPem(certificate: Buffer): string {
  const name = certificate.toString('latin1');
  const args = ['x509', '-inform', 'der', '-noout', '-pubkey'];
  const pem = keys.get(name) ?? execFileSync('openssl', args, { input: certificate, encoding: 'utf8' });
  keys.set(name, pem);
  return pem;
}

/** True when `openssl dgst -verify` says `Verified OK` with the certificate's key. */
export function opensslVerifies(cut: Cut, certificate: Buffer): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-openssl-'));
  try {
    const path = (name: string) => join(folder, name);
    writeFileSync(path('key.pem'), publicKeyPem(certificate));
    writeFileSync(path('signature'), cut.signature);
    writeFileSync(path('data'), cut.toBeSigned);
    const args = [
      'dgst',
      `-${cut.hash}`,
      '-verify',
      path('key.pem'),
      '-signature',
      path('signature'),
      path('data'),
    ];
    return spawnSync('openssl', args, { encoding: 'utf8' }).stdout === 'Verified OK\n';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Whether the key of a certificate with the serial that the header names made the signature: OpenSSL's word, as a library.
 * Bytes that cannot be cut carry none.
 */
export function signatureHolds(file: Uint8Array, certificates: readonly Uint8Array[]): boolean {
  const cut = cutIfPossible(file);
  if (cut === undefined) return false;
  return signersOf(cut, certificates).some(({ publicKey }) =>
    verify(cut.hash, cut.toBeSigned, publicKey, cut.signature),
  );
}

/** The same by the program. */
export function opensslHolds(file: Uint8Array, certificates: readonly Uint8Array[]): boolean {
  const cut = cutIfPossible(file);
  if (cut === undefined) return false;
  return signersOf(cut, certificates).some(({ raw }) => opensslVerifies(cut, raw));
}

function cutIfPossible(file: Uint8Array): Cut | undefined {
  try {
    return cutSigned(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  } catch (error) {
    // Beyond the end, or an item that is not there.
    if (error instanceof RangeError || error instanceof NotThere) return undefined;
    throw error;
  }
}

const readBefore = new Map<string, X509Certificate>();

function signersOf(cut: Cut, certificates: readonly Uint8Array[]): readonly X509Certificate[] {
  return certificates
    .map((der) => {
      const key = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('latin1');
      const certificate = readBefore.get(key) ?? new X509Certificate(der);
      readBefore.set(key, certificate);
      return certificate;
    })
    .filter(({ serialNumber }) => plainSerial(serialNumber) === plainSerial(cut.serial));
}

function plainSerial(hex: string): string {
  return hex.toLowerCase().replace(/^(?:00)+(?=..)/, '');
}

class NotThere extends Error {}

function raise(message: string): never {
  throw new NotThere(message);
}
