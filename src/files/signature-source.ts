/**
 * Signatures of files: kept, in the making for somebody else, or made now (design.md §5).
 *
 * What is kept outlives the chain, which is made anew with every change of the database: a device that is edited makes
 * no other device's file cold. A chain trusts a kept signature after it looked at the name's timestamp once, which
 * needs neither RSA nor the disk: a content that came back after another one was given out needs a later timestamp.
 *
 * Refuses, by `undefined`, what would wait beyond the bounds of `limiter.ts`.
 */
import { LRUCache } from 'lru-cache';
import { encryptedFilesBytesMax, signedHeadersKeptMax } from '../base/limits.ts';
import { toHex } from '../base/text.ts';
import type { Crypto, Signer, Store, WallClock } from '../core/ports.ts';
import { filesBook } from '../core/signing/sign-file.ts';
import type { HashName } from '../wire/algorithm.ts';
import { createSigningLane, type SigningLane } from './limiter.ts';
import type { Served } from './link.ts';

export interface Signature {
  readonly contentSha256: string;
  /** Epoch seconds, in the signed header. */
  readonly timestamp: number;
  /** A signed header, or a whole encrypted file. */
  readonly bytes: Uint8Array;
}

/** The last one of each name; one per server. */
export interface KeptSignatures {
  readonly headers: LRUCache<string, Signature>;
  /** The ciphertext is another one each time: repeats and ranges of one file must be of one. */
  readonly encrypted: LRUCache<string, Signature>;
  readonly lane: SigningLane;
}

export function createKeptSignatures(): KeptSignatures {
  return {
    headers: new LRUCache({ max: signedHeadersKeptMax }),
    encrypted: new LRUCache({
      maxSize: encryptedFilesBytesMax,
      sizeCalculation: ({ bytes }) => bytes.length + 512,
    }),
    lane: createSigningLane(),
  };
}

export interface SignatureOptions {
  readonly signer: Signer;
  readonly hash: HashName;
  /** An adopted signer of RSA-4096, which breaks some models. */
  readonly allowRsa4096?: boolean | undefined;
  readonly crypto: Pick<Crypto, 'digest'>;
  readonly timestamps: Pick<Store, 'signedTimestamp' | 'timestampFloor'>;
  readonly clock: WallClock;
}

/** What the timestamp follows. */
export type Dated = Pick<Served, 'modifiedMs' | 'sharedSha256' | 'unchanging'>;

export interface WantedSignature {
  /** Who asks: an address has its share of the queue. */
  readonly address: string;
  readonly fileName: string;
  readonly content: Uint8Array;
  readonly dated: Dated;
  /** What makes it another file under the same name: whom it is encrypted to. */
  readonly variant?: string;
  make(timed: TimedContent): Promise<Uint8Array>;
}

export interface GivenSignature {
  readonly bytes: Uint8Array;
  readonly wasKept: boolean;
}

export interface TimedContent {
  readonly content: Uint8Array;
  readonly fileName: string;
  readonly timestamp: number;
  readonly hash: HashName;
  readonly signer: Signer;
  readonly allowRsa4096: boolean | undefined;
}

export type SignatureSource = (wanted: WantedSignature) => Promise<GivenSignature | undefined>;

/** For one chain. */
export function createSignatureSource(
  { signer, hash, allowRsa4096, crypto, timestamps, clock }: SignatureOptions,
  kept: LRUCache<string, Signature>,
  lane: SigningLane,
): SignatureSource {
  const { fingerprint, notBefore } = signer.certificate;
  const underWay = new Map<string, Promise<Signature>>();
  const trusted = new WeakSet<Signature>();

  const timestampOf = async (
    { fileName, dated }: WantedSignature,
    contentSha256: string,
  ): Promise<number> => {
    const { modifiedMs, sharedSha256 = contentSha256, unchanging = false } = dated;
    // Of the newest signer, whoever signs: a phone that goes from node to node must not meet an older one.
    if (unchanging) return Math.max(notBefore, await timestamps.timestampFloor());
    // A file dated in the future must not make a signature that phones refuse until then.
    const modified = Math.floor(Math.min(modifiedMs, clock.nowMs()) / 1000);
    return timestamps.signedTimestamp(fileName, filesBook, sharedSha256, Math.max(modified, notBefore));
  };

  return async (wanted) => {
    const { address, fileName, content, variant = '' } = wanted;
    const contentSha256 = toHex(crypto.digest('sha256', content));
    const key = `${fileName}\n${variant}\n${fingerprint}\n${hash}`;
    const last = kept.get(key);
    const same = last?.contentSha256 === contentSha256 ? last : undefined;
    if (same !== undefined && trusted.has(same)) return { bytes: same.bytes, wasKept: true };

    const find = async (): Promise<Signature> => {
      const timestamp = await timestampOf(wanted, contentSha256);
      if (same?.timestamp === timestamp) return same;
      const timed = { content, fileName, timestamp, hash, signer, allowRsa4096 };
      return { contentSha256, timestamp, bytes: await lane.sign(() => wanted.make(timed)) };
    };
    const task = `${key}\n${contentSha256}`;
    const begin = (): Promise<Signature> | undefined => {
      const making = lane.run(address, content.length, find)?.finally(() => underWay.delete(task));
      if (making !== undefined) underWay.set(task, making);
      return making;
    };
    const signature = await (underWay.get(task) ?? begin());
    if (signature === undefined) return undefined;
    trusted.add(signature);
    // Of two contents that were on their way at once the later one stays.
    if ((kept.get(key)?.timestamp ?? 0) <= signature.timestamp) kept.set(key, signature);
    return { bytes: signature.bytes, wasKept: signature === same };
  };
}
