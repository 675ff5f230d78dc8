/**
 * The resolution chain (design.md §2): the order of the links stands here and nowhere else.
 * A link that throws does not stop the server: the asker is told to come back, the event says why.
 */
import type { EventSink } from '../base/events.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { FileRequest, Resolution, TraceStep } from '../core/files/resolution.ts';
import type { Resolver } from '../core/ports.ts';
import { notFound } from './link.ts';
import type { Answer, Link, Lookup } from './link.ts';

/**
 * From the asker to the disk. `guard` is the parsing of the name and always there; the byte cache stands in front
 * of the chain, at the edge (byte-cache.ts). A place without a link is passed over.
 */
export const chainOrder = [
  'origin',
  'trust-list',
  'encrypted',
  'unsigned-over-tls',
  'signed',
  'clear-config',
  'device-config',
  'local',
] as const;

export type ChainPlace = (typeof chainOrder)[number];

export function createChain(options: {
  readonly links: Partial<Record<ChainPlace, Link>>;
  readonly onEvent: EventSink;
}): Resolver {
  const links = chainOrder.flatMap((place) => options.links[place] ?? []);

  const ask = async (index: number, lookup: Lookup): Promise<Answer> => {
    const link = links[index];
    if (link === undefined) return notFound;
    try {
      return await link.answer(lookup, (next) => ask(index + 1, next));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.onEvent({ type: 'link-failed', link: link.name, name: lookup.name.asked, reason });
      lookup.trace.push({ link: link.name, name: lookup.name.asked, verdict: `failed: ${reason}` });
      return { kind: 'retry', reason: `${link.name} failed` };
    }
  };

  return {
    async resolve(request) {
      const trace: TraceStep[] = [];
      const answer = await guard(request, trace, (lookup) => ask(0, lookup));
      return withTrace(answer, trace);
    },
  };
}

/**
 * A name outside the grammar is answered as unknown, and after the same work: a name that nobody can have asked
 * for (it starts with a dot) goes down in its place, so that neither time nor system calls tell the two apart.
 */
async function guard(
  request: FileRequest,
  trace: TraceStep[],
  below: (lookup: Lookup) => Promise<Answer>,
): Promise<Answer> {
  const name = parseFileName(request.name);
  if (name.ok) {
    trace.push({
      link: 'guard',
      name: request.name,
      verdict: `${name.value.kind}${signedMark(name.value.signed)}`,
    });
    return below({ request, name: name.value, exact: false, trace });
  }
  trace.push({ link: 'guard', name: request.name, verdict: `rejected: ${name.error}` });
  await below({ request, name: decoy, exact: false, trace: [] });
  return notFound;
}

const decoy = {
  asked: '.rejected',
  kind: 'other',
  device: undefined,
  signed: false,
  base: '.rejected',
  segments: ['.rejected'],
} as const;

function signedMark(signed: boolean): string {
  return signed ? ', signed' : '';
}

function withTrace(answer: Answer, trace: readonly TraceStep[]): Resolution {
  const whom = answer.requesterOnly === true ? { requesterOnly: true } : {};
  switch (answer.kind) {
    case 'served': {
      const { content, by } = answer;
      // The packet engine keeps by name what is fresh: what is for one only never is.
      const freshForMs = answer.requesterOnly === true ? 0 : answer.freshForMs;
      return { kind: 'served', content, by, freshForMs, trace, ...whom };
    }
    case 'not-found':
      return { kind: 'not-found', trace, ...whom };
    case 'refused':
    case 'retry':
      return { kind: answer.kind, reason: answer.reason, trace, ...whom };
  }
}
