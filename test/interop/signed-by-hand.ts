/**
 * The format cut with a few lines of its own and judged by openssl, so that our codec cannot agree with itself:
 * to be signed is the whole file without the SIGNATURE item; a list's records hold the certificates.
 */
import { execFileSync, spawnSync } from 'node:child_process';
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
    const value = (tag: number) => values.get(tag) ?? raise(`no item ${tag}`);
    found.push({ role: value(4).readUInt16BE(), serial: value(6).toString('hex'), der: value(9) });
    record = end;
  }
  return found;
}

/** True when `openssl dgst -verify` says `Verified OK` with the certificate's key. */
export function opensslVerifies(cut: Cut, certificate: Buffer): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-openssl-'));
  try {
    const path = (name: string) => join(folder, name);
    const key = execFileSync('openssl', ['x509', '-inform', 'der', '-noout', '-pubkey'], {
      input: certificate,
    });
    writeFileSync(path('key.pem'), key);
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

function raise(message: string): never {
  throw new Error(message);
}
