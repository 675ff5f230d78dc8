/**
 * A trust list before a phone (domain.md §2). With neither list the first one is taken on trust. An update needs a
 * SAST that the phone holds; with a CTL present an ITL is checked against the CTL, and only a CTL leads to a new CTL.
 * A list older than the one held is a rollback and refused (design.md §4).
 */
import { equalBytes } from '../../base/bytes.ts';
import { good, type Outcome } from '../../base/outcome.ts';
import type { FormatError } from '../../wire/format-error.ts';
import { decodeTrustList, type TrustList } from '../../wire/trust-list.ts';
import type { TrustListKind } from '../cluster/model.ts';
import type { Crypto } from '../ports.ts';
import { anchorsOfList, type Anchor } from './anchor.ts';
import { anchorsFor, askList, askTvs, nameSigner, type Belief } from './belief-in-signer.ts';
import { accept, reject, rejectSigner, unknown, type Judgement } from './judgement.ts';
import { checkFileName } from './name-check.ts';
import { judgeFormat, judgeSignature, lintOf, mayRead, type FileToJudge } from './phone-checks.ts';
import { holdsNothing, isPreparedForRollback, type Held, type PhoneTrust } from './phone-trust.ts';
import { rejection, type AcceptCode, type Rejection } from './verdict.ts';

export function judgeList(
  crypto: Crypto,
  phone: PhoneTrust,
  held: Held,
  kind: TrustListKind,
  file: FileToJudge,
  nowSeconds: number | undefined,
  read?: ReadList,
): Judgement {
  const same = held[kind];
  if (same && equalBytes(same.bytes, file.bytes)) return accept('accepted-same-list');
  const known = read ?? readList(crypto, file.bytes);
  if (!known.ok) return judgeFormat(known.error);
  const { list, anchors: own } = known.value;
  const { header } = list;
  const signer = nameSigner(held, header.signer, own);
  const named = checkFileName(file.name, header.fileName);
  if (named) return reject(named, signer);

  const { belief, code, wanted } = believe(crypto, phone, held, kind, list, own);
  if (belief.kind === 'open') return unknown(belief.failed, signer);
  if (belief.kind === 'refused') return rejectSigner(belief.failed, signer, wanted);
  const free = code === 'accepted-first-use' || code === 'accepted-rollback';
  if (!mayRead(phone, header)) {
    const failed = rejection('hash-not-read');
    // "Takes the first ITL on trust" (domain.md §2): sources do not say whether it looks at a signature that it cannot read.
    return free ? unknown(failed, signer) : reject(failed, signer);
  }
  const floor = free ? undefined : Math.max(same?.timestamp ?? 0, phone.newest?.(file.name) ?? 0);
  const failed = judgeSignature(crypto, file.bytes, header, belief.certificate, floor);
  if (failed) return failed;
  const lists = free || !same ? [] : [same.bytes];
  return accept(code, belief.certificate, lintOf(crypto, { ...file, nowSeconds, lists }));
}

/** A served list as it is read, once for all phones that are asked about it. */
export type ReadList = Outcome<
  { readonly list: TrustList; readonly anchors: readonly Anchor[] },
  FormatError
>;

export function readList(crypto: Crypto, bytes: Uint8Array): ReadList {
  const list = decodeTrustList(bytes);
  return list.ok ? good({ list: list.value, anchors: anchorsOfList(crypto, list.value) }) : list;
}

interface ListBelief {
  readonly belief: Belief;
  readonly code: AcceptCode;
  /** Whom the phone would have believed. */
  readonly wanted: readonly Anchor[];
}

function believe(
  crypto: Crypto,
  phone: PhoneTrust,
  held: Held,
  kind: TrustListKind,
  list: TrustList,
  own: readonly Anchor[],
): ListBelief {
  const { signer } = list.header;
  if (holdsNothing(held) || isPreparedForRollback(held)) {
    const belief = askList({ bytes: new Uint8Array(), timestamp: undefined, anchors: own }, signer, 'list');
    const code = holdsNothing(held) ? 'accepted-first-use' : 'accepted-rollback';
    return { belief: belief ?? refused('signer-not-in-list'), code, wanted: [] };
  }
  const inCtl = anchorsFor('list', held.ctl);
  const byCtl = askList(held.ctl, signer, 'list');
  if (byCtl) return { belief: byCtl, code: 'accepted-by-ctl', wanted: inCtl };
  if (held.ctl !== undefined && kind === 'itl') {
    // "With a CTL present, an ITL is checked against the CTL" stands beside the TVS's rule 3: sources differ.
    const vouched = askTvs(crypto, phone, held, signer, 'list')?.kind === 'believed';
    const belief = vouched ? open('signer-only-vouched') : refused('signer-not-in-ctl');
    return { belief, code: 'accepted-by-tvs', wanted: inCtl };
  }
  const wanted = [...inCtl, ...anchorsFor('list', held.itl)];
  const byItl = askList(held.itl, signer, 'list');
  if (byItl)
    return { belief: held.ctl ? open('signer-only-in-itl') : byItl, code: 'accepted-by-itl', wanted };
  const byTvs = askTvs(crypto, phone, held, signer, 'list');
  const listed = nameSigner(held, signer).fingerprint !== undefined;
  const belief = byTvs ?? refused(listed ? 'previous-not-sast' : 'signer-not-in-previous');
  return { belief, code: 'accepted-by-tvs', wanted };
}

function refused(code: Rejection['code']): Belief {
  return { kind: 'refused', failed: rejection(code) };
}

function open(code: Rejection['code']): Belief {
  return { kind: 'open', failed: rejection(code) };
}
