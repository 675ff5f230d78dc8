/**
 * What a phone holds and whom it can ask, read once per judgement (domain.md §2).
 * Refuses a held list that does not decode: then nothing is known about that phone.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { signsFiles, type Role } from '../../wire/role.ts';
import { decodeTrustList } from '../../wire/trust-list.ts';
import type { Crypto } from '../ports.ts';
import { anchorsOfList, type Anchor } from './anchor.ts';
import { rejection, type Rejection } from './verdict.ts';

/** A TVS's word; `server` is the certificate (DER) under which it spoke TLS. */
export type TvsAnswer =
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'refused'; readonly server: Uint8Array }
  | {
      readonly kind: 'vouched';
      readonly server: Uint8Array;
      readonly certificate: Uint8Array;
      readonly roles: readonly Role[];
      /** How long the phone may remember it; a day where the service did not say. */
      readonly ttlSeconds?: number | undefined;
    };

export interface PhoneTrust {
  /** The lists the phone holds, as bytes. */
  readonly ctl?: Uint8Array | undefined;
  readonly itl?: Uint8Array | undefined;
  /** Its load reads no SHA-512 (domain.md §2); absent: it reads both. */
  readonly sha1Only?: boolean | undefined;
  /** What its TVS answers for an issuer (text) and serial; absent: not known. */
  readonly tvs?: ((issuer: string, serial: Uint8Array) => TvsAnswer) | undefined;
  /** The newest timestamp (seconds) the phone accepted for a name; absent: not known. */
  readonly newest?: ((name: string) => number | undefined) | undefined;
}

export interface HeldList {
  readonly bytes: Uint8Array;
  readonly timestamp: number | undefined;
  readonly anchors: readonly Anchor[];
}

export interface Held {
  readonly ctl: HeldList | undefined;
  readonly itl: HeldList | undefined;
}

export function readHeld(crypto: Crypto, phone: PhoneTrust): Outcome<Held, Rejection> {
  const ctl = readHeldList(crypto, phone.ctl);
  if (!ctl.ok) return ctl;
  const itl = readHeldList(crypto, phone.itl);
  return itl.ok ? good({ ctl: ctl.value, itl: itl.value }) : itl;
}

/**
 * "Prepare for rollback" (domain.md §2): an ITL without TVS and TFTP parts frees a phone from its ITL,
 * never from a CTL.
 */
export function isPreparedForRollback({ ctl, itl }: Held): boolean {
  if (ctl !== undefined || itl === undefined) return false;
  return !itl.anchors.some(({ role }) => signsFiles(role) || role === 'TVS');
}

/**
 * A phone that holds a CTL may or may not look into its ITL for the signer of a file; sources do not say. A nonsecure
 * cluster's CTL names its servers without certificates: there the ITL is all that there is to look into.
 */
export function maySkipItl({ ctl }: Pick<Held, 'ctl'>): boolean {
  return ctl?.anchors.some(({ role }) => signsFiles(role)) === true;
}

/** With neither list a phone takes what is served, and the first list on trust (domain.md §2). */
export function holdsNothing({ ctl, itl }: Held): boolean {
  return ctl === undefined && itl === undefined;
}

/**
 * Does a phone with these lists ask for `.sgn` names and refuse unsigned files? Lists that do not decode
 * bind it all the same.
 */
export function asksForSigned(crypto: Crypto, phone: PhoneTrust): boolean {
  const held = readHeld(crypto, phone);
  return !held.ok || !(holdsNothing(held.value) || isPreparedForRollback(held.value));
}

function readHeldList(
  crypto: Crypto,
  bytes: Uint8Array | undefined,
): Outcome<HeldList | undefined, Rejection> {
  if (bytes === undefined) return good(undefined);
  const list = decodeTrustList(bytes);
  if (!list.ok) return bad(rejection('held-list-unreadable', list.error.message));
  return good({ bytes, timestamp: list.value.header.timestamp, anchors: anchorsOfList(crypto, list.value) });
}
