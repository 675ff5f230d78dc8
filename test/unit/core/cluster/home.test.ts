import { describe, expect, it } from 'vitest';
import { homeRememberedMs, nowhereNamesMax, nowhereRememberedMs } from '../../../../src/base/limits.ts';
import { HomeMemory } from '../../../../src/core/cluster/home-memory.ts';
import {
  decideHome,
  describeHome,
  type HomeDecision,
  type HomeFacts,
  type SettledHome,
} from '../../../../src/core/cluster/home.ts';
import type { RemoteClaim } from '../../../../src/core/cluster/remote.ts';

const now = 10_000_000;
const here: SettledHome = { kind: 'here' };
const nowhere: SettledHome = { kind: 'nowhere' };
const at = (cluster: string): SettledHome => ({ kind: 'remote', cluster });
type Claims = Readonly<Record<string, RemoteClaim>>;

function decide(facts: Partial<Omit<HomeFacts, 'claims'>> & { readonly claims?: Claims }): HomeDecision {
  return decideHome({
    local: false,
    remotes: ['a', 'b'],
    remembered: undefined,
    nowMs: now,
    ...facts,
    claims: new Map(Object.entries(facts.claims ?? {})),
  });
}

/** `ask a,b`, or the home, with `!` where it is to be remembered. */
function words(decision: HomeDecision): string {
  if (decision.kind === 'ask') return `ask ${decision.among.join(',')}`;
  return `${decision.home.kind === 'unsettled' ? 'unsettled' : describeHome(decision.home)}${decision.remember ? '!' : ''}`;
}

const ago = (home: SettledHome, ageMs: number) => ({ home, confirmedMs: now - ageMs });
const fresh = homeRememberedMs - 1;
const old = homeRememberedMs;

describe('home of a device (design.md §3)', () => {
  it.each<[string, Parameters<typeof decide>[0], string]>([
    ['no remotes, ours', { remotes: [], local: true }, 'here!'],
    ['no remotes, not ours', { remotes: [] }, 'nowhere!'],
    ['ours: nobody is asked', { local: true }, 'here!'],
    ['unknown: everybody is asked', {}, 'ask a,b'],
    ['one has it, the other is silent', { claims: { a: 'silent', b: 'have' } }, 'remote(b)!'],
    ['two have it: the order of the clusters', { claims: { a: 'have', b: 'have' } }, 'remote(a)!'],
    ['all said not-found', { claims: { a: 'not-found', b: 'not-found' } }, 'nowhere!'],
    ['one is silent: nobody knows', { claims: { a: 'not-found', b: 'silent' } }, 'unsettled'],
    ['remembered: nobody is asked', { remembered: ago(at('b'), fresh) }, 'remote(b)'],
    ['remembered wins over ours', { remembered: ago(at('b'), fresh), local: true }, 'remote(b)'],
    [
      'remembered wins over another that has it',
      { remembered: ago(at('b'), old), claims: { a: 'have', b: 'have' } },
      'remote(b)!',
    ],
    [
      'remembered, fresh and silent: known, only not to be had',
      { remembered: ago(at('b'), fresh), claims: { b: 'silent' } },
      'remote(b)',
    ],
    ['remembered too long ago: it is asked first', { remembered: ago(at('b'), old) }, 'ask b'],
    ['… and it still has it', { remembered: ago(at('b'), old), claims: { b: 'have' } }, 'remote(b)!'],
    [
      '… it is silent: the others are asked',
      { remembered: ago(at('b'), old), claims: { b: 'silent' } },
      'ask a',
    ],
    ['… another has it', { remembered: ago(at('b'), old), claims: { b: 'silent', a: 'have' } }, 'remote(a)!'],
    [
      '… no other has it: nobody knows',
      { remembered: ago(at('b'), old), claims: { b: 'silent', a: 'not-found' } },
      'unsettled',
    ],
    [
      'remembered says not-found: the others',
      { remembered: ago(at('b'), fresh), claims: { b: 'not-found' } },
      'ask a',
    ],
    [
      '… another has it: it moved',
      { remembered: ago(at('b'), fresh), claims: { b: 'not-found', a: 'have' } },
      'remote(a)!',
    ],
    [
      '… it is ours now',
      { remembered: ago(at('b'), fresh), claims: { b: 'not-found' }, local: true },
      'here!',
    ],
    [
      '… nobody has it',
      { remembered: ago(at('b'), fresh), claims: { b: 'not-found', a: 'not-found' } },
      'nowhere!',
    ],
    ['a cluster that was removed is nobody’s home', { remembered: ago(at('gone'), 0) }, 'ask a,b'],
    ['moved here, and not here', { remembered: ago(here, 0) }, 'ask a,b'],
    ['nowhere a moment ago', { remembered: ago(nowhere, nowhereRememberedMs - 1) }, 'nowhere'],
    ['nowhere a while ago', { remembered: ago(nowhere, nowhereRememberedMs) }, 'ask a,b'],
    ['nowhere a moment ago, and ours now', { remembered: ago(nowhere, 0), local: true }, 'here!'],
  ])('%s', (_, facts, expected) => {
    expect(words(decide(facts))).toBe(expected);
  });

  it('holds its rules in every state', () => {
    const claims: (RemoteClaim | undefined)[] = [undefined, 'have', 'not-found', 'silent'];
    const memories = [
      undefined,
      ago(here, 0),
      ...[0, fresh, old].flatMap((age) => [ago(at('a'), age), ago(at('b'), age), ago(nowhere, age)]),
    ];
    let states = 0;
    for (const local of [false, true])
      for (const remembered of memories)
        for (const a of claims)
          for (const b of claims) {
            states++;
            const given: Claims = { ...(a && { a }), ...(b && { b }) };
            const decision = decide({ local, remembered, claims: given });
            const state = JSON.stringify({ local, remembered, given, decision });
            if (decision.kind === 'ask') {
              // Progress: nobody is asked twice, so a home comes out.
              expect(decision.among.length, state).toBeGreaterThan(0);
              for (const id of decision.among) expect(given[id], state).toBeUndefined();
              continue;
            }
            const { home, remember } = decision;
            const all = [a, b];
            if (home.kind === 'nowhere') {
              const shortly =
                remembered?.home.kind === 'nowhere' && now - remembered.confirmedMs < nowhereRememberedMs;
              expect(all.every((claim) => claim === 'not-found') || shortly, state).toBe(true);
              expect(local, state).toBe(false);
            }
            if (home.kind === 'here') expect(local, state).toBe(true);
            if (home.kind === 'remote') expect(given[home.cluster], state).not.toBe('not-found');
            if (remember?.kind === 'remote') expect(given[remember.cluster], state).toBe('have');
            const had = remembered?.home.kind === 'remote' ? remembered.home.cluster : undefined;
            if (had !== undefined && given[had] === 'have') expect(home, state).toEqual(at(had));
          }
    expect(states).toBe(2 * 11 * 16);
  });
});

describe('memory of homes', () => {
  it('is not pushed out by names that nobody has', () => {
    const memory = new HomeMemory();
    memory.set('SEP001122334455', at('a'), now);
    for (let i = 0; i < 3 * nowhereNamesMax; i++) memory.set(`SEP${i}`, nowhere, now);
    expect(memory.get('SEP001122334455')).toEqual({ home: at('a'), confirmedMs: now });
    expect(memory.get('SEP0')).toBeUndefined();
  });

  it('gives the later of two', () => {
    const memory = new HomeMemory();
    memory.set('SEP1', at('a'), 1);
    memory.set('SEP1', nowhere, 2);
    expect(memory.get('SEP1')?.home).toEqual(nowhere);
    memory.set('SEP1', at('b'), 3);
    expect(memory.get('SEP1')?.home).toEqual(at('b'));
  });
});
