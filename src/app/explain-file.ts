/**
 * Why a device gets what it gets: each link's verdict, then what a phone that holds the published lists says of the
 * very bytes. The question runs through the same chain that serves.
 */
import { contentSize, type FileRequest, type Resolution, type TraceStep } from '../core/files/resolution.ts';
import type { Crypto, FileOpener, Resolver, Store, WallClock } from '../core/ports.ts';
import { judgeFile, type Judgement, type PhoneTrust } from '../core/trust/judge.ts';
import { signedFileBytesMax } from '../base/limits.ts';
import type { SignerReason } from './explain-signer.ts';

export interface Explanation {
  readonly name: string;
  readonly outcome: Resolution['kind'];
  /** Why not, where the chain says more than its kind. */
  readonly reason: string | undefined;
  /** The link that gave the bytes. */
  readonly by: string | undefined;
  readonly sizeBytes: number | undefined;
  readonly steps: readonly TraceStep[];
  /** Undefined when nothing is served, or when the file is too large to be judged in memory. */
  readonly judgement: Judgement | undefined;
  /** Of what was signed here. */
  readonly signer?: SignerReason | undefined;
}

export interface ExplainPorts {
  readonly resolver: Resolver;
  readonly opener: FileOpener;
  readonly store: Store | undefined;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  /** Who signs here and why, for the device that asks. */
  readonly explainSigner?: () => Promise<SignerReason>;
  /** Lists that this device's home publishes; undefined where the home is here, `nobody` where they are not known. */
  readonly homeLists?: () => Promise<PhoneTrust | 'nobody' | undefined>;
}

export async function explainFile(
  ports: ExplainPorts,
  request: Pick<FileRequest, 'name' | 'transport' | 'address'>,
): Promise<Explanation> {
  const resolution = await ports.resolver.resolve({ ...request, port: 0 });
  const bytes = resolution.kind === 'served' ? await bytesOf(ports.opener, resolution) : undefined;
  return {
    name: request.name,
    outcome: resolution.kind,
    reason: 'reason' in resolution ? resolution.reason : undefined,
    by: resolution.kind === 'served' ? resolution.by : undefined,
    sizeBytes: resolution.kind === 'served' ? contentSize(resolution.content) : undefined,
    steps: resolution.trace,
    judgement: bytes && (await judgeAsPhone(ports, { name: request.name, bytes })),
    signer: isSignedHere(resolution) ? await ports.explainSigner?.() : undefined,
  };
}

function isSignedHere(resolution: Resolution): boolean {
  return resolution.kind === 'served' && (resolution.by === 'signed' || resolution.by === 'encrypted');
}

type Served = Extract<Resolution, { kind: 'served' }>;

async function bytesOf(opener: FileOpener, { content }: Served): Promise<Uint8Array | undefined> {
  if (content.kind === 'memory') return content.bytes;
  if (content.identity.size > signedFileBytesMax) return undefined;
  const file = await opener.open(content);
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(file.size);
    return (await file.read(bytes, 0)) === file.size ? bytes : undefined;
  } finally {
    await file.close();
  }
}

async function judgeAsPhone(
  { store, crypto, clock, homeLists }: ExplainPorts,
  file: { readonly name: string; readonly bytes: Uint8Array },
): Promise<Judgement | undefined> {
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const home = await homeLists?.();
  if (home === 'nobody') return undefined;
  if (home !== undefined) return judgeFile(crypto, home, file, nowSeconds);
  const lists = store === undefined ? [] : await store.currentLists();
  const held = (kind: 'itl' | 'ctl'): Uint8Array | undefined =>
    lists.find((list) => list.kind === kind)?.bytes;
  return judgeFile(crypto, { ctl: held('ctl'), itl: held('itl') }, file, nowSeconds);
}
