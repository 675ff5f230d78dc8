/** The steps of a guided renewal: who is waited for and until when, what each step publishes, and the ways out (design.md §5). */
import { describe, expect, test } from 'vitest';
import {
  abortGuided,
  cutOff,
  nextGuidedStep,
  rotationProgress,
  type GuidedPorts,
} from '../../../src/app/guided-rotation.ts';
import { planOperation, publishOperation, type TrustOperation } from '../../../src/app/trust-operation.ts';
import type { Rotation } from '../../../src/core/cluster/model.ts';
import { believing, did, pairOf, worldOf, type GivenBelief } from '../../helpers/believed-world.ts';
import { given } from '../../helpers/seeded-cluster.ts';
import { firstOf } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const [phone, other] = ['SEP001122330001', 'SEP001122330002'] as const;
const dayMs = 86_400_000;
const asked = { by: 'a test', patienceMs: undefined };

async function begun(nodes: readonly ['n'] | readonly ['n', 'm'] = ['n']): Promise<TrustWorld> {
  const world = worldOf(nodes, [phone]);
  await did(world, 'update-itl');
  return world;
}

async function publish(world: TrustWorld, operation: TrustOperation): Promise<void> {
  const ports = world.ports();
  await publishOperation(ports, operation, await planOperation(ports, operation), 'a test');
  world.nowMs += dayMs;
}

async function operationOf(ports: GuidedPorts): Promise<TrustOperation> {
  const step = await nextGuidedStep(ports, asked);
  if (step.kind !== 'do') throw new Error('phones are waited for');
  return step.operation;
}

const rotationIn = (world: TrustWorld): Rotation | undefined => world.database.rows.rotations[0];
const inUse = (world: TrustWorld): readonly string[] =>
  world.database.rows.certificates
    .filter(
      ({ purpose, node, retiredMs }) => purpose === 'callmanager' && node === 'n' && retiredMs === undefined,
    )
    .map(({ fingerprint }) => fingerprint);

/** It took the lists in force over a connection of its own, and showed as much. */
const came = (world: TrustWorld): GivenBelief => ({
  name: phone,
  pairs: [pairOf(world.lists('n'))],
  deliveries: given(world.lists('n'), 1),
  provedMs: world.nowMs,
});

describe('step by step', () => {
  test('publish both, sign with the new one, retire the old one', async () => {
    const world = await begun();
    const old = firstOf('callmanager', 'n').fingerprint;
    const first = await nextGuidedStep(world.ports(), asked);
    expect(first).toMatchObject({ kind: 'do', last: false });
    await publish(world, await operationOf(world.ports()));
    const [, fresh = ''] = inUse(world);
    const beganMs = world.nowMs - dayMs;
    expect(rotationIn(world)).toEqual({
      purpose: 'callmanager',
      fresh,
      step: 'published',
      stepMs: beganMs,
      untilMs: beganMs + 14 * dayMs,
    });
    expect((await world.signerInUse()).fingerprint).toBe(old);

    expect(await nextGuidedStep(believing(world, came(world)), asked)).toMatchObject({
      kind: 'do',
      last: false,
    });
    await publish(world, await operationOf(believing(world, came(world))));
    expect(rotationIn(world)).toMatchObject({ fresh, step: 'switched', stepMs: world.nowMs - dayMs });
    expect((await world.signerInUse()).fingerprint).toBe(fresh);
    expect(inUse(world)).toEqual([old, fresh]);

    const last = await nextGuidedStep(believing(world, came(world)), asked);
    expect(last).toMatchObject({ kind: 'do', last: true });
    await publish(world, await operationOf(believing(world, came(world))));
    expect(rotationIn(world)).toBeUndefined();
    expect(inUse(world)).toEqual([fresh]);
  });

  test('phones that have not come are waited for until the day, offline ones are not', async () => {
    const world = await begun();
    await publish(world, await operationOf(world.ports()));
    const stays = { name: phone, pairs: ['?'] };
    const step = async (heardMs: number, patienceMs?: number) =>
      (await nextGuidedStep(believing(world, { ...stays, heardMs }), { by: 'a test', patienceMs })).kind;
    expect(await step(world.nowMs)).toBe('wait');
    expect(await step(world.nowMs - 7 * dayMs)).toBe('wait');
    expect(await step(world.nowMs - 7 * dayMs - 1)).toBe('do');
    // Said later, a shorter patience counts from the beginning of the step, which was a day ago; a longer one does not.
    expect(await step(world.nowMs, dayMs + 1)).toBe('wait');
    expect(await step(world.nowMs, dayMs)).toBe('do');
    world.nowMs += 13 * dayMs - 1;
    expect(await step(world.nowMs)).toBe('wait');
    world.nowMs += 1;
    expect(await step(world.nowMs)).toBe('do');
    expect(await step(world.nowMs, 90 * dayMs)).toBe('do');
  });

  test('its progress: who has come, by whose word, who is to come, who is offline', async () => {
    const world = worldOf(['n'], [phone, other]);
    await did(world, 'update-itl');
    expect(await rotationProgress(world.ports())).toEqual([]);
    await publish(world, await operationOf(world.ports()));
    const claims = { name: other, deliveries: given(world.lists('n'), 1, 'single-port') };
    expect(await rotationProgress(believing(world, came(world), claims))).toEqual([
      {
        purpose: 'callmanager',
        step: 'published',
        sinceMs: rotationIn(world)?.stepMs,
        untilMs: rotationIn(world)?.untilMs,
        toCome: [],
        offline: [],
        come: 2,
        claimed: 1,
      },
    ]);
    const away = { name: other, heardMs: world.nowMs - 8 * dayMs };
    expect(await rotationProgress(believing(world, { name: phone }, away))).toMatchObject([
      { toCome: [phone], offline: [other], come: 0, claimed: 0 },
    ]);
    const { rows } = world.database;
    world.database.rows = {
      ...rows,
      rotations: rows.rotations.map((each) => ({ ...each, step: 'switched' as const })),
    };
    const before = { ...came(world), provedMs: 1 };
    expect(await rotationProgress(believing(world, before, away))).toMatchObject([{ come: 1, claimed: 1 }]);
  });
});

describe('of several nodes', () => {
  test('one renews its key at a time, where it lies', async () => {
    const world = await begun(['n', 'm']);
    await publish(world, await operationOf(world.ports()));
    const there = world.ports('m');
    for (const work of [() => nextGuidedStep(there, asked), () => abortGuided(there)])
      await expect(work()).rejects.toMatchObject({
        code: 'refused',
        message: 'a guided renewal of callmanager is under way on the node n',
      });
    // A cut-off does not wait for it, and leaves it as it is.
    const cut = await cutOff(there, 'a test');
    expect(cut.request.change).not.toHaveProperty('rotation');
    expect(cut.newKeys).toHaveLength(1);
  });

  test('a rotation whose certificate is gone is nobody else’s', async () => {
    const world = await begun();
    const { rows } = world.database;
    const gone: Rotation = { purpose: 'callmanager', fresh: 'f', step: 'published', stepMs: 0, untilMs: 0 };
    world.database.rows = { ...rows, rotations: [gone] };
    expect(await nextGuidedStep(world.ports(), asked)).toMatchObject({ kind: 'do' });
    await expect(abortGuided(world.ports())).rejects.toMatchObject({
      code: 'refused',
      message: 'no guided renewal of callmanager is under way',
    });
    world.database.rows = { ...rows, rotations: [{ ...gone, purpose: 'tvs' }] };
    const step = await nextGuidedStep(world.ports(), asked);
    expect(step.kind === 'do' && step.operation.newKeys).toHaveLength(1);
  });
});

describe('the ways out', () => {
  test('abort takes the new key out of the lists; there is none where nothing was begun', async () => {
    const world = await begun();
    await expect(abortGuided(world.ports())).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('begins one') as string,
    });
    const [old] = inUse(world);
    await publish(world, await operationOf(world.ports()));
    await publish(world, await abortGuided(world.ports()));
    expect([inUse(world), rotationIn(world)]).toEqual([[old], undefined]);
  });

  test('a cut-off in the middle of a renewal goes on with the new key', async () => {
    const world = await begun();
    await publish(world, await operationOf(world.ports()));
    const [, fresh] = inUse(world);
    const operation = await cutOff(world.ports(), 'a test');
    expect(operation).toMatchObject({ atAnyCost: true });
    expect(operation).not.toHaveProperty('newKeys');
    await publish(world, operation);
    expect([inUse(world), rotationIn(world)]).toEqual([[fresh], undefined]);
  });

  test('a cut-off makes a new key where none waits, and is refused where one waits unguided', async () => {
    const world = await begun();
    const [old] = inUse(world);
    await publish(world, await cutOff(world.ports(), 'a test'));
    expect(inUse(world)).toHaveLength(1);
    expect(inUse(world)).not.toContain(old);
    await did(world, 'renew-cert callmanager');
    await expect(cutOff(world.ports(), 'a test')).rejects.toMatchObject({
      code: 'refused',
      message: 'a renewal of callmanager without --guided is under way',
    });
  });
});
