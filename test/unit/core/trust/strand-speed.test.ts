/** How long a plan takes (the verdict for 100,000 phones and 50 generations in less than 2 s). */
import { expect, it } from 'vitest';
import { BeliefSets } from '../../../../src/core/trust/belief.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import { planStranding, RoadFinder, type FieldGroup } from '../../../../src/core/trust/strand.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, b } from '../../../helpers/clusters.ts';
import { list, served } from '../../../helpers/strand-lists.ts';

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
    const group = groups.get(phone.set) ?? { pairs: sets.pairs(phone.set), readsSha512: false, phones: [] };
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
