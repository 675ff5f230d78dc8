/**
 * What is said of phones where two nodes serve: each publishes lists of its own, and the lists of one node are all that a
 * phone has to take.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readField } from '../../../src/app/field.ts';
import { nextGuidedStep, rotationProgress } from '../../../src/app/guided-rotation.ts';
import { MoveField } from '../../../src/app/move-field.ts';
import { phonesBehind } from '../../../src/app/phones-to-come.ts';
import { planRecovery } from '../../../src/app/recover.ts';
import { updateCtl } from '../../../src/app/update-lists.ts';
import { pairKey } from '../../../src/core/trust/belief.ts';
import { b as elsewhere, ctlOf, itlOf } from '../../helpers/clusters.ts';
import { given, SeededCluster } from '../../helpers/seeded-cluster.ts';

const [whole, half, none] = ['SEP001122330001', 'SEP001122330002', 'SEP001122330003'] as const;
const dayMs = 86_400_000;
const cluster = new SeededCluster(2);

beforeAll(async () => {
  await cluster.begin('mixed');
  await cluster.addPhones(whole, half, none);
});
afterAll(() => cluster.end());

/** One asks node a alone, one took no more than node a's CTL, one nothing. */
async function phonesOfNodeA(): Promise<void> {
  const nowMs = Date.now();
  const lists = await cluster.lists('a.example');
  const ctl = lists.filter(({ kind }) => kind === 'ctl');
  cluster.believe({ name: whole, heardMs: nowMs, deliveries: given(lists, nowMs) });
  cluster.believe({ name: half, heardMs: nowMs, deliveries: given(ctl, nowMs) });
  cluster.believe({ name: none, heardMs: nowMs });
}

it('a phone that only ever asks one of two nodes has come when it took the lists of that one', async () => {
  const a = cluster.at('a.example');
  const step = await nextGuidedStep(a, { by: 'a test', patienceMs: undefined });
  if (step.kind !== 'do') throw new Error('nothing is under way yet');
  await cluster.publish(step.operation);
  await phonesOfNodeA();
  const progress = await rotationProgress(a);
  expect(progress).toMatchObject([
    { step: 'published', come: 1, claimed: 0, toCome: [half, none], offline: [] },
  ]);
  expect(await phonesBehind(a)).toEqual([half, none]);
  expect(await nextGuidedStep(a, { by: 'a test', patienceMs: undefined })).toMatchObject({ kind: 'wait' });
  cluster.believe({
    name: half,
    heardMs: Date.now(),
    deliveries: given(await cluster.lists('b.example'), 1),
  });
  cluster.believe({
    name: none,
    heardMs: Date.now(),
    deliveries: given(await cluster.lists('b.example'), 1),
  });
  expect(await nextGuidedStep(a, { by: 'a test', patienceMs: undefined })).toMatchObject({ kind: 'do' });
});

it('a phone with the lists of one of two nodes is not behind', async () => {
  await phonesOfNodeA();
  const a = cluster.at('a.example');
  const inEightDays = { ...a, clock: { nowMs: () => Date.now() + 8 * dayMs } };
  for (const name of [whole, half, none]) {
    const { deliveries } = a.readBeliefs().devices.find((device) => device.name === name) ?? {
      deliveries: [],
    };
    cluster.believe({ name, heardMs: inEightDays.clock.nowMs(), deliveries });
  }
  const { phones } = await planRecovery(inEightDays, { behindMs: 7 * dayMs, unknownSigners: [] });
  expect(phones.filter(({ why }) => why.includes('behind')).map(({ name }) => name)).toEqual([half, none]);
});

it('a phone that was given the lists of one of two nodes is moved by these', async () => {
  const a = cluster.at('a.example');
  const before = await cluster.lists('a.example');
  const of = (lists: typeof before, kind: 'ctl' | 'itl') => lists.find((list) => list.kind === kind);
  const { sast, callmanager } = elsewhere;
  for (const { der } of [sast, callmanager])
    await a.store.addCertificate(
      {
        store: 'phone-sast-trust',
        purpose: undefined,
        node: undefined,
        der,
        fingerprint: a.crypto.readCertificate(der)?.fingerprint ?? '',
        provenance: 'a test',
        addedMs: 1,
      },
      { atMs: 1, who: 'a test', operation: 'trust-cert', detail: {} },
    );
  await cluster.publish(await updateCtl(a));
  const nowMs = Date.now();
  const pairs = [pairKey({ ctl: of(before, 'ctl')?.sha256 ?? '', itl: of(before, 'itl')?.sha256 ?? '' })];
  const deliveries = given(await cluster.lists('a.example'), nowMs);
  cluster.believe({ name: whole, heardMs: nowMs, pairs, deliveries, provedMs: nowMs + 1 });
  cluster.believe({ name: half, heardMs: nowMs, pairs, deliveries: deliveries.slice(0, 1) });
  const field = await readField(a);
  const later = Math.floor(nowMs / 1000) + 60;
  const there = { ctl: ctlOf(elsewhere, later), itl: itlOf(elsewhere, later) };
  const move = new MoveField(a.crypto, field, there, later);
  const inForce = { ctl: undefined, itl: undefined };
  const pathOf = (name: string) => {
    const device = field.devices.find((each) => each.name === name);
    if (device === undefined) throw new Error(`no device ${name}`);
    return move.pathOf(device, inForce);
  };
  expect(pathOf(whole)).toMatchObject({ path: { kind: 'path' }, isUnknown: false });
  expect(pathOf(half)).toMatchObject({ path: { kind: 'none' } });
});
