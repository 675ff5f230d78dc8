import { describe, expect, it, vi } from 'vitest';
import { freshNotFoundMs, notFoundNamesMax } from '../../../src/base/limits.ts';
import type { FileRequest, Resolution } from '../../../src/core/files/resolution.ts';
import { createByteCache } from '../../../src/files/byte-cache.ts';

const trace = [] as const;

function served(bytes: number, freshForMs = 1_000): Resolution {
  return {
    kind: 'served',
    content: { kind: 'memory', bytes: new Uint8Array(bytes) },
    by: 'local',
    freshForMs,
    trace,
  };
}

const notFound: Resolution = { kind: 'not-found', trace };

/** A resolver under the test's hand: it counts, and it answers when told to. */
function setUp(options: { readonly bytesMax?: number } = {}) {
  const waiting: ((resolution: Resolution) => void)[] = [];
  const clock = { ms: 0 };
  const asked: string[] = [];
  const cache = createByteCache({
    ...options,
    nowMs: () => clock.ms,
    resolver: {
      resolve: ({ name }) => {
        asked.push(name);
        return new Promise((resolve) => waiting.push(resolve));
      },
    },
  });
  const request = (name: string, transport: FileRequest['transport'] = 'tftp'): FileRequest => ({
    name,
    transport,
    address: '127.0.0.1',
    port: 1,
  });
  const get = (name: string, transport?: FileRequest['transport']) => cache.resolve(request(name, transport));
  const answer = (resolution: Resolution) => waiting.shift()?.(resolution);
  const fetch = async (name: string, resolution: Resolution, transport?: FileRequest['transport']) => {
    const got = get(name, transport);
    answer(resolution);
    return got;
  };
  return { cache, clock, asked, get, answer, fetch };
}

describe('the byte cache', () => {
  it('repeats an answer for as long as it allows', async () => {
    const { cache, clock, asked, fetch, get } = setUp();
    const resolution = served(10, 500);
    await fetch('a', resolution);
    clock.ms = 499;
    expect(cache.peek({ name: 'a', transport: 'http' })).toBe(resolution);
    expect(await get('a')).toBe(resolution);
    clock.ms = 500;
    expect(cache.peek({ name: 'a', transport: 'http' })).toBeUndefined();
    expect(asked).toEqual(['a']);
  });

  it('asks once for all who ask at once', async () => {
    const { asked, get, answer } = setUp();
    const all = Promise.all([get('a'), get('a'), get('a')]);
    answer(served(1));
    expect(new Set(await all).size).toBe(1);
    expect(asked).toEqual(['a']);
  });

  it('keeps spellings and TLS apart', async () => {
    const { cache, fetch } = setUp();
    await fetch('a', served(1));
    expect(cache.peek({ name: 'A', transport: 'tftp' })).toBeUndefined();
    expect(cache.peek({ name: 'a', transport: 'https' })).toBeUndefined();
    await fetch('a', served(2), 'https');
    expect(cache.peek({ name: 'a', transport: 'https' })).toMatchObject({
      content: { bytes: new Uint8Array(2) },
    });
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toMatchObject({
      content: { bytes: new Uint8Array(1) },
    });
  });

  it('forgets at an invalidation, tells who listens, and keeps nothing that began before', async () => {
    const { cache, asked, fetch, get, answer } = setUp();
    let told = 0;
    const stop = cache.onInvalidate(() => told++);
    await fetch('a', served(1));
    cache.invalidate();
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toBeUndefined();

    const before = get('a');
    cache.invalidate();
    const after = get('a');
    const [old, young] = [served(1), served(2)];
    answer(old);
    expect(await before).toBe(old);
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toBeUndefined();
    answer(young);
    expect(await after).toBe(young);
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toBe(young);
    expect(asked).toHaveLength(3);
    expect(told).toBe(2);
    stop();
    cache.invalidate();
    expect(told).toBe(2);
  });

  it('repeats a not-found very shortly', async () => {
    const { cache, clock, fetch } = setUp();
    await fetch('a', notFound);
    clock.ms = freshNotFoundMs - 1;
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toBe(notFound);
    clock.ms = freshNotFoundMs;
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toBeUndefined();
  });

  it('is not emptied by a flood of unknown names', async () => {
    const { cache, fetch } = setUp({ bytesMax: 10_000 });
    await fetch('a', served(4_000));
    for (let i = 0; i < notFoundNamesMax + 10; i++) await fetch(`x${i}`, notFound);
    expect(cache.peek({ name: 'a', transport: 'tftp' })?.kind).toBe('served');
    expect(cache.peek({ name: 'x0', transport: 'tftp' })).toBeUndefined();
  });

  it('is bounded by bytes, the least recently asked go first', async () => {
    const { cache, fetch } = setUp({ bytesMax: 26_000 });
    for (const name of ['a', 'b', 'c']) {
      await fetch(name, served(6_000));
      cache.peek({ name: 'a', transport: 'tftp' });
    }
    expect(['a', 'b', 'c'].map((name) => cache.peek({ name, transport: 'tftp' })?.kind)).toEqual([
      'served',
      undefined,
      'served',
    ]);
    await fetch('huge', served(20_001));
    expect(cache.peek({ name: 'huge', transport: 'tftp' })).toBeUndefined();
  });

  it.each<[string, Resolution]>([
    ['a retry', { kind: 'retry', reason: 'search', trace }],
    ['a refusal', { kind: 'refused', reason: 'policy', trace }],
    ['what is not to be repeated', served(1, 0)],
    [
      'a file that is streamed',
      {
        kind: 'served',
        content: { kind: 'file', path: '/x', identity: { device: 1, inode: 1, size: 1, mtimeMs: 1 } },
        by: 'local',
        freshForMs: 1_000,
        trace,
      },
    ],
  ])('does not keep %s', async (_, resolution) => {
    const { cache, fetch } = setUp();
    expect(await fetch('a', resolution)).toBe(resolution);
    expect(cache.peek({ name: 'a', transport: 'tftp' })).toBeUndefined();
  });
});

describe('an answer that depends on who asked', () => {
  const mine = { ...served(10), requesterOnly: true };

  it('is given to nobody who waits for the same name', async () => {
    const { asked, get, answer } = setUp();
    const [first, second] = [get('ITLFile.tlv'), get('ITLFile.tlv')];
    expect(asked).toHaveLength(1);
    answer(mine);
    expect(await first).toBe(mine);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    const other = { ...served(20), requesterOnly: true };
    answer(other);
    expect(await second).toBe(other);
  });

  it('is not repeated from memory, a not-found neither', async () => {
    const { cache, fetch } = setUp();
    await fetch('ITLFile.tlv', mine);
    await fetch('CTLFile.tlv', { ...notFound, requesterOnly: true });
    expect(cache.peek({ name: 'ITLFile.tlv', transport: 'tftp' })).toBeUndefined();
    expect(cache.peek({ name: 'CTLFile.tlv', transport: 'tftp' })).toBeUndefined();
  });

  it('a request with a hop mark neither joins nor is joined', async () => {
    const { cache, asked, get, answer } = setUp();
    const plain = get('a');
    const marked = cache.resolve({ name: 'a', transport: 'http', address: '127.0.0.2', port: 1, hop: 'x' });
    expect(asked).toHaveLength(2);
    answer(served(1));
    answer(notFound);
    expect((await plain).kind).toBe('served');
    expect((await marked).kind).toBe('not-found');
  });
});
