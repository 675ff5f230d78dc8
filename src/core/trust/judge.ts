/**
 * The judge: would a phone that holds this CTL and this ITL, and reaches this TVS, take this file? One pure function
 * for server, `verify --as-phone`, `explain`, planner and simulated phone (design.md §5). Its truth is the folder
 * test/vectors/judge, written from domain.md §2, not from this code.
 *
 * A phone is laxer than strict.ts: it has no clock at boot and takes expired certificates; what strict refuses and
 * a phone takes is lint. Where no public source settles what phones do, the answer is `unknown`, never a guess.
 */
import { printable } from '../../base/text.ts';
import { decodeSignedHeader, looksSigned, type SignedHeader } from '../../wire/signed-header.ts';
import { parseFileName } from '../files/file-name.ts';
import type { Crypto } from '../ports.ts';
import { anchorsFor, askList, askTvs, nameSigner, type Belief } from './belief-in-signer.ts';
import { judgeList, type ReadList } from './judge-list.ts';
import { accept, reject, rejectSigner, unknown, type Judgement } from './judgement.ts';
import { checkFileName, checkVersion, listKindOfName } from './name-check.ts';
import { judgeFormat, judgeSignature, lintOf, mayRead, type FileToJudge } from './phone-checks.ts';
import { holdsNothing, isPreparedForRollback, readHeld, type Held, type PhoneTrust } from './phone-trust.ts';
import { rejection, type AcceptCode } from './verdict.ts';

export type { FileToJudge } from './phone-checks.ts';
export type { Judgement } from './judgement.ts';
export type { PhoneTrust, TvsAnswer } from './phone-trust.ts';

/** `file.name` is the name the phone asked for; `nowSeconds` serves lint only, and without it there is none. */
export function judgeFile(
  crypto: Crypto,
  phone: PhoneTrust,
  file: FileToJudge,
  nowSeconds: number | undefined,
): Judgement {
  const held = readHeld(crypto, phone);
  return held.ok ? judgeWith(crypto, phone, held.value, file, nowSeconds) : unknown(held.error);
}

/**
 * As judgeFile, of lists that were read already: whoever judges the same lists many times reads them once. `read`: the
 * file, where it is a list.
 */
export function judgeWith(
  crypto: Crypto,
  phone: PhoneTrust,
  held: Held,
  file: FileToJudge,
  nowSeconds: number | undefined,
  read?: ReadList,
): Judgement {
  const kind = listKindOfName(file.name);
  if (kind !== undefined) return judgeList(crypto, phone, held, kind, file, nowSeconds, read);
  const name = parseFileName(file.name);
  if (!name.ok) return reject(rejection('file-name-path', printable(file.name)));
  if (name.value.kind === 'firmware') return unknown(rejection('firmware-not-judged'));
  if (holdsNothing(held)) return accept('accepted-unsigned');
  if (isPreparedForRollback(held)) return accept('accepted-rollback');
  if (looksSigned(file.bytes)) return judgeSigned(crypto, phone, held, file, nowSeconds);
  if (name.value.signed) return reject(rejection('unsigned-under-signed-name'));
  return media.test(file.name) ? unknown(rejection('unsigned-media')) : reject(rejection('unsigned-refused'));
}

/** Rings and pictures: played and shown, never read as a configuration. */
const media = /\.(?:raw|rwb|png|jpe?g|bmp)$/i;

function judgeSigned(
  crypto: Crypto,
  phone: PhoneTrust,
  held: Held,
  file: FileToJudge,
  nowSeconds: number | undefined,
): Judgement {
  const decoded = decodeSignedHeader(file.bytes);
  if (!decoded.ok) return judgeFormat(decoded.error);
  const header = decoded.value;
  const signer = nameSigner(held, header.signer);
  const named = checkFileName(file.name, header.fileName);
  if (named) return reject(named, signer);
  const version = checkVersion(file.name, header.kind);
  // Phones tolerate newer minor versions (formats.md §1); 1.1 is firmware's only by what was seen.
  if (version) return header.kind === 'firmware' ? unknown(version, signer) : reject(version, signer);

  const { belief, code } = believe(crypto, phone, held, header);
  if (belief.kind === 'open') return unknown(belief.failed, signer);
  if (belief.kind === 'refused') {
    const wanted = [...anchorsFor('file', held.ctl), ...anchorsFor('file', held.itl)];
    return rejectSigner(belief.failed, signer, wanted);
  }
  if (!mayRead(phone, header)) return reject(rejection('hash-not-read'), signer);
  const failed = judgeSignature(crypto, file.bytes, header, belief.certificate, phone.newest?.(file.name));
  if (failed) return failed;
  const lists = [phone.ctl, phone.itl].filter((list) => list !== undefined);
  const lint = lintOf(crypto, {
    ...file,
    nowSeconds,
    lists,
    vouched: code === 'accepted-by-tvs' ? belief : undefined,
  });
  const behindCtl = held.ctl !== undefined && code !== 'accepted-by-ctl';
  return accept(code, belief.certificate, behindCtl ? ['lint-itl-behind-ctl', ...lint] : lint);
}

/** The three rules of domain.md §2, in order. */
function believe(
  crypto: Crypto,
  phone: PhoneTrust,
  held: Held,
  { signer }: SignedHeader,
): { belief: Belief; code: AcceptCode } {
  const byCtl = askList(held.ctl, signer, 'file');
  if (byCtl) return { belief: byCtl, code: 'accepted-by-ctl' };
  const byItl = askList(held.itl, signer, 'file');
  if (byItl) return { belief: byItl, code: 'accepted-by-itl' };
  const byTvs = askTvs(crypto, phone, held, signer, 'file');
  if (byTvs) return { belief: byTvs, code: 'accepted-by-tvs' };
  const listed = nameSigner(held, signer).fingerprint !== undefined;
  const failed = rejection(listed ? 'signer-not-for-files' : 'signer-unknown');
  return { belief: { kind: 'refused', failed }, code: 'accepted' };
}
