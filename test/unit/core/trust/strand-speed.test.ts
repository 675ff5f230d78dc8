/** How long a plan takes (the verdict for 100,000 phones and 50 generations in less than 2 s). */
import { expect, it } from 'vitest';
import { BeliefSets } from '../../../../src/core/trust/belief.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import { planStranding, RoadFinder, type FieldGroup } from '../../../../src/core/trust/strand.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, b } from '../../../helpers/clusters.ts';
import { list, served } from '../../../helpers/strand-lists.ts';

it('judges 100,000 phones over 50 generations, in thousands of distinct sets, in less than 2 s', async () => {
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
    const life = number % 5_000;
    for (let step = 0; step < 4; step++) {
      const [itl, ctl] = generations[(life * 7 + step * (11 + Math.floor(life / 50))) % 50] ?? [];
      if (ctl !== undefined && life % 3 !== step) set = sets.deliver(set, 'ctl', ctl.sha256);
      if (itl !== undefined) set = sets.deliver(set, 'itl', itl.sha256);
    }
    return { name: `SEP${number}`, heardMs: number, set };
  });
  const last = all.slice(-2);
  const before = await served(last, a.callmanager);
  const after = await served(last, b.callmanager);
  // The second time the engine has compiled it: a machine that does ten other things compiles for long.
  const runs = [1, 2].map(() => {
    const [start, startMs] = [process.cpuUsage(), performance.now()];
    const groups = new Map<number, FieldGroup & { phones: { name: string; heardMs: number }[] }>();
    for (const phone of phones) {
      const group = groups.get(phone.set) ?? { pairs: sets.pairs(phone.set), readsSha512: true, phones: [] };
      group.phones.push(phone);
      groups.set(phone.set, group);
    }
    const finder = new RoadFinder(createVerifier(), many, { before, after });
    const report = planStranding(finder, many, [...groups.values()], 0);
    const elapsedMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(start);
    const cpuMs = (user + system) / 1000;
    expect(report.stranded).toHaveLength(100_000);
    expect(groups.size).toBeGreaterThan(2_000);
    console.info(
      `100,000 phones, ${groups.size} sets, ${report.pairs.length} pairs: ${Math.round(elapsedMs)} ms elapsed, ${Math.round(cpuMs)} ms of the processor`,
    );
    return cpuMs;
  });
  expect(Math.min(...runs)).toBeLessThan(2_000);
}, 60_000);
