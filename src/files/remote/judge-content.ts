/**
 * The relay's judgement of one file, wherever its bytes lie: the pure judge runs, says what it lacks (a TVS's word, a
 * signature over bytes on disk), is given it and runs again. A file on disk is hashed from there, chunk by chunk.
 */
import { readChunkBytes, signedHeaderBytesMax } from '../../base/limits.ts';
import { toHex } from '../../base/text.ts';
import { judgeRelayed } from '../../core/cluster/relayed.ts';
import type { ClusterId } from '../../core/cluster/remote.ts';
import type { Content, FileContent } from '../../core/files/resolution.ts';
import type { Crypto, FileOpener, RemotePhone, RemoteTrust, StreamVerifier } from '../../core/ports.ts';
import type { Judgement, TvsAnswer } from '../../core/trust/judge.ts';
import { decodeSignedHeader } from '../../wire/signed-header.ts';
import type { HashName } from '../../wire/algorithm.ts';

export interface JudgeOptions {
  readonly crypto: Crypto & StreamVerifier;
  readonly trust: RemoteTrust;
  readonly opener: FileOpener;
}

export interface Relayed {
  readonly cluster: ClusterId;
  /** `address:port` of the server that gave it. */
  readonly server: string;
  readonly name: string;
  readonly content: Content;
}

/** `undefined` when the file on disk is no longer what was fetched, or nothing is known to judge by. */
export async function judgeContent(
  options: JudgeOptions,
  phones: readonly RemotePhone[],
  file: Relayed,
  nowSeconds: number,
): Promise<Judgement | undefined> {
  const head = await readHead(options.opener, file.content);
  if (head === undefined) return undefined;
  const known = new Map<string, boolean>();
  let tvs: TvsAnswer | undefined;
  for (;;) {
    const asked: { question: SignatureQuestion | undefined } = { question: undefined };
    const crypto = file.content.kind === 'memory' ? options.crypto : answering(options.crypto, known, asked);
    const asking = phones.map((phone) => ({
      ...phone,
      trust: { ...phone.trust, tvs: tvs && ((): TvsAnswer => tvs ?? silent) },
    }));
    const judgement = judgeRelayed(crypto, asking, file.server, { bytes: head, name: file.name }, nowSeconds);
    const { question } = asked;
    if (question !== undefined && file.content.kind === 'file') {
      const holds = await verifyOnDisk(options, file.content, head.length, question);
      if (holds === undefined) return undefined;
      known.set(question.key, holds);
    } else if (judgement?.code === 'tvs-not-asked' && tvs === undefined) {
      const header = decodeSignedHeader(head);
      tvs = header.ok
        ? await options.trust.askTvs(file.cluster, header.value.signer.issuer, header.value.signer.serial)
        : silent;
    } else return judgement;
  }
}

const silent: TvsAnswer = { kind: 'unreachable' };

/** A file on disk begins with its header; what follows is hashed later. */
async function readHead(opener: FileOpener, content: Content): Promise<Uint8Array | undefined> {
  if (content.kind === 'memory') return content.bytes;
  const file = await opener.open(content);
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(Math.min(signedHeaderBytesMax, file.size));
    return (await file.read(bytes, 0)) === bytes.length ? bytes : undefined;
  } finally {
    await file.close();
  }
}

interface SignatureQuestion {
  readonly key: string;
  readonly spki: Uint8Array;
  readonly hash: HashName;
  readonly parts: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

/** A crypto that answers what is known already and remembers the first question that is not. */
function answering(
  crypto: Crypto,
  known: ReadonlyMap<string, boolean>,
  asked: { question: SignatureQuestion | undefined },
): Crypto {
  return {
    readCertificate: (der) => crypto.readCertificate(der),
    digest: (hash, data) => crypto.digest(hash, data),
    verifyRsa(spki, hash, parts, signature) {
      const key = `${hash} ${toHex(crypto.digest('sha256', spki))} ${toHex(signature)}`;
      const answer = known.get(key);
      if (answer === undefined) asked.question ??= { key, spki, hash, parts, signature };
      return answer ?? false;
    },
  };
}

async function verifyOnDisk(
  { crypto, opener }: JudgeOptions,
  content: FileContent,
  from: number,
  { spki, hash, parts, signature }: SignatureQuestion,
): Promise<boolean | undefined> {
  const file = await opener.open(content);
  if (file === undefined) return undefined;
  const read = { whole: true };
  const rest = async function* (): AsyncGenerator<Uint8Array, void> {
    for (let at = from; at < file.size;) {
      const chunk = new Uint8Array(Math.min(readChunkBytes, file.size - at));
      const length = await file.read(chunk, at);
      if (length !== chunk.length) {
        read.whole = false;
        return;
      }
      at += length;
      yield chunk;
    }
  };
  try {
    const holds = await crypto.verifyRsaStream(spki, hash, parts, rest(), signature);
    return read.whole ? holds : undefined;
  } finally {
    await file.close();
  }
}
