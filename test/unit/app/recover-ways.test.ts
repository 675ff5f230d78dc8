/** Phones that cannot follow, in memory: why each is listed, and which ways free which of the pairs that it may hold. */
import { describe, expect, test } from 'vitest';
import { planOperation, publishOperation } from '../../../src/app/trust-operation.ts';
import { planRecovery, type RecoveryPlan, type StuckPhone, type Way } from '../../../src/app/recover.ts';
import type { PublishedList } from '../../../src/core/cluster/model.ts';
import type { PairKey } from '../../../src/core/trust/belief.ts';
import type { UnknownSigner } from '../../../src/core/tvs/unknown-signers.ts';
import {
  addForeignItl,
  believing,
  did,
  pairOf,
  publishOld,
  worldOf,
  type GivenBelief,
} from '../../helpers/believed-world.ts';
import { a as others, role } from '../../helpers/clusters.ts';
import { given } from '../../helpers/seeded-cluster.ts';
import { record, trustList } from '../../helpers/trust-builder.ts';
import { elsewhere, firstOf } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const phone = 'SEP001122330001';
const dayMs = 86_400_000;

interface Given {
  readonly behindMs?: number;
  readonly unknownSigners?: readonly UnknownSigner[];
  /** Retired keys are gone. */
  readonly lost?: boolean;
}

function recovery(
  world: TrustWorld,
  beliefs: readonly GivenBelief[],
  { lost, ...more }: Given = {},
): Promise<RecoveryPlan> {
  const ports = believing(world, ...beliefs);
  const keyFiles = { ...ports.keyFiles, find: () => Promise.resolve(undefined) };
  const request = { behindMs: 7 * dayMs, unknownSigners: [], ...more };
  return planRecovery(lost === true ? { ...ports, keyFiles } : ports, request);
}

async function only(
  world: TrustWorld,
  belief: Omit<GivenBelief, 'name'>,
  more?: Given,
): Promise<StuckPhone | undefined> {
  return (await recovery(world, [{ name: phone, ...belief }], more)).phones[0];
}

/** Refusing, with these pairs and no other. */
const refusing = (...pairs: readonly PairKey[]) => ({ pairs, heardMs: 0, unansweredConfigs: 5, provedMs: 1 });

async function waysOf(world: TrustWorld, pair: PairKey, more?: Given): Promise<readonly Way[] | undefined> {
  return (await only(world, refusing(pair), more))?.ways.map(({ way }) => way);
}

async function published(...then: readonly string[]): Promise<TrustWorld> {
  const world = worldOf(['n'], [phone]);
  await did(world, 'update-itl', ...then);
  return world;
}

const renew = (purpose: string) => [`renew-cert ${purpose}`, `renew-cert ${purpose} --switch`];

describe('the ways back', () => {
  test('nothing to do for who holds what is in force, or nothing, or takes it when it boots', async () => {
    const world = await published('set-mode mixed');
    const lists = world.lists('n');
    const itlAlone = pairOf(lists.filter(({ kind }) => kind === 'itl'));
    for (const pair of [pairOf(lists), '/', itlAlone])
      expect(await waysOf(world, pair)).toEqual(['nothing to do']);
    // Also where a signer of elsewhere signed it, whom no other phone here knows.
    const operation = {
      operation: 'reset-itl remotekey',
      request: { signer: elsewhere.recovery },
      warnings: [],
      question: '',
      aftermath: { restart: [], reset: 'all phones' },
    } as const;
    const ports = world.ports();
    await publishOperation(ports, operation, await planOperation(ports, operation), 'a test');
    world.nowMs += dayMs;
    expect(await waysOf(world, pairOf(world.lists('n')))).toEqual(['nothing to do']);
    expect(await waysOf(world, pairOf(lists))).toEqual(['ITLRecovery', 'CallManager key']);
  });

  test('of lists of elsewhere: what its own cluster can do, a key of theirs, or hands alone', async () => {
    const world = await published();
    const foreign = await addForeignItl(world, elsewhere.callmanager);
    const records = [record({ role: role.tftp, of: others.callmanager })];
    const bare = publishOld(world, trustList({ by: others.sast, as: 'ITLFile.tlv', timestamp: 1, records }));
    expect(await waysOf(world, '?')).toEqual([
      'restored ITLRecovery',
      'bulk import',
      'rollback list',
      'hands',
    ]);
    expect(await waysOf(world, foreign)).toEqual(['restored ITLRecovery', 'hands']);
    expect(await waysOf(world, bare)).toEqual(['hands']);
    const needs = async (...pairs: readonly PairKey[]) => (await only(world, refusing(...pairs)))?.needsHands;
    expect([await needs(bare), await needs(bare, '/'), await needs(foreign), await needs('/')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('the CallManager key in use, and retired keys that are kept; those that free are named', async () => {
    const world = await published('set-mode mixed');
    const first = pairOf(world.lists('n'));
    await did(world, ...renew('itlrecovery'));
    world.nowMs += dayMs;
    expect(await waysOf(world, first)).toEqual(['CallManager key', 'kept signer']);
    expect(await waysOf(world, first, { lost: true })).toEqual(['CallManager key']);
    const { keptSigners } = await recovery(world, [{ name: phone, ...refusing(first) }]);
    expect(keptSigners).toEqual([firstOf('itlrecovery').fingerprint]);
    const fine = await recovery(world, [{ name: phone, ...refusing(pairOf(world.lists('n'))) }]);
    expect(fine.keptSigners).toEqual([]);
  });

  test('a TVS, which is relied upon where the phone is known to ask it', async () => {
    const both = [...renew('itlrecovery'), ...renew('callmanager')];
    const mixed = await published('set-mode mixed');
    const withCtl = pairOf(mixed.lists('n'));
    await did(mixed, ...both);
    expect(await waysOf(mixed, withCtl)).toEqual(['TVS', 'kept signer']);
    expect(await waysOf(mixed, withCtl, { lost: true })).toEqual(['TVS', 'restored ITLRecovery', 'hands']);
    const nonsecure = await published();
    const itl = pairOf(nonsecure.lists('n'));
    await did(nonsecure, ...both);
    expect(await waysOf(nonsecure, itl, { lost: true })).toEqual(['TVS']);
  });

  test('ITLRecovery, where another key signed what is in force', async () => {
    const world = await published('set-mode mixed', ...renew('itlrecovery'));
    const between = pairOf(world.lists('n'));
    await did(world, ...renew('callmanager'), 'reset-itl localkey', 'reset-ctl localkey');
    world.nowMs += dayMs;
    expect(await waysOf(world, between)).toEqual(['TVS', 'ITLRecovery', 'kept signer']);
    expect(await waysOf(world, between, { lost: true })).toEqual(['TVS', 'ITLRecovery']);
  });

  test('each says which pairs it frees; any of ours is all of them', async () => {
    const world = await published();
    const foreign = await addForeignItl(world, elsewhere.callmanager);
    const found = await only(world, refusing(foreign, '?', '/', pairOf(world.lists('n'))));
    expect(found?.mayHold).toEqual(expect.arrayContaining(['none/0', 'none/1', 'none/none', 'unknown']));
    expect(found?.ways).toMatchObject([
      { way: 'nothing to do', frees: expect.arrayContaining(['none/none', 'none/1']) as string[] },
      { way: 'restored ITLRecovery', frees: expect.arrayContaining(['none/0', 'unknown']) as string[] },
      { way: 'bulk import', frees: ['unknown'] },
      { way: 'rollback list', frees: ['unknown'] },
      { way: 'hands', frees: expect.arrayContaining(['none/0', 'unknown']) as string[] },
    ]);
    const any = await only(world, refusing('*'));
    expect(any).toMatchObject({ mayHold: ['any'], needsHands: false });
    expect(any?.ways.map(({ way }) => way)).toEqual(['nothing to do', 'restored ITLRecovery', 'hands']);
  });
});

describe('who is listed', () => {
  let lists: readonly PublishedList[];

  async function well(): Promise<TrustWorld> {
    const world = await published('set-mode mixed');
    world.nowMs += dayMs;
    lists = world.lists('n');
    return world;
  }

  /** What a phone that is well is heard like. */
  const fine = (world: TrustWorld) => ({
    pairs: [pairOf(lists)],
    deliveries: given(lists, 1),
    provedMs: world.nowMs,
  });

  test('nobody who is well', async () => {
    const world = await well();
    expect(await recovery(world, [{ name: phone, ...fine(world) }])).toEqual({
      phones: [],
      total: 1,
      keptSigners: [],
    });
  });

  test('who fetches configurations and shows none any more, having shown one', async () => {
    const world = await well();
    const why = async (more: Partial<GivenBelief>) => (await only(world, { ...fine(world), ...more }))?.why;
    expect(await why({ unansweredConfigs: 4 })).toEqual(['refusing']);
    expect(await why({ unansweredConfigs: 3 })).toBeUndefined();
    expect(await why({ unansweredConfigs: 9, provedMs: undefined })).toBeUndefined();
  });

  test('of whom nobody knows what it holds, who was heard and never showed anything', async () => {
    const world = await well();
    const pairs = [...fine(world).pairs, '?'];
    const why = async (more: Partial<GivenBelief>) =>
      (await only(world, { ...fine(world), provedMs: undefined, ...more }))?.why;
    expect(await why({ pairs })).toEqual(['unknown']);
    expect(await why({})).toBeUndefined();
    expect(await why({ pairs, provedMs: 1 })).toBeUndefined();
    expect(await why({ pairs, heardMs: 0 })).toBeUndefined();
  });

  test('who goes on coming with lists that were replaced long ago', async () => {
    const world = await well();
    const old = { ...fine(world), deliveries: given(lists.slice(0, 1), 1) };
    const replacedMs = world.nowMs - dayMs;
    const behind = async (behindMs: number) => only(world, { ...old, heardMs: world.nowMs }, { behindMs });
    expect(await behind(dayMs - 1)).toMatchObject({ why: ['behind'], behindSinceMs: replacedMs });
    expect(await behind(dayMs)).toBeUndefined();
    const alsoRefusing = { ...old, unansweredConfigs: 5 };
    expect(await only(world, alsoRefusing)).toMatchObject({ why: ['refusing'], behindSinceMs: undefined });
  });

  test('who asks a TVS in vain, with what it asked for', async () => {
    const world = await well();
    const signer = { issuer: 'CN=somebody', serial: '0a' };
    const unknownSigners = [{ device: phone, count: 3, lastMs: 7, signer }];
    expect(await only(world, fine(world), { unknownSigners })).toMatchObject({
      name: phone,
      why: ['asks-tvs'],
      tvs: { count: 3, lastMs: 7, signer },
      address: '10.0.0.1',
      heardMs: world.nowMs,
    });
  });

  test('without an address and a time where it was never heard', async () => {
    const world = await well();
    const found = await only(world, { ...refusing('?'), address: '' });
    expect(found).toMatchObject({ address: undefined, heardMs: undefined, tvs: undefined });
  });
});
