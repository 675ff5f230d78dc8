import { describe, expect, it } from 'vitest';
import type { PublishedList } from '../../../../src/core/cluster/model.ts';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { anyOfOurs, BeliefSets, unknown } from '../../../../src/core/trust/belief.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import { paperConfig } from '../../../../src/core/trust/paper.ts';
import {
  planStranding,
  RoadFinder,
  type FieldGroup,
  type Served,
} from '../../../../src/core/trust/strand.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, b, ctlRecords, itlRecords, type TestCluster } from '../../../helpers/clusters.ts';
import { now, trustList } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();

function facts(of: TestCluster['sast']): CertificateFacts {
  const read = crypto.readCertificate(of.der);
  if (read === undefined) throw new Error('no certificate');
  return read;
}

/** A list of cluster `of`, signed by cluster `by`'s SAST. */
function list(kind: 'itl' | 'ctl', generation: number, of: TestCluster, by: TestCluster = of): PublishedList {
  const records = kind === 'itl' ? itlRecords(of) : ctlRecords(of);
  const bytes = trustList({
    by: by.sast,
    as: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv',
    timestamp: now + generation,
    records,
  });
  return {
    generation,
    kind,
    node: 'n',
    bytes,
    signer: facts(by.sast).fingerprint,
    sha256: Buffer.from(crypto.digest('sha256', bytes)).toString('hex'),
    timestamp: now + generation,
    publishedMs: 0,
  };
}

const silent: Served['tvs'] = () => ({ kind: 'unreachable' });

async function served(lists: readonly PublishedList[], signer: TestCluster['sast']): Promise<Served> {
  const file = (kind: 'itl' | 'ctl'): Served['itl'] => {
    const found = lists.find((each) => each.kind === kind);
    return found && { name: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv', bytes: found.bytes };
  };
  return {
    itl: file('itl'),
    ctl: file('ctl'),
    config: await paperConfig(facts(signer), 'sha1'),
    tvs: silent,
  };
}

const itlA = list('itl', 1, a);
const ctlA = list('ctl', 1, a);
const itlB = list('itl', 2, b);
const library = new ListLibrary(crypto, [itlA, ctlA, itlB]);
const key = (ctl: PublishedList | undefined, itl: PublishedList | undefined): string =>
  `${ctl?.sha256 ?? ''}/${itl?.sha256 ?? ''}`;

describe('the planner', () => {
  it('names where the signer is found, and that new lists come first', async () => {
    const withA = await served([itlA, ctlA], a.callmanager);
    const finder = new RoadFinder(crypto, library, { before: withA, after: withA });
    expect(finder.verdict(key(ctlA, itlA))).toMatchObject({
      before: [{ path: 'CTL', afterLists: false }],
      stranded: false,
      lost: false,
    });
    expect(finder.verdict(key(undefined, undefined)).before).toEqual([{ path: 'CTL', afterLists: false }]);
    const alone = await served([itlA], a.callmanager);
    expect(
      new RoadFinder(crypto, library, { before: alone, after: alone }).verdict(key(undefined, itlA)).before,
    ).toEqual([{ path: 'ITL', afterLists: false }]);
  });

  it('strands a phone whose lists know neither the new signer nor who signs the new lists', async () => {
    const finder = new RoadFinder(crypto, library, {
      before: await served([itlA], a.callmanager),
      after: await served([itlB], b.callmanager),
    });
    expect(finder.verdict(key(undefined, itlA))).toMatchObject({ stranded: true, after: [{ path: 'none' }] });
    expect(finder.verdict(key(undefined, itlB))).toMatchObject({ stranded: false, lost: false });
    expect(finder.verdict(key(undefined, undefined))).toMatchObject({ stranded: false });
  });

  it('strands nobody who is led there by a list that the old signer signed', async () => {
    const bridge = list('itl', 3, b, a);
    const wide: PublishedList = {
      ...bridge,
      bytes: trustList({
        by: a.sast,
        as: 'ITLFile.tlv',
        timestamp: now + 3,
        records: [...itlRecords(b), ...itlRecords(a).slice(0, 1)],
      }),
    };
    const finder = new RoadFinder(crypto, library, {
      before: await served([itlA], a.callmanager),
      after: await served([wide], b.callmanager),
    });
    expect(finder.verdict(key(undefined, itlA))).toMatchObject({
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
    const verdict = finder.verdict(key(ctlA, itlB));
    expect(verdict.before).toEqual([{ path: 'CTL', afterLists: false }]);
    expect(verdict.after.map(({ path }) => path).toSorted()).toEqual(['ITL', 'none']);
    expect(verdict.stranded).toBe(true);
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
    const verdict = new RoadFinder(crypto, library, { before, after }).verdict(key(undefined, itlA));
    expect(verdict).toMatchObject({ stranded: true, after: [{ path: 'TVS' }] });
    const gone = new RoadFinder(crypto, library, { before: after, after: await served([], b.callmanager) });
    expect(gone.verdict(key(undefined, itlA))).toMatchObject({ stranded: true, lost: false });
    const stays = new RoadFinder(crypto, library, { before: after, after });
    expect(stays.verdict(key(undefined, itlA))).toMatchObject({ stranded: false, lost: false });
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
        { pairs: [key(undefined, itlA), unknown], phones: [phone('A1', 9), phone('A0', 1)] },
        { pairs: [key(undefined, itlB), unknown], phones: [phone('U', 9)] },
        { pairs: [key(undefined, itlB)], phones: [phone('S', 9), phone('O', 4)] },
        { pairs: [anyOfOurs], phones: [phone('W', 9)] },
        { pairs: ['gone/'], phones: [phone('X', 9)] },
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

  it('tells phones that had no path before from phones that lose it', async () => {
    const withB = await served([itlB], b.callmanager);
    const finder = new RoadFinder(crypto, library, { before: withB, after: withB });
    const report = planStranding(
      finder,
      library,
      [{ pairs: [key(undefined, itlA)], phones: [{ name: 'L', heardMs: 9 }] }],
      5,
    );
    expect(report).toMatchObject({ stranded: [], lost: ['L'] });
  });

  it('judges 100,000 phones over 50 generations in less than 2 s', async () => {
    const generations = Array.from({ length: 50 }, (_, at) => [
      list('itl', at + 10, a),
      list('ctl', at + 10, a),
    ]);
    const all = generations.flat();
    const many = new ListLibrary(createVerifier(), all);
    const sets = new BeliefSets();
    const phones = Array.from({ length: 100_000 }, (_, number) => {
      // Each missed some generations, and took half of one here and there.
      let set = sets.first;
      for (let step = 0; step < 4; step++) {
        const [itl, ctl] = generations[(number * 7 + step * 11) % 50] ?? [];
        if (ctl !== undefined && number % 3 !== step) set = sets.deliver(set, 'ctl', ctl.sha256);
        if (itl !== undefined) set = sets.deliver(set, 'itl', itl.sha256);
      }
      return { name: `SEP${number}`, heardMs: number, set };
    });
    const last = all.slice(-2);
    const before = await served(last, a.callmanager);
    const start = process.cpuUsage();
    const groups = new Map<number, FieldGroup & { phones: { name: string; heardMs: number }[] }>();
    for (const phone of phones) {
      const group = groups.get(phone.set) ?? { pairs: sets.pairs(phone.set), phones: [] };
      group.phones.push(phone);
      groups.set(phone.set, group);
    }
    const finder = new RoadFinder(createVerifier(), many, {
      before,
      after: await served(last, b.callmanager),
    });
    const report = planStranding(finder, many, [...groups.values()], 0);
    const { user, system } = process.cpuUsage(start);
    // Time of the processor: on a machine that does other things too, it is what the plan costs.
    const tookMs = (user + system) / 1000;
    expect(report.stranded).toHaveLength(100_000);
    console.info(`100,000 phones, ${report.pairs.length} pairs: ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(2_000);
  }, 60_000);
});
