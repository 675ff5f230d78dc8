/**
 * Addresses and networks as the admission needs them: `10.0.0.0/8`, `fe80::/10`, the /24 or /56 around an address.
 * Refused: short IPv4 forms (`10.1`), leading zeros (octal elsewhere), ports, host bits that a prefix would hide.
 * An IPv4 address mapped into IPv6 is the IPv4 address.
 */
import { assert } from '../../base/assert.ts';

export interface Address {
  readonly family: 4 | 6;
  /** 16-bit words, most significant first: 2 for IPv4, 8 for IPv6. */
  readonly words: readonly number[];
}

export interface Network extends Address {
  readonly prefix: number;
}

/** Loopback, RFC 1918, link-local and unique local: senders that an off-path host cannot forge easily. */
export const privateNetworks = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
] as const;

/** Textual IPv4 or IPv6, a zone (`%eth0`) ignored; `undefined` for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const words = parseIpv4(text);
    return words && { family: 4, words };
  }
  const words = parseIpv6(text.split('%', 1)[0] ?? '');
  if (!words) return undefined;
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  return mapped ? { family: 4, words: words.slice(6) } : { family: 6, words };
}

/** `ADDRESS/PREFIX`, or an address alone for itself. */
export function parseNetwork(text: string): Network | undefined {
  const [addressText = '', prefixText, rest] = text.split('/');
  const address = parseAddress(addressText);
  if (!address || rest !== undefined) return undefined;
  const bits = address.words.length * 16;
  if (prefixText === undefined) return { ...address, prefix: bits };
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > bits || hasHostBits(address.words, prefix)) return undefined;
  return { ...address, prefix };
}

/** Texts that were checked before, or are ours. */
export function parseNetworks(texts: readonly string[]): readonly Network[] {
  return texts.map((text) => {
    const network = parseNetwork(text);
    assert(network !== undefined, `a network: ${text}`);
    return network;
  });
}

export function contains(network: Network, address: Address): boolean {
  if (network.family !== address.family) return false;
  for (let i = 0; i * 16 < network.prefix; i++) {
    const mask = wordMask(network.prefix, i);
    if (((network.words[i] ?? 0) & mask) !== ((address.words[i] ?? 0) & mask)) return false;
  }
  return true;
}

/** One text per /24 (IPv4) or /56 (IPv6): the unit of a site. */
export function subnetKey(address: Address): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.words;
  return address.family === 4 ? `${a}.${b >> 8}` : `${a}:${b}:${c}:${d >> 8}`;
}

/** Is `text` an address in one of them? */
export function isWithin(networks: readonly Network[], text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && networks.some((network) => contains(network, address));
}

/** Nobody off this host can forge a loopback source. */
export function isLoopback(address: Address): boolean {
  if (address.family === 4) return (address.words[0] ?? 0) >> 8 === 127;
  return address.words.every((word, i) => word === (i === 7 ? 1 : 0));
}

function parseIpv4(text: string): number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte, i) => byte > 255 || String(byte) !== match[i + 1])) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [(a << 8) | b, (c << 8) | d];
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (!head || !tail) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  const gap = 8 - head.length - tail.length;
  return gap >= 1 ? [...head, ...Array.from({ length: gap }, () => 0), ...tail] : undefined;
}

/** Groups between colons; the last may be IPv4 where the address ends. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const words: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) words.push(Number.parseInt(group, 16));
    else {
      const last = endsAddress && i === groups.length - 1 ? parseIpv4(group) : undefined;
      if (!last) return undefined;
      words.push(...last);
    }
  }
  return words;
}

function wordMask(prefix: number, index: number): number {
  const bits = Math.min(16, Math.max(0, prefix - index * 16));
  return (0xffff << (16 - bits)) & 0xffff;
}

function hasHostBits(words: readonly number[], prefix: number): boolean {
  return words.some((word, i) => (word & ~wordMask(prefix, i) & 0xffff) !== 0);
}
