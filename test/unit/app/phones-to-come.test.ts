/** Which phones have come since trust changed, and who is told to boot. */
import { describe, expect, test } from 'vitest';
import type { Field, FieldDevice } from '../../../src/app/field.ts';
import { comingOf, phonesBehind, signsSince } from '../../../src/app/phones-to-come.ts';
import type { PublishedList, Rotation } from '../../../src/core/cluster/model.ts';
import { BeliefSets } from '../../../src/core/trust/belief.ts';
import type { Delivery } from '../../../src/core/trust/belief-book.ts';
import { ListLibrary } from '../../../src/core/trust/list-library.ts';
import { believing, did, pairOf, worldOf, type GivenBelief } from '../../helpers/believed-world.ts';
import { given } from '../../helpers/seeded-cluster.ts';
import { crypto } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const phone = 'SEP001122330001';
const rotation: Rotation = { purpose: 'callmanager', fresh: 'f', step: 'switched', stepMs: 50, untilMs: 90 };

function list(kind: 'itl' | 'ctl', node = 'n'): PublishedList {
  const sha256 = `${kind} ${node}`;
  return {
    kind,
    node,
    sha256,
    generation: 1,
    bytes: new Uint8Array(),
    signer: 's',
    timestamp: 1,
    publishedMs: 1,
  };
}

describe('has it come', () => {
  const sets = new BeliefSets();
  const current = [list('itl'), list('ctl')];
  const field: Field = {
    library: new ListLibrary(crypto, []),
    sets,
    devices: [],
    groups: [],
    current,
    published: current,
    gaps: [],
  };
  const coming = (deliveries: readonly Delivery[], more: Partial<FieldDevice>, sinceMs?: number) =>
    comingOf(
      field,
      {
        name: phone,
        set: sets.first,
        readsSha512: false,
        address: '',
        heardMs: 100,
        provedMs: undefined,
        unansweredConfigs: 0,
        deliveries,
        ...more,
      },
      sinceMs,
    );

  test('when it was given every list of a node; by word of anybody where a last ACK could be forged', () => {
    expect(coming([], {})).toBe('to come');
    expect(coming(given(current.slice(0, 1), 1), {})).toBe('to come');
    expect(coming(given(current, 1), {})).toBe('come');
    expect(coming(given(current, 1, 'transfer-port'), {})).toBe('come');
    const forged = [...given([list('itl')], 1), ...given([list('ctl')], 1, 'single-port')];
    expect(coming(forged, {})).toBe('claimed');
  });

  test('since another key signs: when it was heard then, and surely when it showed that it believes that key', () => {
    const took = given(current, 1, 'single-port');
    expect(coming(took, { heardMs: 49 }, 50)).toBe('to come');
    expect(coming(took, { heardMs: 50 }, 50)).toBe('claimed');
    expect(coming(took, { provedMs: 49 }, 50)).toBe('claimed');
    expect(coming(took, { provedMs: 50 }, 50)).toBe('come');
    expect(coming([], { provedMs: 60 }, 50)).toBe('to come');
  });

  test('another key signs from the switch on, not before', () => {
    expect(signsSince(rotation)).toBe(50);
    expect(signsSince({ ...rotation, step: 'published' })).toBeUndefined();
  });
});

describe('who is behind', () => {
  const behind = (world: TrustWorld, ...beliefs: readonly Omit<GivenBelief, 'name'>[]) =>
    phonesBehind(believing(world, ...beliefs.map((belief) => ({ name: phone, ...belief }))));
  const withRotations = (world: TrustWorld, rotations: readonly Rotation[]) => {
    world.database.rows = { ...world.database.rows, rotations };
  };

  test('nobody before anything is published', async () => {
    expect(await behind(worldOf(['n'], [phone]), {})).toEqual([]);
  });

  test('who may hold other lists than those in force and was not given these', async () => {
    const world = worldOf(['n'], [phone]);
    await did(world, 'update-itl', 'set-mode mixed');
    const [lists, heardMs] = [world.lists('n'), 0];
    const whole = pairOf(lists);
    const half = pairOf(lists.filter(({ kind }) => kind === 'itl'));
    expect(await behind(world, { pairs: [whole], heardMs })).toEqual([]);
    expect(await behind(world, { pairs: [`${whole}+`], heardMs })).toEqual([]);
    for (const pairs of [['?'], ['*'], ['/'], [half], [whole, '?'], [whole, half]])
      expect(await behind(world, { pairs, heardMs })).toEqual([phone]);
    // What it was given it may have, whatever else it may hold.
    expect(await behind(world, { pairs: [half], deliveries: given(lists, 1) })).toEqual([]);
    expect(await behind(world, { pairs: [half], deliveries: given(lists.slice(0, 1), 1) })).toEqual([phone]);
  });

  test('where there is no CTL a pair without one is in force; of each kind those of any node are', async () => {
    const one = worldOf(['n'], [phone]);
    await did(one, 'update-itl');
    expect(await behind(one, { pairs: [pairOf(one.lists('n'))], heardMs: 0 })).toEqual([]);
    const two = worldOf(['n', 'm'], [phone]);
    await did(two, 'update-itl');
    two.nowMs += 3_600_000;
    const pairs = [pairOf(two.lists('m')), pairOf(two.lists('n'))];
    expect(await behind(two, { pairs })).toEqual([]);
  });

  test('since a new key signs: who was not heard of after the last switch, whatever it holds', async () => {
    const world = worldOf(['n'], [phone]);
    await did(world, 'update-itl');
    const lists = world.lists('n');
    const held = { pairs: [pairOf(lists)], deliveries: given(lists, 1) };
    withRotations(world, [
      { ...rotation, purpose: 'callmanager', stepMs: 2_000 },
      { ...rotation, purpose: 'tvs', stepMs: 1_000 },
    ]);
    expect(await behind(world, { ...held, heardMs: 1_500 })).toEqual([phone]);
    expect(await behind(world, { ...held, heardMs: 2_000 })).toEqual([]);
    withRotations(world, [{ ...rotation, step: 'published', stepMs: 2_000 }]);
    expect(await behind(world, { ...held, heardMs: 1_500 })).toEqual([]);
  });
});
