/**
 * Opens an encrypted configuration without the product: the items are found by formats.md §2, the key is unwrapped and
 * the content decrypted by the openssl program.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const containers = new Set([3, 7, 9, 16, 17, 21]);

/** Values of the items by tag, and the content behind the header. */
function itemsOf(file: Uint8Array): { readonly items: Map<number, Buffer>; readonly content: Buffer } {
  const bytes = Buffer.from(file);
  const items = new Map<number, Buffer>();
  let end = bytes.length;
  for (let at = 0; at < end;) {
    const tag = bytes.readUInt8(at);
    if (tag === 13) {
      at += 1;
      continue;
    }
    const length = bytes.readUInt16BE(at + 1);
    const value = bytes.subarray(at + 3, at + 3 + length);
    items.set(tag, value);
    if (tag === 2) end = value.readUInt16BE(0);
    at += containers.has(tag) ? 3 : 3 + length;
  }
  return { items, content: bytes.subarray(end) };
}

/** The plain content; throws when openssl or a length refuses, or the digest is another. */
export function opensslDecrypt(file: Uint8Array, keyPem: string): Buffer {
  const { items, content } = itemsOf(file);
  const item = (tag: number): Buffer => {
    const value = items.get(tag);
    if (value === undefined) throw new Error(`no item ${tag}`);
    return value;
  };
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-openssl-'));
  try {
    writeFileSync(join(folder, 'key.pem'), keyPem, { mode: 0o600 });
    const openssl = (args: readonly string[], input: Buffer): Buffer =>
      execFileSync('openssl', args, { input, cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    const key = openssl(
      ['pkeyutl', '-decrypt', '-inkey', 'key.pem', '-pkeyopt', 'rsa_padding_mode:pkcs1'],
      item(25),
    );
    const iv = item(19).toString('hex');
    const filled = openssl(
      ['enc', '-d', '-aes-128-cbc', '-nopad', '-K', key.toString('hex'), '-iv', iv],
      content,
    );
    const plain = filled.subarray(0, filled.length - item(20).readUInt16BE(0));
    const hash = item(26)[0] === 1 ? 'sha1' : 'sha512';
    if (!createHash(hash).update(plain).digest().equals(item(27))) throw new Error('another digest');
    return plain;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
