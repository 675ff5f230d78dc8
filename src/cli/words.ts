/**
 * Words of the command line into values. Each function takes one word and throws Failure `usage`
 * that says the allowed form; the program adds which option it was.
 */
import { isIPv6 } from 'node:net';
import { Failure } from '../base/errors.ts';
import { auditReasonCharactersMax } from '../base/limits.ts';
import { printable } from '../base/text.ts';
import type { Role } from '../wire/role.ts';
import { parseRole, roles } from '../wire/role.ts';
import type { CertificateStoreName, DeviceLine } from '../core/cluster/model.ts';
import { parseElementPath } from '../core/render/override.ts';
import { trustStores } from '../core/trust/power.ts';

export interface HostPort {
  readonly host: string;
  /** Undefined when the word names none. */
  readonly port: number | undefined;
}

/** `HOST`, `HOST:PORT`, `[::1]:69`, or a bare IPv6 address, which cannot carry a port. */
export function parseHostPort(word: string): HostPort {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(word);
  if (bracketed !== null) {
    const [, host = '', port] = bracketed;
    if (!isIPv6(host)) throw new Failure('usage', `'${host}' in brackets is not an IPv6 address`);
    return { host, port: parsePort(port) };
  }
  if (isIPv6(word)) return { host: word, port: undefined };
  const plain = /^([A-Za-z0-9._-]+)(?::(\d+))?$/.exec(word);
  if (plain === null)
    throw new Failure('usage', `'${word}' is not HOST:PORT`, {
      hint: 'an IPv6 address with a port stands in brackets: [::1]:69',
    });
  return { host: plain[1] ?? '', port: parsePort(plain[2]) };
}

/** As parseHostPort, with the port given by the word or by `portDefault`. */
export function parseEndpoint(word: string, portDefault: number): { host: string; port: number } {
  const { host, port } = parseHostPort(word);
  return { host, port: port ?? portDefault };
}

export function formatEndpoint(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function parsePort(digits: string | undefined): number | undefined {
  if (digits === undefined) return undefined;
  const port = Number(digits);
  if (port > 65_535) throw new Failure('usage', `port ${digits} is above 65535`);
  return port;
}

/** Epoch seconds or ISO 8601 (`2026-11-21`, `2026-11-21T10:00:00Z`; without a zone it is UTC), as epoch seconds. */
export function parseTimeSeconds(word: string): number {
  if (/^\d{1,10}$/.test(word)) return Number(word);
  const iso = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(word);
  const time = iso === null ? Number.NaN : Date.parse(`${iso[1]}T${iso[2] ?? '00:00:00'}${iso[3] ?? 'Z'}`);
  if (Number.isNaN(time))
    throw new Failure(
      'usage',
      `'${word}' is neither epoch seconds nor an ISO 8601 time such as 2026-11-21T10:00:00Z`,
    );
  return Math.floor(time / 1000);
}

export function parseCount(word: string): number {
  if (!/^\d{1,9}$/.test(word)) throw new Failure('usage', `'${word}' is not a whole number`);
  return Number(word);
}

/** As parseCount, and refuses what is not from `min` to `max`. */
export function parseCountWithin(min: number, max: number): (word: string) => number {
  return (word) => {
    const count = parseCount(word);
    if (count < min || count > max) throw new Failure('usage', `${count} is not from ${min} to ${max}`);
    return count;
  };
}

/** `ROLE=CERT.pem`. */
export function parseTrustAnchor(word: string): { role: Role; file: string } {
  const at = word.indexOf('=');
  const role = parseRole(word.slice(0, Math.max(at, 0)));
  const file = word.slice(at + 1);
  if (at === -1 || role === undefined || file === '')
    throw new Failure('usage', `'${word}' is not ROLE=CERT.pem`, {
      hint: `ROLE is one of ${roles.join(', ')}`,
    });
  return { role, file };
}

/** `N=EXT`: button 1–… and its extension, as dialled. */
export function parseDeviceLine(word: string): DeviceLine {
  const match = /^(\d{1,3})=([0-9*#+A-Za-z._-]{1,50})$/.exec(word);
  const index = Number(match?.[1]);
  if (match === null || index < 1)
    throw new Failure('usage', `'${word}' is not N=EXT, a button from 1 and an extension such as 1=1001`);
  return { index, extension: match[2] ?? '' };
}

/** `SHA256:…`, with or without colons between the bytes, as lower-case hex. */
export function parseFingerprint(word: string): string {
  const hex = word
    .replace(/^SHA256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new Failure('usage', `'${word}' is not SHA256: and 64 hexadecimal digits`);
  return hex;
}

/** Every store of certificates, the node's own first. */
export const storeNames: readonly CertificateStoreName[] = ['own', ...trustStores];

/** `PATH=TEXT`: an element of a configuration and what it shall say. */
export function parseOverride(word: string): readonly [path: string, value: string] {
  const at = word.indexOf('=');
  const path = word.slice(0, Math.max(at, 0));
  if (parseElementPath(path) === undefined)
    throw new Failure('usage', `'${word}' is not PATH=TEXT, such as vendorConfig/webAccess=1`);
  return [path, word.slice(at + 1)];
}

/** `postgres://user@host/name`; a password in it would stand in the process list. */
export function parseDatabaseUrl(word: string): string {
  if (!/^postgres(ql)?:\/\/[^/]+\/[^/?]+/.test(word))
    throw new Failure('usage', `'${word}' is not a URL such as postgres://tftp@db.example.net:5432/tftp`);
  if (/^[^/]+\/\/[^/@]*:[^/@]*@/.test(word) || /[?&]password=/.test(word))
    throw new Failure('usage', 'a password on the command line can be read by every user of this machine', {
      hint: 'Put it into the file that PGPASSFILE names, or into database: of tftp-pki.yaml.',
    });
  return word;
}

/** One line that a person wrote. */
export function parseReason(word: string): string {
  const reason = word.trim();
  if (reason !== '' && reason.length <= auditReasonCharactersMax && printable(reason) === reason)
    return reason;
  throw new Failure('usage', `a reason is one line of 1 to ${auditReasonCharactersMax} characters`);
}
