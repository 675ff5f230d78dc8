/** One belief of what several nodes heard: never less than a phone that went between them may hold. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BeliefSets,
  nothing,
  pairKey,
  taking,
  unknown,
  type PairKey,
} from '../../../../src/core/trust/belief.ts';
import type { Delivery } from '../../../../src/core/trust/belief-book.ts';
import { deliveriesPerDeviceMax, nodeClockSkewMs } from '../../../../src/base/limits.ts';
import {
  keptByHandshake,
  setAfterHandshake,
  undecidedSince,
  type Explanation,
  type Handshake,
  type ShownServer,
} from '../../../../src/core/trust/handshake.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import type { StoredBelief } from '../../../../src/core/trust/belief-store.ts';
import {
  createAfterHandshake,
  createAfterShowing,
  indexBeliefs,
  mergeBeliefs,
  type AfterShowing,
  type AfterShown,
} from '../../../../src/core/trust/merge-beliefs.ts';
import type { ExplainsBelief } from '../../../../src/core/trust/set-after-showing.ts';
import { setAfterShowing } from '../../../../src/core/trust/set-after-showing.ts';
import { openToolCertificate } from '../../../helpers/open-tool-signers.ts';

const phone = 'SEP000000000001';
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

function belief(more: Partial<StoredBelief>): StoredBelief {
  return {
    name: phone,
    pairs: [unknown],
    address: '10.0.0.1',
    heardMs: 1,
    deliveries: [],
    provedMs: undefined,
    unansweredConfigs: 0,
    gap: 0,
    ...more,
  };
}

function delivery(kind: 'itl' | 'ctl', sha256: string, sinceMs = 1): Delivery {
  return { kind, sha256, sinceMs, how: 'tcp' };
}

const signer = openToolCertificate('callmanager');
const minute = 60_000;

/** Lists name the signer, or they do not: here those whose hash begins with such a letter do. */
function believing(letters: string): ExplainsBelief {
  return {
    believes: (key) =>
      key === unknown || Array.from(letters).some((letter) => key.includes(letter.repeat(64))),
    narrowed: (key) => key,
    all: () => [],
  };
}

function showing(sets: BeliefSets, letters: string): AfterShowing {
  return createAfterShowing(sets, believing(letters), (of) =>
    of === signer.fingerprint ? signer : undefined,
  );
}

/** The same lists name the server, and the others do not. */
function naming(letters: string) {
  const explains = believing(letters);
  const explain = (key: PairKey): Explanation =>
    key === unknown ? 'open' : explains.believes(key, signer) ? 'names' : 'none';
  return { explain, all: () => [] };
}

function shown(sets: BeliefSets, letters: string): AfterShown {
  const by = naming(letters);
  return {
    showing: showing(sets, letters),
    handshake: (set, { service }) => keptByHandshake(sets, set, service, by),
  };
}

interface Node {
  readonly devices?: readonly StoredBelief[];
  readonly gaps?: readonly PairKey[];
  readonly gapMs?: number;
}

function merged(...nodes: readonly Node[]) {
  const sets = new BeliefSets();
  const indexed = nodes.map(({ devices = [], gaps = [], gapMs = 1 }) =>
    indexBeliefs({ devices, gaps: gaps.map((key, at) => ({ number: at + 1, atMs: gapMs, pairs: [key] })) }),
  );
  const { set, ...rest } = mergeBeliefs(sets, indexed, phone, shown(sets, 'a'));
  return { pairs: sets.pairs(set), ...rest };
}

describe('of several nodes', () => {
  test('who was heard nowhere may hold what we know nothing of', () => {
    expect(merged({}, {})).toMatchObject({ pairs: [unknown], heardMs: 0 });
  });

  test('one node alone is believed as it is', () => {
    const held = pairKey({ ctl: a, itl: b });
    const one = belief({ pairs: [held], deliveries: [delivery('itl', a)], heardMs: 7, provedMs: 5 });
    expect(merged({ devices: [one] }, {})).toEqual({
      pairs: [held],
      heardMs: 7,
      address: '10.0.0.1',
      deliveries: one.deliveries,
      provedMs: 5,
      showed: undefined,
      handshakes: [],
      unansweredConfigs: 0,
      unanswered: [],
    });
  });

  test('a list that one node gave may stand beside one of the other', () => {
    const first = belief({ pairs: [pairKey({ ctl: a, itl: '' })], deliveries: [delivery('ctl', a)] });
    const second = belief({
      pairs: [pairKey({ ctl: '', itl: b })],
      deliveries: [delivery('itl', b, 2)],
      address: '10.0.0.2',
      heardMs: 2,
    });
    const { pairs, address } = merged({ devices: [first] }, { devices: [second] });
    expect(pairs).toContain(pairKey({ ctl: a, itl: b }));
    expect(address).toBe('10.0.0.2');
  });

  test('what any node missed counts, also for phones that it never heard of', () => {
    const held = pairKey({ ctl: '', itl: a });
    const missed = pairKey({ ctl: '', itl: b });
    expect(
      merged({ devices: [belief({ pairs: [held], gap: 1 })], gaps: [nothing] }, { gaps: [missed] }).pairs,
    ).toEqual([held, missed].toSorted());
  });

  test('whatever a phone took where, its pair is among them', () => {
    const lists = ['1', '2', '3', '4'].map((digit) => digit.repeat(64));
    const taken = fc.record({
      node: fc.constantFrom(0, 1, 2),
      kind: fc.constantFrom('itl' as const, 'ctl' as const),
      sha256: fc.constantFrom(...lists),
      accepted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(taken, { maxLength: 6 }), (history) => {
        let held: PairKey = nothing;
        const sets = new BeliefSets(1_000);
        const nodes = [0, 1, 2].map(() => ({ set: sets.of([nothing]), deliveries: [] as Delivery[] }));
        for (const [at, { node, kind, sha256, accepted }] of history.entries()) {
          const heard = nodes[node];
          if (heard === undefined) continue;
          heard.set = sets.deliver(heard.set, kind, sha256);
          heard.deliveries.push(delivery(kind, sha256, at));
          if (accepted) held = taking(held, kind, sha256);
        }
        const indexed = nodes.map(({ set, deliveries }) =>
          indexBeliefs({ devices: [belief({ pairs: sets.pairs(set), deliveries })], gaps: [] }),
        );
        expect(sets.pairs(mergeBeliefs(sets, indexed, phone, shown(sets, '')).set)).toContain(held);
      }),
      { seed: 10, numRuns: 300 },
    );
  });

  const held = pairKey({ ctl: '', itl: a });
  const old = pairKey({ ctl: '', itl: b });
  const showed = { signer: signer.fingerprint, atMs: 100 * minute };
  /** It showed one node that it believes lists that begin with an a. */
  const believer = belief({ pairs: [held], heardMs: showed.atMs, provedMs: showed.atMs, showed });

  test('what it showed at one node disproves what another one, and a gap, knew before', () => {
    const before = belief({
      pairs: [unknown, old],
      deliveries: [delivery('itl', b, 5)],
      heardMs: 90 * minute,
    });
    const { pairs, ...rest } = merged(
      { devices: [believer] },
      { devices: [{ ...before, deliveries: [{ ...delivery('itl', b, 5), lastMs: 5 }] }], gaps: [old] },
      { gaps: [old] },
    );
    expect(pairs).toEqual([held]);
    expect(rest.showed).toEqual(showed);
  });

  test('what another one heard since, or at the same time by another clock, stays', () => {
    for (const heardMs of [101 * minute, 99 * minute]) {
      const other = belief({ pairs: [old], heardMs });
      expect(merged({ devices: [believer] }, { devices: [other] }).pairs).toContain(old);
    }
    expect(merged({ devices: [believer] }, { gaps: [old], gapMs: 99 * minute }).pairs).toContain(old);
    const given = { ...delivery('itl', b, 5), lastMs: 101 * minute };
    const first = { ...believer, deliveries: [given] };
    expect(merged({ devices: [first] }, { devices: [belief({ heardMs: 1 })] }).pairs).toContain(old);
    // Of an older program: nobody knows when it was given last.
    const undated = { ...believer, deliveries: [delivery('itl', b, 5)] };
    expect(merged({ devices: [undated] }, { devices: [belief({ heardMs: 1 })] }).pairs).toContain(old);
  });

  test('a signer that nobody knows any more disproves nothing', () => {
    const stranger = { ...believer, showed: { signer: 'ff', atMs: showed.atMs } };
    expect(merged({ devices: [stranger] }, { devices: [belief({ pairs: [old] })] }).pairs).toContain(old);
  });

  test('the last of several showings counts', () => {
    const earlier = belief({ pairs: [old], heardMs: 10, showed: { signer: 'ff', atMs: 10 } });
    expect(merged({ devices: [earlier] }, { devices: [believer] })).toMatchObject({ pairs: [held], showed });
  });

  const server = 'ee'.repeat(32);
  const handshake = { service: 'tvs', server, atMs: 100 * minute } as const;
  const shook = belief({ pairs: [held], heardMs: 1, handshakes: [handshake] });
  const before = { pairs: [unknown, old], heardMs: 1, deliveries: [{ ...delivery('itl', b, 5), lastMs: 5 }] };

  test('a handshake with one node disproves what another one knew before', () => {
    const { pairs, ...rest } = merged({ devices: [shook] }, { devices: [belief(before)], gaps: [old] });
    expect(pairs).toEqual([held]);
    expect(rest).toMatchObject({ handshakes: [handshake], showed: undefined });
  });

  test('but not what it was given since, or a moment before, by whatever clock', () => {
    const sinceMs = undecidedSince(handshake) - nodeClockSkewMs;
    const given = (lastMs: number) => {
      const other = belief({ ...before, deliveries: [{ ...delivery('itl', b, 5), lastMs }] });
      return merged({ devices: [shook] }, { devices: [other] }).pairs;
    };
    expect(given(sinceMs)).toContain(old);
    expect(given(sinceMs - 1)).toEqual([held]);
    const heard = (heardMs: number) =>
      merged({ devices: [shook] }, { devices: [belief({ ...before, heardMs })] }).pairs;
    expect(heard(sinceMs)).toContain(old);
    expect(heard(sinceMs - 1)).toEqual([held]);
    expect(merged({ devices: [shook] }, { gaps: [old], gapMs: sinceMs }).pairs).toContain(old);
  });

  test('nor where so many lists were given that one may be forgotten', () => {
    const many = Array.from({ length: deliveriesPerDeviceMax }, (_, at) => ({
      ...delivery('itl', `${at}`.repeat(64)),
      lastMs: handshake.atMs,
    }));
    const { pairs } = merged(
      { devices: [shook] },
      { devices: [belief(before)] },
      { devices: [belief({ pairs: [held], deliveries: many })] },
    );
    expect(pairs).toContain(old);
  });

  test('the last one with each kind of server counts, and one node alone is believed as it is', () => {
    const files = { service: 'https', server, atMs: 50 * minute } as const;
    const first = belief({ pairs: [held], handshakes: [files, { ...handshake, atMs: 40 * minute }] });
    const { handshakes } = merged({ devices: [first] }, { devices: [shook] });
    expect(handshakes).toEqual([handshake, files]);
    const alone = merged({ devices: [{ ...shook, pairs: [held, old] }] });
    expect(alone.pairs).toEqual([held, old].toSorted());
  });

  test('a server that nobody knows any more says nothing; one that is known is looked up once', () => {
    const sets = new BeliefSets();
    const library = new ListLibrary(createVerifier(), []);
    let looked = 0;
    const find = ({ service }: Handshake): ShownServer | undefined => {
      looked++;
      return service === 'https' ? undefined : { service, certificate: signer, silentTvs: new Set() };
    };
    const after = createAfterHandshake(sets, library, find);
    const set = sets.of([nothing, unknown]);
    expect([after(set, handshake), after(set, handshake)]).toEqual([set, set]);
    expect(after(set, { ...handshake, service: 'https' })).toBe(set);
    expect(looked).toBe(2);
    expect(after(set, { ...handshake, server: 'dd' })).toBe(set);
    expect(looked).toBe(3);
  });

  test('whatever it took where, and showed where, its pair is among them; clocks differ by half a minute', () => {
    const lists = ['1', '2', '3', '4'].map((digit) => digit.repeat(64));
    const explains = believing('13');
    const boot = fc.record({
      node: fc.constantFrom(0, 1, 2),
      given: fc.array(
        fc.record({
          kind: fc.constantFrom('itl' as const, 'ctl' as const),
          sha256: fc.constantFrom(...lists),
          accepted: fc.boolean(),
        }),
        { maxLength: 2 },
      ),
      shows: fc.boolean(),
      shakes: fc.boolean(),
      minutes: fc.constantFrom(1, 2, 10),
    });
    let showings = 0;
    fc.assert(
      fc.property(fc.array(boot, { maxLength: 7 }), (history) => {
        const sets = new BeliefSets(1_000);
        const rows: (StoredBelief | undefined)[] = [undefined, undefined, undefined];
        let actual: PairKey = nothing;
        let trueMs = 1_000 * minute;
        for (const { node, given, shows, shakes, minutes } of history) {
          trueMs += minutes * minute;
          const nowMs = trueMs + (node - 1) * (minute / 2);
          let row = { ...(rows[node] ?? belief({ pairs: [unknown, nothing] })), heardMs: nowMs };
          let set = sets.of(row.pairs);
          for (const { kind, sha256, accepted } of given) {
            set = sets.deliver(set, kind, sha256);
            const known = row.deliveries.find((each) => each.sha256 === sha256 && each.kind === kind);
            const others = row.deliveries.filter((each) => each !== known);
            const dated = { ...(known ?? delivery(kind, sha256, nowMs)), lastMs: nowMs };
            row = { ...row, deliveries: [...others, dated] };
            if (accepted) actual = taking(actual, kind, sha256);
          }
          if (shows && explains.believes(actual, signer)) {
            showings++;
            set = setAfterShowing(sets, set, explains, signer);
            row = { ...row, showed: { signer: signer.fingerprint, atMs: nowMs } };
          }
          if (shakes && explains.believes(actual, signer)) {
            const made: Handshake = { service: 'tvs', server, atMs: nowMs };
            const known = { set, deliveries: row.deliveries };
            set = setAfterHandshake(sets, known, [], made, naming('13'));
            row = { ...row, handshakes: [made] };
          }
          rows[node] = { ...row, pairs: sets.pairs(set) };
        }
        const indexed = rows.map((row) =>
          indexBeliefs({ devices: row === undefined ? [] : [row], gaps: [] }),
        );
        const after = { ...shown(sets, '13'), showing: createAfterShowing(sets, explains, () => signer) };
        const { set } = mergeBeliefs(sets, indexed, phone, after);
        if (rows.some((row) => row !== undefined)) expect(sets.pairs(set)).toContain(actual);
      }),
      { seed: 11, numRuns: 1_000 },
    );
    expect(showings).toBeGreaterThan(300);
  });
});
