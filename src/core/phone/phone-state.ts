/**
 * What a phone keeps over a restart, as a value that survives JSON: its lists, the newest timestamp it accepted for
 * a name, its last configuration, what a TVS vouched for (24 h, domain.md §2). Bytes are hex.
 * Reading refuses anything that is not exactly this.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { fromHex } from '../../base/text.ts';
import { parseRole, type Role } from '../../wire/role.ts';

export interface VouchedCertificate {
  /** DER of the TVS's own certificate and of the one it vouched for. */
  readonly server: string;
  readonly certificate: string;
  readonly roles: readonly Role[];
  /** Seconds; forgotten after. */
  readonly until: number;
}

export interface PhoneState {
  /** `SEP<MAC>`. */
  readonly name: string;
  readonly ctl: string | null;
  readonly itl: string | null;
  /** Seconds, by the name asked. */
  readonly newest: Readonly<Record<string, number>>;
  /** The plain content of the last configuration it accepted. */
  readonly config: string | null;
  /** By issuer and serial. */
  readonly vouched: Readonly<Record<string, VouchedCertificate>>;
  /** Its load reads no SHA-512. */
  readonly sha1Only?: boolean;
}

/** As it leaves the factory. */
export function newPhone(name: string): PhoneState {
  return { name, ctl: null, itl: null, newest: {}, config: null, vouched: {} };
}

export function writePhoneState(state: PhoneState): string {
  return `${JSON.stringify(state, undefined, 2)}\n`;
}

/** The error is one sentence. */
export function readPhoneState(text: string): Outcome<PhoneState, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return bad(`the phone's state is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (!isRecord(value)) return bad("the phone's state is not an object");
  const { name, ctl, itl, newest, config, vouched, sha1Only = false } = value;
  if (typeof name !== 'string') return bad('`name` is not a text');
  if (!isHexOrNull(ctl) || !isHexOrNull(itl) || !isHexOrNull(config))
    return bad('`ctl`, `itl` or `config` is neither hex nor null');
  if (!isRecord(newest) || !isNumbers(newest)) return bad('`newest` does not hold numbers');
  if (typeof sha1Only !== 'boolean') return bad('`sha1Only` is neither true nor false');
  if (!isRecord(vouched)) return bad('`vouched` is not an object');
  const known: Record<string, VouchedCertificate> = {};
  for (const [key, entry] of Object.entries(vouched)) {
    const read = readVouched(entry);
    if (read === undefined) return bad('`vouched` does not hold certificates');
    known[key] = read;
  }
  return good({ name, ctl, itl, newest, config, vouched: known, ...(sha1Only && { sha1Only }) });
}

function readVouched(value: unknown): VouchedCertificate | undefined {
  if (!isRecord(value)) return undefined;
  const { server, certificate, roles, until } = value;
  if (!isHex(server) || !isHex(certificate) || !Array.isArray(roles) || typeof until !== 'number')
    return undefined;
  const known = roles.map((role) => (typeof role === 'string' ? parseRole(role) : undefined));
  return { server, certificate, roles: known.filter((role) => role !== undefined), until };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumbers(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, number>> {
  return Object.values(value).every((entry) => typeof entry === 'number');
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && fromHex(value) !== undefined;
}

function isHexOrNull(value: unknown): value is string | null {
  return value === null || isHex(value);
}
