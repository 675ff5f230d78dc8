import { expect, it } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import { createChain } from '../../../src/files/chain.ts';
import type { ChainPlace } from '../../../src/files/chain.ts';
import { notFound, note } from '../../../src/files/link.ts';
import type { Answer, Link } from '../../../src/files/link.ts';

const served: Answer = {
  kind: 'served',
  content: { kind: 'memory', bytes: new Uint8Array(1) },
  by: 'local',
  freshForMs: 1,
  modifiedMs: 0,
};

/** A link that leaves a step and passes, or answers. */
function link(name: string, answer?: Answer): Link {
  return {
    name,
    async answer(lookup, below) {
      note(lookup, name, 'asked');
      return answer ?? below(lookup);
    },
  };
}

function resolve(links: Partial<Record<ChainPlace, Link>>, name: string, events: Event[] = []) {
  const chain = createChain({ links, onEvent: (event) => void events.push(event) });
  return chain.resolve({ name, transport: 'tftp', address: '127.0.0.1', port: 1 });
}

it('asks in its own order, whatever the order of the links', async () => {
  const links = { local: link('local', served), signed: link('signed'), 'trust-list': link('trust-list') };
  const resolution = await resolve(links, 'x');
  expect(resolution).toMatchObject({ kind: 'served', by: 'local', freshForMs: 1 });
  expect(resolution.trace.map((step) => step.link)).toEqual(['guard', 'trust-list', 'signed', 'local']);
});

it('is not found when nobody answers', async () => {
  expect((await resolve({ signed: link('signed', notFound), local: link('local') }, 'x')).kind).toBe(
    'not-found',
  );
  expect((await resolve({}, 'x')).kind).toBe('not-found');
});

it('a rejected name is not found, whatever the links would say, and costs what an unknown one costs', async () => {
  const asked: string[] = [];
  const watching: Link = {
    name: 'local',
    async answer(lookup) {
      asked.push(lookup.name.asked);
      return served;
    },
  };
  const resolution = await resolve({ local: watching }, '../x');
  expect(resolution).toEqual({
    kind: 'not-found',
    trace: [{ link: 'guard', name: '../x', verdict: 'rejected: dot-segment' }],
  });
  expect(asked).toEqual(['.rejected']);
});

it('a link that throws is a retry and an event', async () => {
  const events: Event[] = [];
  const broken: Link = {
    name: 'signed',
    answer: () => Promise.reject(new Error('the database is away')),
  };
  const resolution = await resolve({ signed: broken, local: link('local', served) }, 'x', events);
  expect(resolution).toMatchObject({ kind: 'retry', reason: 'signed failed' });
  expect(events).toEqual([
    { type: 'link-failed', link: 'signed', name: 'x', reason: 'the database is away' },
  ]);
});
