/**
 * Evidence that a device of a remote cluster accepts our signature (design.md §4): (a) its own recorded beliefs; else
 * (b) our signer stands as TFTP or CCM+TFTP in the lists that its server publishes, or (c) its TVS vouches for it.
 *
 * Bound to our signer's certificate and to the server that was probed; dated; it expires. No evidence: of an unpinned
 * cluster, of a SAST-only record, of a list that is frozen, of a bulk import.
 */
import { evidenceForMs } from '../../base/limits.ts';
import { signsFiles } from '../../wire/role.ts';
import type { Anchor } from '../trust/anchor.ts';
import type { Acceptance } from '../trust/list-library.ts';
import type { CertificateFacts } from '../ports.ts';
import type { ClusterId } from './remote.ts';

/** What a list of a remote says of our signer. */
export type ListWord =
  /** There is none: a definite not-found. */
  | 'absent'
  /** It names our certificate for files. */
  | 'names'
  /** It names our certificate for something else, as a SAST. */
  | 'other-role'
  | 'silent'
  /** Not to be had, not readable, or not accepted after the ones before it. */
  | 'unknown';

export type TvsWord = 'vouches' | 'refuses' | 'unknown';

/** What one probe of one server found, about one signer. */
export interface Evidence {
  readonly cluster: ClusterId;
  /** `address:port` of its TFTP. */
  readonly server: string;
  /** SHA-256 of our signer's certificate. */
  readonly signer: string;
  readonly seenMs: number;
  readonly ctl: ListWord;
  readonly itl: ListWord;
  readonly tvs: TvsWord;
}

/** The word of one published list; the certificate counts, never its serial alone. */
export function wordOfList(
  anchors: readonly Anchor[],
  signer: Pick<CertificateFacts, 'fingerprint'>,
): ListWord {
  const ours = anchors.filter(({ certificate }) => certificate?.fingerprint === signer.fingerprint);
  if (ours.some(({ role }) => signsFiles(role))) return 'names';
  return ours.length > 0 ? 'other-role' : 'silent';
}

/** Does this server's evidence cover its devices? The reason is for `explain`. */
export interface Cover {
  readonly covered: boolean;
  readonly because: string;
}

export interface CoverQuestion {
  /** Of the device's home; every server that may serve it. */
  readonly servers: readonly string[];
  readonly signer: string;
  readonly pinned: boolean;
  /** The device's own beliefs, judged (design.md §5); `unknown` where nothing was recorded. */
  readonly beliefs: Acceptance;
  readonly nowMs: number;
}

export function coverOf(evidence: readonly Evidence[], question: CoverQuestion): Cover {
  const { servers, signer, pinned, beliefs, nowMs } = question;
  if (beliefs === 'accept') return { covered: true, because: 'its own lists accept our signer' };
  if (beliefs === 'reject') return { covered: false, because: 'its own lists do not accept our signer' };
  if (!pinned)
    return { covered: false, because: 'the cluster is not pinned, so nothing it says is evidence' };
  const words = servers.map((server) => {
    const found = evidence.find((one) => one.server === server && one.signer === signer);
    if (found === undefined) return { covered: false, because: `${server} was never probed for this signer` };
    if (nowMs - found.seenMs >= evidenceForMs)
      return { covered: false, because: `the probe of ${server} is too old` };
    return wordOfServer(found);
  });
  const [first = { covered: false, because: 'no server is known' }] = words;
  return words.find(({ covered }) => !covered) ?? first;
}

/** A CTL is asked first and, where there is one, alone: whether its holder also uses the ITL for files is open. */
function wordOfServer({ server, ctl, itl, tvs }: Evidence): Cover {
  if (ctl === 'names') return { covered: true, because: `the CTL of ${server} names our signer for files` };
  if (ctl === 'absent' && itl === 'names')
    return { covered: true, because: `the ITL of ${server} names our signer for files` };
  // Only a device with an ITL knows a TVS that it may ask.
  const hasItl = itl !== 'absent' && itl !== 'unknown';
  if (tvs === 'vouches' && hasItl)
    return { covered: true, because: `the TVS of ${server} vouches for our signer` };
  return { covered: false, because: whyNot(server, ctl, itl) };
}

function whyNot(server: string, ctl: ListWord, itl: ListWord): string {
  if (ctl === 'unknown' || itl === 'unknown') return `the lists of ${server} could not be read`;
  if (ctl === 'other-role' || itl === 'other-role')
    return `${server} names our signer, but not as one of files`;
  return `${server} does not name our signer`;
}
