/** Base64 (RFC 4648 §4) without Buffer, which the pure rooms do not have. Decoding is strict: one spelling per content. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const values = new Map(Array.from(alphabet, (char, value) => [char.charCodeAt(0), value]));

/** With padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const left = bytes.length - at;
    const word = (a << 16) | (b << 8) | c;
    const chars = [18, 12, 6, 0].map((shift) => alphabet[(word >> shift) & 0x3f] ?? '');
    parts.push(left >= 3 ? chars.join('') : `${chars.slice(0, left + 1).join('')}${'='.repeat(3 - left)}`);
  }
  return parts.join('');
}

/** `undefined` for another alphabet, missing padding, and bits that no encoder sets. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let word = 0;
  for (let at = 0; at < text.length - padding; at++) {
    const value = values.get(text.charCodeAt(at));
    if (value === undefined) return undefined;
    word = ((word << 6) | value) & 0xffffff;
    if (at % 4 === 3) bytes.set([word >> 16, (word >> 8) & 0xff, word & 0xff], (at >> 2) * 3);
  }
  if (padding === 0) return bytes;
  const extra = padding === 2 ? word & 0x0f : word & 0x03;
  if (extra !== 0) return undefined;
  const tail = padding === 2 ? [(word >> 4) & 0xff] : [(word >> 10) & 0xff, (word >> 2) & 0xff];
  bytes.set(tail, bytes.length - tail.length);
  return bytes;
}
