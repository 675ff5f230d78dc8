/**
 * The answers of a TVS, as a function of a snapshot of the certificate stores: a locked database stops nobody.
 *
 * *verify* matches the whole DER; *query* the issuer (as a set of attributes) and the serial (as a number). Not vouched
 * for: a retired certificate of this cluster in whatever store it stands, a retired row of any store, every TVS,
 * whatever the table of vouching.ts gives no role, and an issuer and serial that name two keys. An expired certificate
 * is vouched for while it is not retired: phones take it from lists too, and refusing it here would strand them.
 */
import { tvsTtlRotatingSeconds, tvsTtlSeconds } from '../../base/limits-tvs.ts';
import { toHex } from '../../base/text.ts';
import type { Role } from '../../wire/role.ts';
import type { TvsRequest, TvsResponse } from '../../wire/tvs-message.ts';
import { hasEnded, type StoredCertificate } from '../cluster/model.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { sameKey } from '../trust/anchor.ts';
import { namesAttributes } from '../trust/name-text.ts';
import { isTvs, vouchedRoles } from './vouching.ts';

export interface Vouched {
  readonly certificate: CertificateFacts;
  /** Empty: known, and not vouched for. */
  readonly roles: readonly Role[];
}

/** The stores at one instant, indexed for the two questions. */
export interface TvsSnapshot {
  readonly byDer: ReadonlyMap<string, Vouched>;
  /** By the serial without leading zeros. */
  readonly bySerial: ReadonlyMap<string, readonly Vouched[]>;
  readonly ttlSeconds: number;
  /** When something that is vouched for now ends; Infinity when nothing does. */
  readonly endsMs: number;
}

/** Why there is no certificate in the answer; for the event, not for the asker. */
export type TvsRefusal = 'unknown' | 'no-role' | 'clash';

export interface TvsAnswered {
  readonly response: TvsResponse;
  readonly refusal: TvsRefusal | undefined;
}

/** `rows` are all of Store.listCertificates, the retired ones too. What was trusted until a day is so no longer. */
export function takeSnapshot(
  crypto: Crypto,
  rows: readonly StoredCertificate[],
  thisNode: string,
  nowMs: number,
): TvsSnapshot {
  const barred = new Set(
    rows
      .filter((row) => isTvs(row) || (row.store === 'own' && row.retiredMs !== undefined))
      .map(({ fingerprint }) => fingerprint),
  );
  const byDer = new Map<string, Vouched>();
  for (const row of rows) {
    const counts = row.retiredMs === undefined && !hasEnded(row, nowMs);
    const certificate = counts ? crypto.readCertificate(row.der) : undefined;
    if (certificate === undefined) continue;
    const key = toHex(certificate.der);
    const gained = barred.has(row.fingerprint) ? [] : vouchedRoles(row, thisNode);
    const roles = new Set([...(byDer.get(key)?.roles ?? []), ...gained]);
    byDer.set(key, { certificate, roles: [...roles] });
  }
  const bySerial = new Map<string, Vouched[]>();
  for (const vouched of byDer.values()) {
    const key = serialKey(vouched.certificate.serial);
    bySerial.set(key, [...(bySerial.get(key) ?? []), vouched]);
  }
  const ttlSeconds = isRotating(rows) ? tvsTtlRotatingSeconds : tvsTtlSeconds;
  const ends = rows.flatMap(({ landed }) => landed?.untilMs ?? []).filter((ms) => ms > nowMs);
  return { byDer, bySerial, ttlSeconds, endsMs: Math.min(Infinity, ...ends) };
}

export function answerTvs(snapshot: TvsSnapshot, request: TvsRequest): TvsAnswered {
  const { session } = request;
  if (request.command === 'verify-request') {
    const found = judge(atMostOne(snapshot.byDer.get(toHex(request.certificate))));
    const command = 'verify-response';
    if (typeof found === 'string')
      return { response: { command, session, vouched: undefined }, refusal: found };
    const vouched = { roles: found.roles, ttlSeconds: snapshot.ttlSeconds };
    return { response: { command, session, vouched }, refusal: undefined };
  }
  const command = 'query-response';
  const found = judge(findByIssuer(snapshot, request.issuer, request.serial));
  if (typeof found === 'string')
    return { response: { command, session, vouched: undefined }, refusal: found };
  const { certificate, roles } = found;
  const vouched = { certificate: certificate.der, roles, ttlSeconds: snapshot.ttlSeconds };
  return { response: { command, session, vouched }, refusal: undefined };
}

/** Everything known of this issuer and serial, vouched for or not: a clash with a TVS is a clash. */
function findByIssuer(snapshot: TvsSnapshot, issuer: string, serial: Uint8Array): readonly Vouched[] {
  const candidates = snapshot.bySerial.get(serialKey(serial)) ?? [];
  return candidates.filter(({ certificate }) => namesAttributes(issuer, certificate.issuerAttributes));
}

/** Of one key certified twice under one serial the later certificate speaks. */
function judge(found: readonly Vouched[]): Vouched | TvsRefusal {
  const [first, ...others] = found;
  if (first === undefined) return 'unknown';
  if (others.some(({ certificate }) => !sameKey(certificate, first.certificate))) return 'clash';
  const latest = others.reduce((a, b) => (b.certificate.notAfter > a.certificate.notAfter ? b : a), first);
  return latest.roles.length === 0 ? 'no-role' : latest;
}

function atMostOne(found: Vouched | undefined): readonly Vouched[] {
  return found === undefined ? [] : [found];
}

/** Two certificates of one node and purpose in use: the old one is about to go (app/renew-certificate.ts). */
function isRotating(rows: readonly StoredCertificate[]): boolean {
  const used = rows
    .filter(({ store, retiredMs }) => store === 'own' && retiredMs === undefined)
    .map(({ purpose, node }) => `${purpose} ${node ?? ''}`);
  return new Set(used).size < used.length;
}

function serialKey(serial: Uint8Array): string {
  return toHex(serial).replace(/^(?:00)+(?=..)/, '');
}
