/**
 * The `signed` link: `X.sgn` is X as the links below give it, signed under the name as asked (design.md §2).
 * A stored file of exactly that name that carries the signed header already wins; firmware passes untouched.
 *
 * Refuses to sign: trust lists and names that already ask for a signature, encrypted configurations, content that
 * carries a signed header itself, content above `signedFileBytesMax`. Cold signatures are limited; who comes when
 * the queue is full is told to come back. Only headers are kept (≤ 1 KiB), bodies are read anew (design.md §5).
 */
import { LRUCache } from 'lru-cache';
import { assert } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import {
  signedFileBytesMax,
  signedHeadersKeptMax,
  signingPerAddressMax,
  signingQueueBytesMax,
} from '../base/limits.ts';
import { toHex } from '../base/text.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { FileName, FileNameKind } from '../core/files/file-name.ts';
import type { Content } from '../core/files/resolution.ts';
import type { Crypto, FileOpener, Signer, Store, WallClock } from '../core/ports.ts';
import { filesBook, signFileHeader } from '../core/signing/sign-file.ts';
import type { HashName } from '../wire/algorithm.ts';
import { looksSigned } from '../wire/signed-header.ts';
import { createSigningLane } from './limiter.ts';
import { notFound, note } from './link.ts';
import type { Below, Link, Lookup, Served } from './link.ts';
import { readContent } from './open-file.ts';

export interface SignedOptions {
  readonly signer: Signer;
  readonly hash: HashName;
  /** An adopted signer of RSA-4096, which breaks some models. */
  readonly allowRsa4096?: boolean | undefined;
  readonly crypto: Pick<Crypto, 'digest'>;
  readonly timestamps: Pick<Store, 'signedTimestamp'>;
  readonly clock: WallClock;
  readonly opener: FileOpener;
}

export function createSignedLink(options: SignedOptions): Link {
  const sign = createHeaderSource(options);
  return {
    name: 'signed',
    async answer(lookup, below) {
      if (!lookup.name.signed) return below(lookup);
      const stored = await askForStored(options.opener, lookup, below);
      if (stored !== undefined) return stored;

      const base = signableBase(lookup.name);
      if (base === undefined) {
        note(lookup, 'signed', `nothing of that name is ever signed here`);
        return notFound;
      }
      const plain = await below({ ...lookup, name: base });
      if (plain.kind !== 'served') return plain;
      const content = await readContent(options.opener, plain.content, signedFileBytesMax);
      if (content === undefined) {
        note(
          lookup,
          'signed',
          `${base.asked} is above ${signedFileBytesMax} bytes or changes while it is read`,
        );
        return { kind: 'retry', reason: 'the content cannot be read at once' };
      }
      if (looksSigned(content)) {
        note(lookup, 'signed', `${base.asked} carries a signed header already and is not signed again`);
        return notFound;
      }
      const header = await sign(lookup, content, plain.modifiedMs);
      if (header === undefined) return { kind: 'retry', reason: 'too many files wait for a signature' };
      return { ...plain, content: { kind: 'memory', bytes: concatBytes(header, content) }, by: 'signed' };
    },
  };
}

/** A stored file must have the asked spelling: its signature is over its own name. */
async function askForStored(opener: FileOpener, lookup: Lookup, below: Below): Promise<Served | undefined> {
  const stored = await below({ ...lookup, exact: true });
  if (stored.kind !== 'served') return undefined;
  if (looksSigned(await firstBytes(opener, stored.content))) {
    note(lookup, 'signed', 'stored with its signature');
    return stored;
  }
  note(lookup, 'signed', 'the stored file of this name carries no signed header');
  return undefined;
}

async function firstBytes(opener: FileOpener, content: Content): Promise<Uint8Array> {
  if (content.kind === 'memory') return content.bytes;
  const file = await opener.open(content);
  const bytes = new Uint8Array(64);
  try {
    const length = (await file?.read(bytes, 0)) ?? 0;
    return bytes.subarray(0, length);
  } finally {
    await file?.close();
  }
}

function signableBase(name: FileName): FileName | undefined {
  const base = parseFileName(name.base);
  assert(base.ok, 'a legal name without its suffix is legal');
  return base.value.signed || neverSigned.has(name.kind) || neverSigned.has(base.value.kind)
    ? undefined
    : base.value;
}

const neverSigned: ReadonlySet<FileNameKind> = new Set<FileNameKind>([
  'encrypted-config',
  'firmware',
  'cluster-itl',
  'cluster-ctl',
  'device-itl',
  'device-ctl',
]);

/** Gives the header of a signed file: kept, in the making for somebody else, or made now. */
function createHeaderSource(
  options: SignedOptions,
): (lookup: Lookup, content: Uint8Array, modifiedMs: number) => Promise<Uint8Array | undefined> {
  const { signer, hash, crypto, timestamps, clock } = options;
  const kept = new LRUCache<string, Uint8Array>({ max: signedHeadersKeptMax });
  const underWay = new Map<string, Promise<Uint8Array>>();
  const waiting = new Map<string, number>();
  let waitingBytes = 0;
  const lane = createSigningLane();
  const { fingerprint, notBefore } = signer.certificate;

  const makeHeader = async (fileName: string, content: Uint8Array, sha256: string, modifiedMs: number) => {
    // A file dated in the future must not make a signature that phones refuse until then.
    const modified = Math.floor(Math.min(modifiedMs, clock.nowMs()) / 1000);
    const least = Math.max(modified, notBefore);
    const timestamp = await timestamps.signedTimestamp(fileName, filesBook, sha256, least);
    const { allowRsa4096 } = options;
    return lane.sign(() => signFileHeader({ content, fileName, timestamp, hash, signer, allowRsa4096 }));
  };

  /** `undefined` when the queue, or this address' share of it, is full. */
  const begin = (address: string, key: string, bytes: number, make: () => Promise<Uint8Array>) => {
    const ofAddress = waiting.get(address) ?? 0;
    if (ofAddress >= signingPerAddressMax || waitingBytes + bytes > signingQueueBytesMax) return undefined;
    const started = lane.run(make);
    if (started === undefined) return undefined;
    waiting.set(address, ofAddress + 1);
    waitingBytes += bytes;
    const making = started.finally(() => {
      underWay.delete(key);
      waitingBytes -= bytes;
      const left = (waiting.get(address) ?? 1) - 1;
      if (left === 0) waiting.delete(address);
      else waiting.set(address, left);
    });
    underWay.set(key, making);
    return making;
  };

  return async (lookup, content, modifiedMs) => {
    const fileName = lookup.name.asked;
    const sha256 = toHex(crypto.digest('sha256', content));
    const key = `${fileName}\n${sha256}\n${fingerprint}\n${hash}`;
    const known = kept.get(key);
    if (known !== undefined) {
      note(lookup, 'signed', `as ${fileName}, header kept`);
      return known;
    }
    const making =
      underWay.get(key) ??
      begin(lookup.request.address, key, content.length, () =>
        makeHeader(fileName, content, sha256, modifiedMs),
      );
    if (making === undefined) {
      note(lookup, 'signed', 'too many files wait for a signature');
      return undefined;
    }
    const header = await making;
    kept.set(key, header);
    note(lookup, 'signed', `as ${fileName} by ${fingerprint.slice(0, 16)} with ${hash}`);
    return header;
  };
}
