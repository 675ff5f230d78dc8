/**
 * What a completed TLS handshake says of the lists of the phone that made it (design.md §5): it names itself by a MIC or
 * LSC, so no address has to be believed, and it asked its question only after it had taken the server's certificate. A pair of
 * lists with which no phone takes that certificate is disproved.
 *
 * Not said: anything of who holds no list, or one that was prepared for rollback (sources do not say what such a phone
 * asks of a server); of lists that name a TVS which may vouch for the server of files; and of what the phone was given
 * a moment before, because a phone that was given a list asks the TVS before it takes it.
 */
import { deliveryGrainMs, nodeClockSkewMs } from '../../base/limits.ts';
import { handshakeGrainMs, listTakenWithinMs } from '../../base/limits-handshake.ts';
import type { CertificatePurpose, StoredCertificate } from '../cluster/model.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { findAnchors, sameKey, type Anchor } from './anchor.ts';
import { unknown, type BeliefSets, type PairKey, type SetId } from './belief.ts';
import type { DeviceBelief, Gap } from './belief-book.ts';
import { givenSince, mayHaveForgotten } from './deliveries.ts';
import type { ListLibrary } from './list-library.ts';
import { namesAttributes } from './name-text.ts';
import { holdsNothing, isPreparedForRollback, type Held } from './phone-trust.ts';
import { spelled } from './set-after-showing.ts';
import { setWithGaps } from './set-with-gaps.ts';

/** TVS (2445), or files by HTTPS (6971). */
export type TlsService = 'tvs' | 'https';

/** The last one that told something; with whom, and when. */
export interface Handshake {
  readonly service: TlsService;
  /** Fingerprint of the server's certificate. */
  readonly server: string;
  readonly atMs: number;
}

/** The server's side of a handshake, as far as phones judge it. */
export interface ShownServer {
  readonly service: TlsService;
  readonly certificate: CertificateFacts;
  /** Fingerprints of TVS certificates that were retired before this one was there: none of them ever vouched for it. */
  readonly silentTvs: ReadonlySet<string>;
}

/** Does a pair explain that the phone took the server's certificate? `open`: sources do not rule it out. */
export type Explanation = 'names' | 'open' | 'none';

const purposes: Readonly<Record<TlsService, CertificatePurpose>> = { tvs: 'tvs', https: 'tftp-ec' };

/** `rows`: every certificate, retired ones too. `undefined`: the certificate is none of ours for that service. */
export function readShownServer(
  crypto: Pick<Crypto, 'readCertificate'>,
  rows: readonly StoredCertificate[],
  { service, server }: Pick<Handshake, 'service' | 'server'>,
): ShownServer | undefined {
  const own = rows.find(
    ({ store, purpose, fingerprint }) =>
      store === 'own' && purpose === purposes[service] && fingerprint === server,
  );
  const certificate = own && crypto.readCertificate(own.der);
  if (own === undefined || certificate === undefined) return undefined;
  const silent = rows.filter(
    ({ store, purpose, retiredMs = Infinity }) =>
      store === 'own' && purpose === 'tvs' && retiredMs + nodeClockSkewMs < own.addedMs,
  );
  return { service, certificate, silentTvs: new Set(silent.map(({ fingerprint }) => fingerprint)) };
}

/** `held`: what is known of a pair; `undefined`: nothing. */
export function explainHandshake(held: Held | undefined, server: ShownServer): Explanation {
  if (held === undefined || holdsNothing(held) || isPreparedForRollback(held)) return 'open';
  const { service, certificate } = server;
  const anchors = [...(held.ctl?.anchors ?? []), ...(held.itl?.anchors ?? [])];
  if (anchors.some((anchor) => isKeyOf(anchor, certificate))) return 'names';
  const isOpen =
    // A record without its certificate, or with another key under this name.
    findAnchors(anchors, certificate).length > 0 ||
    anchors.some((anchor) => mayHaveIssued(anchor, certificate)) ||
    (service === 'https' && anchors.some((anchor) => mayVouch(anchor, server)));
  return isOpen ? 'open' : 'none';
}

function isKeyOf({ certificate }: Anchor, server: CertificateFacts): boolean {
  return certificate !== undefined && sameKey(certificate, server);
}

/** By its name alone; a certificate by itself has no other issuer, and those before it have its name. */
function mayHaveIssued({ subject }: Anchor, server: CertificateFacts): boolean {
  const isByItself = namesAttributes(server.issuer, server.subjectAttributes);
  return !isByItself && namesAttributes(subject, server.issuerAttributes);
}

/** A phone asks the TVS of its ITL for what it does not know; one that is none of ours may know ours by an import. */
function mayVouch({ role, certificate }: Anchor, { silentTvs }: ShownServer): boolean {
  return role === 'TVS' && (certificate === undefined || !silentTvs.has(certificate.fingerprint));
}

/** What behaviour is judged by. */
export interface ExplainsHandshake {
  explain(key: PairKey): Explanation;
  /** What "any of ours" stands for. */
  all(): readonly PairKey[];
}

/** By the published lists; remembers. */
export function explainsHandshake(
  library: Pick<ListLibrary, 'held' | 'allPairs'>,
  server: ShownServer,
): ExplainsHandshake {
  const known = new Map<PairKey, Explanation>();
  return {
    explain(key) {
      const explanation = known.get(key) ?? explainHandshake(library.held(key), server);
      known.set(key, explanation);
      return explanation;
    },
    all: () => library.allPairs(),
  };
}

/**
 * Pairs that explain it stay. The unknown goes for a list of ours that names the TVS, since no other cluster's does; the
 * server of files a TVS of elsewhere may have vouched for.
 */
export function keptByHandshake(
  sets: BeliefSets,
  set: SetId,
  service: TlsService,
  explains: ExplainsHandshake,
): SetId {
  const whole = spelled(sets, set, () => explains.all());
  const isOurs = service === 'tvs' && sets.pairs(whole).some((key) => explains.explain(key) === 'names');
  const kept = sets.keep(whole, (key) => explains.explain(key) !== 'none' && !(isOurs && key === unknown));
  return kept === whole ? set : kept;
}

/** From then on what a phone was given may have been taken only after the handshake. */
export function undecidedSince({ atMs }: Pick<Handshake, 'atMs'>): number {
  return atMs - listTakenWithinMs - deliveryGrainMs;
}

/** What a phone may hold after it: what explains it, each also with what it was given since `undecidedSince`. */
export function setAfterHandshake(
  sets: BeliefSets,
  { set, deliveries }: Pick<DeviceBelief, 'set' | 'deliveries'>,
  gaps: readonly Gap[],
  handshake: Handshake,
  explains: ExplainsHandshake,
): SetId {
  const sinceMs = undecidedSince(handshake);
  if (mayHaveForgotten(deliveries, sinceMs)) return set;
  const kept = keptByHandshake(sets, set, handshake.service, explains);
  if (kept === set) return set;
  const given = givenSince(deliveries, sinceMs);
  const taken = given.reduce((id, { kind, sha256 }) => sets.deliver(id, kind, sha256), kept);
  const missed = gaps.filter(({ atMs }) => atMs >= sinceMs);
  return setWithGaps(sets, { set: taken, gap: 0 }, missed);
}

/** The last with each kind of server; `known` itself where this one is no news. */
export function withHandshake(
  known: readonly Handshake[] | undefined,
  handshake: Handshake,
): readonly Handshake[] {
  const { service, server, atMs } = handshake;
  const last = known?.find((each) => each.service === service);
  const isNews = last === undefined || last.server !== server || atMs - last.atMs >= handshakeGrainMs;
  if (known !== undefined && !isNews) return known;
  return [...(known ?? []).filter((each) => each !== last), handshake];
}
