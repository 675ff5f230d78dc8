/**
 * The edge's byte cache: a Resolver in front of a Resolver. What fits memory is repeated for as long as its answer
 * allows; many who ask for the same name at once cost one resolution; `peek` answers without a turn of the event loop.
 *
 * Refuses to keep: what is for its requester only, `retry` and `refused`, files that are streamed, answers with `freshForMs` 0, and anything whose
 * resolution began before the last invalidation. A not-found is kept apart and shortly, so that a flood of unknown
 * names cannot push out what is served.
 */
import { LRUCache } from 'lru-cache';
import { byteCacheBytesMax, freshNotFoundMs, notFoundNamesMax } from '../base/limits.ts';
import type { FileRequest, Resolution } from '../core/files/resolution.ts';
import type { Resolver } from '../core/ports.ts';

/** What an answer from memory depends on; the spelling counts because a signature is over it. */
export type CacheQuestion = Pick<FileRequest, 'name' | 'transport'>;

export interface ByteCache extends Resolver {
  /** A fresh answer from memory, or `undefined`: then ask `resolve`. */
  peek(question: CacheQuestion): Resolution | undefined;
  /** Forgets everything: a generation, a database version or a file changed. */
  invalidate(): void;
  /** Calls `listener` at every invalidation, for engines that keep images of their own; gives its removal. */
  onInvalidate(listener: () => void): () => void;
}

export interface ByteCacheOptions {
  readonly resolver: Resolver;
  readonly bytesMax?: number;
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number;
}

export function createByteCache(options: ByteCacheOptions): ByteCache {
  const nowMs = options.nowMs ?? (() => performance.now());
  const bytesMax = options.bytesMax ?? byteCacheBytesMax;
  const tlsBytesMax = Math.floor(bytesMax * tlsShare);
  const served = [createStore(bytesMax - tlsBytesMax), createStore(tlsBytesMax)] as const;
  const misses = new LRUCache<string, Kept>({ max: notFoundNamesMax });
  const underWay = new Map<string, Promise<Resolution>>();
  const listeners = new Set<() => void>();
  let generation = 0;

  const peek = ({ name, transport }: CacheQuestion): Resolution | undefined => {
    const found = served[classOf(transport)].get(name);
    if (found !== undefined && found.freshUntilMs > nowMs()) return found.resolution;
    const missed = misses.get(missKey(name, transport));
    return missed !== undefined && missed.freshUntilMs > nowMs() ? missed.resolution : undefined;
  };

  const keep = (question: CacheQuestion, resolution: Resolution): void => {
    if (resolution.kind === 'not-found') {
      misses.set(missKey(question.name, question.transport), {
        resolution,
        freshUntilMs: nowMs() + freshNotFoundMs,
      });
    } else if (isKeepable(resolution)) {
      const kept = { resolution, freshUntilMs: nowMs() + resolution.freshForMs };
      served[classOf(question.transport)].set(question.name, kept);
    }
  };

  return {
    peek,
    async resolve(request) {
      // What depends on the requester is the requester's: never from memory, never shared on the way.
      if (request.certificate !== undefined) return options.resolver.resolve(request);
      const known = peek(request);
      if (known !== undefined) return known;
      const key = missKey(request.name, request.transport);
      const joined = underWay.get(key);
      if (joined !== undefined && request.hop === undefined) {
        const shared = await joined;
        if (shared.requesterOnly !== true) return shared;
        return options.resolver.resolve(request);
      }
      const begunIn = generation;
      const asking = options.resolver.resolve(request).finally(() => {
        if (underWay.get(key) === asking) underWay.delete(key);
      });
      if (request.hop === undefined) underWay.set(key, asking);
      const resolution = await asking;
      if (begunIn === generation && resolution.requesterOnly !== true) keep(request, resolution);
      return resolution;
    },
    invalidate() {
      generation++;
      for (const store of served) store.clear();
      misses.clear();
      // Who asks from now on must not be given what began before the change.
      underWay.clear();
      for (const listener of listeners) listener();
    },
    onInvalidate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Few phones ask over TLS; their share must not be pushed out by the others, nor push them out. */
const tlsShare = 0.25;

interface Kept {
  readonly resolution: Resolution;
  readonly freshUntilMs: number;
}

/** TLS named the server already, so some names mean another file there (unsigned-over-tls.ts). */
function classOf(transport: FileRequest['transport']): 0 | 1 {
  return transport === 'https' ? 1 : 0;
}

function missKey(name: string, transport: FileRequest['transport']): string {
  return classOf(transport) === 1 ? `s${name}` : `p${name}`;
}

/** Counts what a name and its bookkeeping cost beside its bytes, so that many empty files are bounded too. */
function createStore(bytesMax: number): LRUCache<string, Kept> {
  return new LRUCache<string, Kept>({
    maxSize: bytesMax,
    sizeCalculation: ({ resolution }, name) =>
      entryBytes + name.length + (resolution.kind === 'served' ? memoryBytes(resolution.content) : 0),
  });
}

const entryBytes = 512;

type ServedResolution = Extract<Resolution, { kind: 'served' }>;

function memoryBytes(content: ServedResolution['content']): number {
  return content.kind === 'memory' ? content.bytes.length : 0;
}

function isKeepable(resolution: Resolution): resolution is ServedResolution {
  return resolution.kind === 'served' && resolution.content.kind === 'memory' && resolution.freshForMs > 0;
}
