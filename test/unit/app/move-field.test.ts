/** Which path a device has to another cluster with everything that it may hold, and whether that is all that it may hold. */
import { describe, expect, test } from 'vitest';
import type { Field, FieldDevice } from '../../../src/app/field.ts';
import { MoveField, type DevicePath } from '../../../src/app/move-field.ts';
import type { Lists } from '../../../src/core/cluster/move-path.ts';
import type { PublishedList } from '../../../src/core/cluster/model.ts';
import {
  anyOfOurs,
  BeliefSets,
  nothing,
  pairKey,
  unknown,
  type PairKey,
} from '../../../src/core/trust/belief.ts';
import type { Delivery } from '../../../src/core/trust/belief-book.ts';
import { ListLibrary } from '../../../src/core/trust/list-library.ts';
import { a, b, ctlOf, itlOf, itlRecords, role } from '../../helpers/clusters.ts';
import { crypto, list } from '../../helpers/strand-lists.ts';
import { now, record, trustList } from '../../helpers/trust-builder.ts';

function withBytes(of: PublishedList, bytes: Uint8Array): PublishedList {
  const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
  return { ...of, bytes, sha256 };
}

const knowsB = record({ role: role.sast, of: b.sast });
/** The first knows nothing of B, the second does. */
const before = list('itl', 1, a);
const ready = withBytes(
  list('itl', 2, a),
  trustList({ by: a.sast, as: 'ITLFile.tlv', timestamp: now + 2, records: [...itlRecords(a), knowsB] }),
);
const ofM = (of: PublishedList): PublishedList => ({ ...of, node: 'm' });
const to: Lists = { ctl: undefined, itl: itlOf(b, now + 86_400) };
const held = ({ sha256 }: PublishedList): PairKey => pairKey({ ctl: '', itl: sha256 });

interface Given {
  readonly pairs: readonly PairKey[];
  readonly published?: readonly PublishedList[];
  readonly current?: readonly PublishedList[];
  readonly inForce?: Lists;
  readonly delivered?: readonly (readonly [PublishedList, Delivery['how'], number])[];
  readonly provedMs?: number;
  readonly to?: Lists;
}

interface Made {
  readonly field: MoveField;
  readonly device: FieldDevice;
}

function madeOf(given: Given): Made {
  const { published = [before, ready], delivered = [] } = given;
  const sets = new BeliefSets();
  const field: Field = {
    library: new ListLibrary(crypto, published),
    sets,
    devices: [],
    groups: [],
    published,
    current: given.current ?? [ready],
    gaps: [],
  };
  const device: FieldDevice = {
    name: 'SEP001122334455',
    set: sets.of(given.pairs),
    readsSha512: false,
    address: '10.0.0.1',
    heardMs: 1,
    deliveries: delivered.map(([{ kind, sha256 }, how, sinceMs]) => ({ kind, sha256, how, sinceMs })),
    provedMs: given.provedMs,
    unansweredConfigs: 0,
  };
  return { field: new MoveField(crypto, field, given.to ?? to, now), device };
}

function pathOf(given: Given): DevicePath {
  const { field, device } = madeOf(given);
  return field.pathOf(device, given.inForce ?? { ctl: undefined, itl: ready.bytes });
}

describe('what it may hold counts as it is', () => {
  test('a pair with a path is one, and nobody asks what was delivered', () => {
    expect(pathOf({ pairs: [held(ready)] })).toMatchObject({ path: { kind: 'path' }, isUnknown: false });
    expect(pathOf({ pairs: [nothing] })).toMatchObject({ path: { kind: 'path' }, isUnknown: false });
  });

  test('one without a path is none, and named', () => {
    const { path, isUnknown } = pathOf({ pairs: [held(before), held(ready)] });
    expect(path).toMatchObject({
      kind: 'none',
      because: expect.stringMatching(
        /^with CTL none and ITL 1, which it may hold: its ITLFile\.tlv/,
      ) as string,
    });
    expect(isUnknown).toBe(false);
  });

  test('what nobody knows is said, and judged by what is known', () => {
    expect(pathOf({ pairs: [held(ready), unknown] })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: true,
    });
    const foreign = pairKey({ ctl: '', itl: 'f'.repeat(64) });
    expect(pathOf({ pairs: [held(ready), foreign] })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: true,
    });
    expect(pathOf({ pairs: [held(before), unknown] })).toMatchObject({
      path: { kind: 'none' },
      isUnknown: true,
    });
  });

  test('who was given nothing is taken for one that holds what is published', () => {
    const old = { ctl: undefined, itl: before.bytes };
    expect(pathOf({ pairs: [unknown] })).toMatchObject({ path: { kind: 'path' }, isUnknown: true });
    expect(pathOf({ pairs: [unknown], inForce: old })).toMatchObject({
      path: { kind: 'none' },
      isUnknown: true,
    });
  });

  test('any of ours is each of them', () => {
    expect(pathOf({ pairs: [anyOfOurs] })).toMatchObject({ path: { kind: 'none' }, isUnknown: false });
    expect(pathOf({ pairs: [anyOfOurs], published: [ready] })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: false,
    });
    // And no word about what is not ours.
    expect(pathOf({ pairs: [anyOfOurs, unknown], published: [ready] })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: true,
    });
  });
});

describe('once it was given the lists in force it boots with them first', () => {
  const pairs = [held(before), held(ready)];

  test('sure by what nobody else could acknowledge, and by what it showed since', () => {
    for (const how of ['tcp', 'transfer-port'] as const)
      expect(pathOf({ pairs, delivered: [[ready, how, 5]], provedMs: 5 })).toMatchObject({
        path: { kind: 'path' },
        isUnknown: false,
      });
  });

  test.each([
    ['anybody may have acknowledged it', 'single-port', 9],
    ['it showed nothing since', 'tcp', 4],
    ['it never showed anything', 'tcp', undefined],
  ] as const)('a path, and nobody knows: %s', (_, how, provedMs) => {
    const proved = provedMs === undefined ? {} : { provedMs };
    expect(pathOf({ pairs, delivered: [[ready, how, 5]], ...proved })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: true,
    });
  });

  test('an old list that was delivered is no list in force', () => {
    expect(pathOf({ pairs, delivered: [[before, 'tcp', 5]], provedMs: 9 }).path.kind).toBe('none');
  });

  test('what it may hold beside is not known for all that', () => {
    const delivered = [[ready, 'tcp', 5]] as const;
    expect(pathOf({ pairs: [...pairs, unknown], delivered, provedMs: 9 })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: true,
    });
  });

  test('a list that its own would refuse changes nothing', () => {
    // Published by a key that no list before it names.
    const alien = withBytes(
      list('itl', 3, b),
      trustList({ by: b.sast, as: 'ITLFile.tlv', timestamp: now + 3, records: itlRecords(b) }),
    );
    const { path } = pathOf({
      pairs: [held(before)],
      published: [before, alien],
      current: [alien],
      delivered: [[alien, 'tcp', 5]],
      provedMs: 9,
    });
    expect(path.kind).toBe('none');
  });

  test('a CTL is taken before the ITL, and stays where the other cluster has none', () => {
    const ctl = withBytes(list('ctl', 2, a), ctlOf(a, now + 2));
    const current = [ctl, ready];
    const delivered = [
      [ctl, 'tcp', 5],
      [ready, 'tcp', 5],
    ] as const;
    const { path } = pathOf({ pairs, published: [before, ...current], current, delivered, provedMs: 9 });
    expect(path).toMatchObject({
      kind: 'none',
      because: expect.stringContaining("checked against the phone's CTL") as string,
    });
  });
});

describe('of several nodes', () => {
  const current = [ready, ofM(withBytes(list('itl', 2, a), itlOf(a, now + 2)))];
  const [, plain] = current;
  const published = [before, ...current];

  test('those of one are enough', () => {
    const delivered = [[ready, 'tcp', 5]] as const;
    expect(pathOf({ pairs: [held(before)], published, current, delivered, provedMs: 9 })).toMatchObject({
      path: { kind: 'path' },
      isUnknown: false,
    });
  });

  test('given those of two it may hold either', () => {
    if (plain === undefined) throw new Error('two lists');
    const delivered = [
      [ready, 'tcp', 5],
      [plain, 'tcp', 5],
    ] as const;
    expect(pathOf({ pairs: [held(before)], published, current, delivered, provedMs: 9 }).path.kind).toBe(
      'none',
    );
  });

  test('a pair has a path after a boot when it has one whichever node it asks', () => {
    const shown = (nodes: readonly PublishedList[]) => {
      const { field, device } = madeOf({ pairs: [held(before)], published, current: nodes });
      return field
        .pairsOf([device, device])
        .map((pair) => [pair.itl, pair.phones, pair.now.kind, pair.booted.kind]);
    };
    expect(shown([ready])).toEqual([['1', 2, 'none', 'path']]);
    expect(shown(current)).toEqual([['1', 2, 'none', 'none']]);
    expect(shown([])).toEqual([['1', 2, 'none', 'none']]);
  });
});
