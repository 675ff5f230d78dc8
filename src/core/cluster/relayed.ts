/**
 * What is passed on of a remote's file (design.md §4): a name that asks for a signature, or a trust list, must be what
 * some phone of that cluster takes. Blocked are exactly the judge's refusals: wrong name or device, unknown signer, bad
 * signature, rollback, no signature; lint and what no source settles pass. Names that ask for no signature are not judged.
 *
 * Pure; what a judgement needs of the world (a TVS's word, a signature over bytes on disk) is asked for and given.
 */
import type { FileName } from '../files/file-name.ts';
import type { Crypto, RemotePhone } from '../ports.ts';
import { judgeFile, type FileToJudge, type Judgement } from '../trust/judge.ts';
import { listKindOfName } from '../trust/name-check.ts';

/** Whether a phone would judge what comes under this name by its lists. */
export function isJudged(name: FileName): boolean {
  return name.kind !== 'firmware' && (name.signed || listKindOfName(name.asked) !== undefined);
}

/**
 * The best word of the cluster's phones: what one of them takes is passed on. A list is the affair of those who ask
 * the server that gave it, where such a one is known.
 */
export function judgeRelayed(
  crypto: Crypto,
  phones: readonly RemotePhone[],
  server: string,
  file: FileToJudge,
  nowSeconds: number,
): Judgement | undefined {
  const own = phones.filter((phone) => phone.server === server);
  const asked = listKindOfName(file.name) !== undefined && own.length > 0 ? own : phones;
  const judgements = asked.map(({ trust }) => judgeFile(crypto, trust, file, nowSeconds));
  const best = (['accept', 'unknown', 'reject'] as const).find((word) =>
    judgements.some(({ phone }) => phone === word),
  );
  return judgements.find(({ phone }) => phone === best);
}

/** A refusal that newer lists of the cluster might lift: its signer, or its lists, may just have changed. */
export function mayBeOurFault({ phone, code }: Judgement): boolean {
  return phone === 'reject' && ourFault.has(code);
}

const ourFault: ReadonlySet<Judgement['code']> = new Set([
  'signer-unknown',
  'signer-not-for-files',
  'signer-not-in-previous',
  'signer-not-in-ctl',
  'previous-not-sast',
  'signer-key-differs',
  'tvs-refused',
  'tvs-unreachable',
  'tvs-role',
  'tvs-not-trusted',
]);
