import { describe, expect, it } from 'vitest';
import type { PublishedList } from '../../../../src/core/cluster/model.ts';
import { anyOfOurs, unknown } from '../../../../src/core/trust/belief.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import {
  atEveryNode,
  planStranding,
  RoadFinder,
  type FieldGroup,
  type Served,
} from '../../../../src/core/trust/strand.ts';
import { a, b, itlRecords, role } from '../../../helpers/clusters.ts';
import { crypto, list, served } from '../../../helpers/strand-lists.ts';
import { now, record, trustList } from '../../../helpers/trust-builder.ts';

const itlA = list('itl', 1, a);
const ctlA = list('ctl', 1, a);
const itlB = list('itl', 2, b);
const library = new ListLibrary(crypto, [itlA, ctlA, itlB]);
const key = (ctl: PublishedList | undefined, itl: PublishedList | undefined): string =>
  `${ctl?.sha256 ?? ''}/${itl?.sha256 ?? ''}`;

const sastRecords = [a.sast, a.callmanager].map((of) => record({ role: role.sast, of }));

describe('the planner', () => {
  it('names where the signer is found, and that new lists come first', async () => {
    const withA = await served([itlA, ctlA], a.callmanager);
    const finder = new RoadFinder(crypto, library, { before: withA, after: withA });
    expect(finder.verdict(key(ctlA, itlA), false)).toMatchObject({
      before: [{ path: 'CTL', afterLists: false }],
      stranded: false,
      lost: false,
    });
    expect(finder.verdict(key(undefined, undefined), false).before).toEqual([
      { path: 'CTL', afterLists: false },
    ]);
    const alone = await served([itlA], a.callmanager);
    expect(
      new RoadFinder(crypto, library, { before: alone, after: alone }).verdict(key(undefined, itlA), false)
        .before,
    ).toEqual([{ path: 'ITL', afterLists: false }]);
  });

  it('strands a phone whose lists know neither the new signer nor who signs the new lists', async () => {
    const finder = new RoadFinder(crypto, library, {
      before: await served([itlA], a.callmanager),
      after: await served([itlB], b.callmanager),
    });
    expect(finder.verdict(key(undefined, itlA), false)).toMatchObject({
      stranded: true,
      after: [{ path: 'none' }],
    });
    expect(finder.verdict(key(undefined, itlB), false)).toMatchObject({ stranded: false, lost: false });
    expect(finder.verdict(key(undefined, undefined), false)).toMatchObject({ stranded: false });
  });

  it('strands nobody who is led there by a list that the old signer signed', async () => {
    const bridge = list('itl', 3, b, a);
    const wide: PublishedList = {
      ...bridge,
      bytes: trustList({
        by: a.sast,
        hash: 'sha1',
        as: 'ITLFile.tlv',
        timestamp: now + 3,
        records: [...itlRecords(b), ...itlRecords(a).slice(0, 1)],
      }),
    };
    const finder = new RoadFinder(crypto, library, {
      before: await served([itlA], a.callmanager),
      after: await served([wide], b.callmanager),
    });
    expect(finder.verdict(key(undefined, itlA), false)).toMatchObject({
      stranded: false,
      after: [{ path: 'ITL', afterLists: true }],
    });
  });

  it('wants a path under both readings: a CTL holder may or may not look into its ITL', async () => {
    const finder = new RoadFinder(crypto, library, {
      before: await served([], a.callmanager),
      after: await served([], b.callmanager),
    });
    // Its CTL names A, its ITL names B: A's signer is safe, B's only if the phone looks into the ITL.
    const verdict = finder.verdict(key(ctlA, itlB), false);
    expect(verdict.before).toEqual([{ path: 'CTL', afterLists: false }]);
    expect(verdict.after.map(({ path }) => path).toSorted()).toEqual(['ITL', 'none']);
    expect(verdict.stranded).toBe(true);
    // Of this one it is known that it looks there.
    expect(finder.verdict(`${key(ctlA, itlB)}+`, false)).toMatchObject({
      after: [{ path: 'ITL' }],
      stranded: false,
    });
  });

  it('a CTL that names no signer of files leaves them to the ITL, under every reading', async () => {
    const records = sastRecords;
    const bytes = trustList({ by: a.sast, as: 'CTLFile.tlv', timestamp: now + 1, records });
    const open = { ...ctlA, bytes, sha256: 'open' };
    const serves = await served([], a.callmanager);
    const finder = new RoadFinder(crypto, new ListLibrary(crypto, [open, itlA]), {
      before: serves,
      after: serves,
    });
    expect(finder.verdict(key(open, itlA), false)).toMatchObject({
      before: [{ path: 'ITL', afterLists: false }],
      stranded: false,
    });
  });

  it('a phone that no list binds takes what it is given, and so does one whose list was prepared for rollback', async () => {
    const serves = await served([], b.callmanager);
    const bytes = trustList({
      by: a.sast,
      as: 'ITLFile.tlv',
      timestamp: now + 1,
      records: sastRecords,
    });
    const empty = { ...itlA, bytes, sha256: 'empty' };
    const finder = new RoadFinder(crypto, new ListLibrary(crypto, [empty]), {
      before: serves,
      after: serves,
    });
    for (const pair of [key(undefined, undefined), key(undefined, empty)])
      expect(finder.verdict(pair, false).after).toEqual([{ path: 'free', afterLists: false }]);
  });

  it('does not rely on the TVS, and says when only it would vouch', async () => {
    const vouching: Served['tvs'] = () => ({
      kind: 'vouched',
      server: a.tvs.der,
      certificate: b.callmanager.der,
      roles: ['TFTP'],
    });
    const before = await served([], a.callmanager);
    const after = { ...(await served([], b.callmanager)), tvs: vouching };
    const verdict = new RoadFinder(crypto, library, { before, after }).verdict(key(undefined, itlA), false);
    expect(verdict).toMatchObject({ stranded: true, after: [{ path: 'TVS' }] });
    const gone = new RoadFinder(crypto, library, { before: after, after: await served([], b.callmanager) });
    expect(gone.verdict(key(undefined, itlA), false)).toMatchObject({ stranded: true, lost: false });
    const stays = new RoadFinder(crypto, library, { before: after, after });
    expect(stays.verdict(key(undefined, itlA), false)).toMatchObject({ stranded: false, lost: false });
    // By its name, where it has one.
    const named = new RoadFinder(crypto, library, { before, after: { ...after, tvsName: 'tvs-a' } });
    expect(named.verdict(key(undefined, itlA), false).after).toStrictEqual([
      { path: 'TVS', afterLists: true, via: 'tvs-a' },
    ]);
    expect(verdict.after).toStrictEqual([{ path: 'TVS', afterLists: true }]);
  });

  it('leads a phone through a boot under every reading that is open for it', async () => {
    const next = list('itl', 2, a, a, 'sha512');
    const both = new ListLibrary(crypto, [itlA, ctlA, next]);
    const finder = new RoadFinder(crypto, both, {
      before: await served([itlA], a.callmanager),
      after: await served([next], a.callmanager, 'sha512'),
    });
    const [old, fresh] = [key(undefined, itlA), key(undefined, next)];
    expect(finder.booted(old, 'after', true)).toEqual([fresh]);
    expect(finder.booted(old, 'after', false).toSorted()).toEqual([old, fresh].toSorted());
    expect(finder.booted(key(ctlA, itlA), 'after', true)).toEqual([key(ctlA, next)]);
    expect(finder.booted(`${key(ctlA, itlA)}+`, 'after', true)).toEqual([`${key(ctlA, next)}+`]);
    const always = await served([itlA], a.callmanager);
    const still = new RoadFinder(crypto, both, { before: always, after: always });
    expect(still.booted(key(undefined, undefined), 'after', false)).toEqual([old]);
  });

  it('counts each phone once: stranded, else unknown, else offline', async () => {
    const finder = new RoadFinder(crypto, library, {
      before: await served([itlA], a.callmanager),
      after: await served([itlB], b.callmanager),
    });
    const phone = (name: string, heardMs: number): FieldGroup['phones'][number] => ({ name, heardMs });
    const report = planStranding(
      finder,
      library,
      [
        {
          pairs: [key(undefined, itlA), unknown],
          readsSha512: true,
          phones: [phone('A1', 9), phone('A0', 1)],
        },
        { pairs: [key(undefined, itlB), unknown], readsSha512: true, phones: [phone('U', 9)] },
        { pairs: [key(undefined, itlB)], readsSha512: true, phones: [phone('S', 9), phone('O', 4)] },
        { pairs: [anyOfOurs], readsSha512: true, phones: [phone('W', 9)] },
        { pairs: ['gone/'], readsSha512: true, phones: [phone('X', 9)] },
      ],
      5,
    );
    expect(report).toMatchObject({
      phones: 7,
      stranded: ['A0', 'A1', 'W'],
      unknown: ['U', 'X'],
      offline: ['O'],
    });
    expect(report.pairs.find((pair) => pair.key === key(undefined, itlB))?.phones).toBe(4);
  });

  it('wants a path for phones that may read SHA-1 alone, of which nobody said that they read SHA-512', async () => {
    const next = list('itl', 2, a, a, 'sha512');
    const both = new ListLibrary(crypto, [itlA, next]);
    const old = await served([itlA], a.callmanager);
    const fresh = await served([next], a.callmanager, 'sha512');
    const finder = new RoadFinder(crypto, both, { before: old, after: fresh });
    const pair = key(undefined, itlA);
    expect(finder.verdict(pair, false)).toMatchObject({
      mayNeedSha1: true,
      before: [{ path: 'ITL', afterLists: false }],
      after: [{ path: 'none' }, { path: 'ITL', afterLists: false }],
      stranded: true,
      lost: false,
    });
    expect(finder.verdict(pair, true)).toMatchObject({
      mayNeedSha1: false,
      after: [{ path: 'ITL', afterLists: false }],
      stranded: false,
    });
    expect(finder.verdict(pair, true)).toBe(finder.verdict(pair, true));
    // Without a list it might take the first one without a look at its signature, and then believe nothing.
    expect(finder.verdict(key(undefined, undefined), false).stranded).toBe(true);
    // Back is a way that every phone goes, and one that missed the way there too.
    const back = new RoadFinder(crypto, both, { before: fresh, after: old });
    expect(back.verdict(pair, false)).toMatchObject({ mayNeedSha1: true, stranded: false, lost: false });
    expect(back.verdict(key(undefined, next), false)).toMatchObject({ stranded: false, lost: false });
    // One hash alone is in no doubt, and one word of SHA-512 is enough.
    const never = new RoadFinder(crypto, both, { before: old, after: old });
    expect(never.verdict(pair, false)).toMatchObject({ mayNeedSha1: false, stranded: false });
    const onlyConfig = { ...old, config: fresh.config };
    expect(
      new RoadFinder(crypto, both, { before: old, after: onlyConfig }).verdict(pair, false).stranded,
    ).toBe(true);
    const onlyList = new RoadFinder(crypto, both, { before: old, after: { ...fresh, config: old.config } });
    expect(onlyList.verdict(pair, false)).toMatchObject({ mayNeedSha1: true, stranded: false });
    const phones = (name: string) => [{ name, heardMs: 9 }];
    const report = planStranding(
      atEveryNode([never, finder]),
      both,
      [
        { pairs: [pair], readsSha512: false, phones: phones('OLD') },
        { pairs: [pair], readsSha512: true, phones: phones('NEW') },
      ],
      5,
    );
    expect(report).toMatchObject({ phones: 2, stranded: ['OLD'], lost: [] });
    expect(report.pairs.map(({ mayNeedSha1, phones: count }) => [mayNeedSha1, count])).toEqual([
      [true, 1],
      [false, 1],
    ]);
  });

  it('counts a pair once, whatever is known of its holders, where it makes no difference', async () => {
    const withA = await served([itlA], a.callmanager);
    const judge = new RoadFinder(crypto, library, { before: withA, after: withA });
    const pairs = [key(undefined, itlA)];
    const report = planStranding(
      atEveryNode([judge, judge]),
      library,
      [true, false].map((readsSha512) => ({ pairs, readsSha512, phones: [{ name: 'P', heardMs: 9 }] })),
      5,
    );
    expect(report.pairs).toMatchObject([{ mayNeedSha1: false, phones: 2 }]);
  });

  it('tells phones that had no path before from phones that lose it', async () => {
    const withB = await served([itlB], b.callmanager);
    const finder = new RoadFinder(crypto, library, { before: withB, after: withB });
    const report = planStranding(
      finder,
      library,
      [{ pairs: [key(undefined, itlA)], readsSha512: true, phones: [{ name: 'L', heardMs: 9 }] }],
      5,
    );
    expect(report).toMatchObject({ stranded: [], lost: ['L'] });
  });

  it('wants a path at every node that a phone may ask', async () => {
    const withA = await served([itlA], a.callmanager);
    const withB = await served([itlB], b.callmanager);
    const stays = new RoadFinder(crypto, library, { before: withA, after: withA });
    const turns = new RoadFinder(crypto, library, { before: withA, after: withB });
    const never = new RoadFinder(crypto, library, { before: withB, after: withB });
    const pair = key(undefined, itlA);
    expect(atEveryNode([stays])).toBe(stays);
    expect(atEveryNode([stays, turns]).verdict(pair, false)).toMatchObject({
      before: [{ path: 'ITL' }],
      after: [{ path: 'ITL' }, { path: 'none' }],
      stranded: true,
      lost: false,
    });
    // Where it never had one it loses none; lost is who has none anywhere.
    const judge = atEveryNode([stays, never]);
    expect(judge.verdict(pair, false)).toMatchObject({ stranded: false, lost: false });
    expect(judge.verdict(pair, false)).toBe(judge.verdict(pair, false));
    expect(atEveryNode([never, never]).verdict(pair, false)).toMatchObject({ stranded: false, lost: true });
  });
});
