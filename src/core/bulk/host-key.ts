/**
 * Which SSH host keys are believed: fingerprints that a person pinned, or the lines of a known_hosts file
 * (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Nothing is ever believed on first sight.
 * Refuses revoked keys before anything else; certificate authorities (`@cert-authority`) are not known here.
 */
import { decodeBase64, encodeBase64 } from '../../base/base64.ts';
import { concatBytes, equalBytes } from '../../base/bytes.ts';
import { decodeLatin1, encodeUtf8, toHex } from '../../base/text.ts';
import type { Crypto } from '../ports.ts';

export interface HostKeyTrust {
  /** SHA-256 over the key blob, lower-case hex. */
  readonly pins: readonly string[];
  /** Text of a known_hosts file; '' where there is none. */
  readonly knownHosts: string;
}

export interface HostName {
  readonly host: string;
  readonly port: number;
}

export type HostKeyVerdict = 'trusted' | 'unknown' | 'changed' | 'revoked';

/** `SHA256:` as ssh-keygen -l prints it (base64 without padding), or hex; gives lower-case hex. */
export function parseHostKeyPin(text: string): string | undefined {
  const value = /^SHA256:(.+)$/i.exec(text)?.[1]?.replaceAll(':', '') ?? '';
  if (/^[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  const bytes = /^[A-Za-z0-9+/]{43}=?$/.test(value) ? decodeBase64(`${value.slice(0, 43)}=`) : undefined;
  return bytes === undefined ? undefined : toHex(bytes);
}

/** As ssh-keygen -l prints it. */
export function formatHostKey(crypto: Pick<Crypto, 'digest'>, blob: Uint8Array): string {
  return `SHA256:${encodeBase64(crypto.digest('sha256', blob)).replace(/=+$/, '')}`;
}

/** `changed`: another key of that kind is known for the host. A pin, where there is one, decides alone. */
export function judgeHostKey(
  crypto: Pick<Crypto, 'digest'>,
  trust: HostKeyTrust,
  name: HostName,
  blob: Uint8Array,
): HostKeyVerdict {
  if (trust.pins.length > 0)
    return trust.pins.includes(toHex(crypto.digest('sha256', blob))) ? 'trusted' : 'changed';
  const lines = knownKeys(crypto, trust.knownHosts, name);
  const same = lines.filter((line) => equalBytes(line.blob, blob));
  if (same.some(({ marker }) => marker === '@revoked')) return 'revoked';
  if (same.some(({ marker }) => marker === undefined)) return 'trusted';
  const type = keyTypeOf(blob);
  const known = lines.some((line) => line.marker === undefined && keyTypeOf(line.blob) === type);
  return known ? 'changed' : 'unknown';
}

/** Kinds of keys that are known for a host, so that the server is asked for one of these. */
export function knownKeyTypes(
  crypto: Pick<Crypto, 'digest'>,
  knownHosts: string,
  name: HostName,
): readonly string[] {
  const lines = knownKeys(crypto, knownHosts, name).filter(({ marker }) => marker === undefined);
  return [...new Set(lines.map(({ blob }) => keyTypeOf(blob)))];
}

/** The blob's first string (RFC 4253 §6.6). */
export function keyTypeOf(blob: Uint8Array): string {
  const length = ((blob[0] ?? 0) << 24) | ((blob[1] ?? 0) << 16) | ((blob[2] ?? 0) << 8) | (blob[3] ?? 0);
  return length > 0 && length <= 64 ? decodeLatin1(blob.subarray(4, 4 + length)) : '';
}

interface KnownKey {
  readonly marker: string | undefined;
  readonly blob: Uint8Array;
}

function knownKeys(crypto: Pick<Crypto, 'digest'>, text: string, name: HostName): readonly KnownKey[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(?:(@[a-z-]+)\s+)?(\S+)\s+(\S+)\s+([A-Za-z0-9+/=]+)/.exec(line);
    if (match === null || line.trimStart().startsWith('#')) return [];
    const [, marker, hosts = '', , encoded = ''] = match;
    const blob = decodeBase64(encoded);
    return blob !== undefined && namesHost(crypto, hosts, name) ? [{ marker, blob }] : [];
  });
}

/** Patterns joined by commas; one with `!` takes the host out again. */
function namesHost(crypto: Pick<Crypto, 'digest'>, hosts: string, { host, port }: HostName): boolean {
  const asked = port === 22 ? host : `[${host}]:${port}`;
  if (hosts.startsWith('|1|')) return isHashedHost(crypto, hosts, asked);
  const patterns = hosts.toLowerCase().split(',');
  const hits = (pattern: string): boolean => matchesPattern(pattern, asked);
  if (patterns.some((pattern) => pattern.startsWith('!') && hits(pattern.slice(1)))) return false;
  return patterns.some(hits);
}

/** `*` and `?`, without a regular expression made from somebody's text. */
function matchesPattern(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [first = '', rest] = [pattern[0], pattern.slice(1)];
  if (first === '*')
    return matchesPattern(rest, text) || (text !== '' && matchesPattern(pattern, text.slice(1)));
  return text !== '' && (first === '?' || first === text[0]) && matchesPattern(rest, text.slice(1));
}

/** `|1|salt|HMAC-SHA-1(salt, host)`, in base64. */
function isHashedHost(crypto: Pick<Crypto, 'digest'>, hashed: string, host: string): boolean {
  const [salt, expected] = hashed
    .slice(3)
    .split('|')
    .map((part) => decodeBase64(part));
  if (salt === undefined || expected === undefined || salt.length > hmacBlockBytes) return false;
  const pad = (byte: number): Uint8Array =>
    Uint8Array.from({ length: hmacBlockBytes }, (_, at) => (salt[at] ?? 0) ^ byte);
  const inner = crypto.digest('sha1', concatBytes(pad(0x36), encodeUtf8(host)));
  return equalBytes(crypto.digest('sha1', concatBytes(pad(0x5c), inner)), expected);
}

/** RFC 2104, SHA-1. */
const hmacBlockBytes = 64;
