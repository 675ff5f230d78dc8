/**
 * What a server of a remote cluster publishes, judged (design.md §4): its lists against the pin and against the ones
 * that were accepted before, and what they say of our signer.
 *
 * First use: a list is believed that the pinned certificate signed, or one that a SAST of such a list signed. After
 * that only what a phone holding the accepted lists would take: anything else freezes the server until `--repin`.
 */
import { decodeTrustList } from '../../wire/trust-list.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { anchorsOfList, findAnchors, nameCertificate, type Anchor } from '../trust/anchor.ts';
import { askTvs } from '../trust/belief-in-signer.ts';
import { judgeFile } from '../trust/judge.ts';
import { readHeld, type TvsAnswer } from '../trust/phone-trust.ts';
import type { CertificateName } from '../trust/verdict.ts';
import { wordOfList, type ListWord, type TvsWord } from './evidence.ts';
import type { TrustListKind } from './model.ts';

/** One list as a server answered for it. */
export type FetchedList =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly reason: string };

export type PerKind<T> = Readonly<Record<TrustListKind, T>>;
type Bytes = Uint8Array | undefined;

export interface ProbeQuestion {
  readonly fetched: PerKind<FetchedList>;
  /** Accepted before; undefined where there is none. */
  readonly known: PerKind<Bytes>;
  /** SHA-256 of the pinned certificate. */
  readonly pin: string | undefined;
  readonly nowSeconds: number;
}

export interface SignedList {
  readonly kind: TrustListKind;
  /** Of the certificate whose key signed it; undefined where the list does not hold it, or the signature is wrong. */
  readonly signer: (CertificateName & { readonly fingerprint: string }) | undefined;
}

export interface ProbeResult {
  /** Believed from now on; undefined: what is known stays. */
  readonly accepted: PerKind<Bytes> | undefined;
  /** Why the newest lists are not believed. */
  readonly frozen: string | undefined;
  /** Why nothing could be said. */
  readonly unreadable: string | undefined;
  /** Whom the fetched lists name as their signers, for a person who pins. */
  readonly signers: readonly SignedList[];
}

const kinds: readonly TrustListKind[] = ['itl', 'ctl'];

export function judgeProbe(crypto: Crypto, question: ProbeQuestion): ProbeResult {
  const { fetched, known, pin, nowSeconds } = question;
  const signers = kinds.flatMap((kind): SignedList[] => {
    const list = fetched[kind];
    return list.kind === 'bytes' ? [{ kind, signer: signerOf(crypto, kind, list.bytes, nowSeconds) }] : [];
  });
  const nothing = { accepted: undefined, frozen: undefined, signers };
  for (const kind of kinds) {
    const list = fetched[kind];
    if (list.kind === 'unknown')
      return { ...nothing, unreadable: `its ${kind.toUpperCase()} could not be had: ${list.reason}` };
  }
  const isFirst = known.itl === undefined && known.ctl === undefined;
  if (isFirst && pin === undefined) return { ...nothing, unreadable: undefined };
  const frozen = isFirst ? whyNotPinned(crypto, question, signers) : whyNotNext(crypto, question);
  if (frozen !== undefined) return { ...nothing, frozen, unreadable: undefined };
  // A list that is served no longer stays with the phones that took it.
  const after = (kind: TrustListKind): Bytes => {
    const list = fetched[kind];
    return list.kind === 'bytes' ? list.bytes : known[kind];
  };
  return { ...nothing, accepted: { itl: after('itl'), ctl: after('ctl') }, unreadable: undefined };
}

function whyNotNext(crypto: Crypto, { fetched, known, nowSeconds }: ProbeQuestion): string | undefined {
  for (const kind of kinds) {
    const list = fetched[kind];
    if (list.kind !== 'bytes') continue;
    const name = listName(kind);
    const { phone, reason } = judgeFile(crypto, known, { name, bytes: list.bytes }, nowSeconds);
    if (phone !== 'accept')
      return `a phone that holds its accepted lists would not take its ${name}: ${reason}`;
  }
  return undefined;
}

/** The pin's own list first, then what a SAST of a believed list signed. */
function whyNotPinned(
  crypto: Crypto,
  { fetched, pin }: ProbeQuestion,
  signers: readonly SignedList[],
): string | undefined {
  const believed: Anchor[] = [];
  let waiting = signers;
  for (;;) {
    const next = waiting.find(({ signer }) => {
      if (signer === undefined) return false;
      return (
        signer.fingerprint === pin ||
        believed.some(({ certificate }) => certificate?.fingerprint === signer.fingerprint)
      );
    });
    if (next === undefined) break;
    waiting = waiting.filter((list) => list !== next);
    const list = fetched[next.kind];
    if (list.kind === 'bytes') believed.push(...sasts(crypto, list.bytes));
  }
  const [stranger] = waiting;
  if (stranger === undefined) return undefined;
  const who = stranger.signer === undefined ? 'nobody it names' : `SHA256:${stranger.signer.fingerprint}`;
  return `its ${listName(stranger.kind)} is signed by ${who}, not by the pinned certificate`;
}

/** As a phone without lists finds it: by cryptography, in the list itself. */
function signerOf(
  crypto: Crypto,
  kind: TrustListKind,
  bytes: Uint8Array,
  nowSeconds: number,
): SignedList['signer'] {
  const { phone } = judgeFile(crypto, {}, { name: listName(kind), bytes }, nowSeconds);
  const list = decodeTrustList(bytes);
  if (phone !== 'accept' || !list.ok) return undefined;
  const [anchor] = findAnchors(sasts(crypto, bytes), list.value.header.signer);
  const certificate = anchor?.certificate;
  return certificate && { ...nameCertificate(certificate), fingerprint: certificate.fingerprint };
}

function sasts(crypto: Crypto, bytes: Uint8Array): readonly Anchor[] {
  return anchorsOf(crypto, bytes).filter(({ role }) => role === 'SAST');
}

/** Of a list that was accepted; empty for one that does not decode. */
export function anchorsOf(crypto: Crypto, bytes: Bytes): readonly Anchor[] {
  const list = bytes && decodeTrustList(bytes);
  return list?.ok === true ? anchorsOfList(crypto, list.value) : [];
}

/** What the accepted lists say of our signer. */
export function wordsOfLists(
  crypto: Crypto,
  accepted: PerKind<Bytes>,
  signer: CertificateFacts,
): PerKind<ListWord> {
  const word = (bytes: Bytes): ListWord =>
    bytes === undefined ? 'absent' : wordOfList(anchorsOf(crypto, bytes), signer);
  return { itl: word(accepted.itl), ctl: word(accepted.ctl) };
}

/** What its TVS says, believed as a phone with these lists would: by role 21 of the ITL. */
export function wordOfTvs(
  crypto: Crypto,
  accepted: PerKind<Bytes>,
  signer: CertificateFacts,
  answer: TvsAnswer,
): TvsWord {
  const held = readHeld(crypto, accepted);
  if (!held.ok || answer.kind === 'unreachable') return 'unknown';
  const { subject: name, issuer, serial } = signer;
  const belief = askTvs(
    crypto,
    { ...accepted, tvs: () => answer },
    held.value,
    { name, issuer, serial },
    'file',
  );
  if (belief === undefined || belief.kind === 'open') return 'unknown';
  if (belief.kind === 'refused') return 'refuses';
  return belief.certificate.fingerprint === signer.fingerprint ? 'vouches' : 'refuses';
}

export function listName(kind: TrustListKind): string {
  return kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
}

/** In words for a person: `CTL: names it as CCM+TFTP`. */
export function rolesOfSigner(crypto: Crypto, bytes: Bytes, signer: CertificateFacts): readonly string[] {
  const found = anchorsOf(crypto, bytes).filter(
    ({ certificate }) => certificate?.fingerprint === signer.fingerprint,
  );
  return [...new Set(found.map(({ role }) => role))];
}
