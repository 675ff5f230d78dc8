/** A generation before a key is touched: which lists, by whom, with what in them, and what is refused (design.md §5). */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  crowdedLists,
  draftPublication,
  planPublication,
  readTrustState,
  replacedList,
  type PlannedPublication,
  type PublicationRequest,
} from '../../../src/app/plan-publication.ts';
import type { CertificatePurpose, StoredCertificate } from '../../../src/core/cluster/model.ts';
import type { CertificateFacts, NewCertificate } from '../../../src/core/ports.ts';
import { change, publishFirst } from '../../helpers/trust-changes.ts';
import { createPoolIssuer, crypto, elsewhere, firstOf } from '../../helpers/trust-parties.ts';
import { TrustWorld } from '../../helpers/trust-world.ts';

let world: TrustWorld;

function worldOf(nodes: readonly ['n'] | readonly ['n', 'm']): TrustWorld {
  return new TrustWorld({ phones: [], phantoms: [], nodes, readSha512: false });
}

beforeEach(() => {
  world = worldOf(['n']);
});

const plan = (request: PublicationRequest): Promise<PlannedPublication> =>
  planPublication(world.ports(), request);

const draft = async (request: PublicationRequest): Promise<PlannedPublication> =>
  draftPublication(crypto, await readTrustState(world.ports()), request);

async function did(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const outcome = await change(world, name, { node: 'n', phone: undefined, backup: undefined });
    expect(outcome, name).toMatchObject({ kind: 'done' });
  }
}

/** `itl n`, with `=` where it is carried over. */
function kinds({ lists }: PlannedPublication): readonly string[] {
  return lists.map(({ kind, node, plan: made }) => `${kind} ${node}${made === undefined ? ' =' : ''}`);
}

function row(purpose: CertificatePurpose): StoredCertificate {
  const found = world.database.rows.certificates.find(
    (each) => each.purpose === purpose && each.retiredMs === undefined,
  );
  if (found === undefined) throw new Error(`a ${purpose}`);
  return found;
}

async function fresh(purpose: CertificatePurpose): Promise<NewCertificate> {
  const issuer = createPoolIssuer();
  const request = { purpose, clusterId: 'A', nodeName: 'n', notBeforeMs: 0 };
  const { certificate } = await issuer.issue(request);
  const { der, fingerprint } = certificate;
  const node = purpose === 'itlrecovery' ? undefined : 'n';
  return { store: 'own', purpose, node, der, fingerprint, provenance: 'test', addedMs: 0 };
}

describe('which lists', () => {
  test('an ITL alone before there was a CTL, both from then on', async () => {
    expect(kinds(await plan({}))).toEqual(['itl n']);
    await publishFirst(world);
    expect(kinds(await plan({}))).toEqual(['itl n']);
    expect(kinds(await plan({ change: { mode: 'mixed' } }))).toEqual(['itl n', 'ctl n']);
    await did('set-mode mixed', 'set-mode nonsecure');
    // Phones never give a CTL up.
    expect(kinds(await plan({}))).toEqual(['itl n', 'ctl n']);
  });

  test('what is not wanted is carried over, where there is something to carry', async () => {
    expect(kinds(await plan({ kinds: ['ctl'] }))).toEqual(['itl n']);
    await publishFirst(world);
    await did('set-mode mixed');
    expect(kinds(await plan({ kinds: ['itl'] }))).toEqual(['itl n', 'ctl n =']);
    expect(kinds(await plan({ kinds: [] }))).toEqual(['itl n =', 'ctl n =']);
  });

  test('a list by a signer that is none of ours is not', async () => {
    await publishFirst(world);
    await did('set-mode mixed', 'renew-cert itlrecovery', 'renew-cert itlrecovery --switch');
    await did('reset-ctl localkey');
    // By the CallManager in use: one of ours.
    expect(kinds(await plan({ kinds: ['itl'] }))).toEqual(['itl n', 'ctl n =']);
    const { published, current } = world.database.rows;
    const strange = published.map((list) =>
      list.generation === current && list.kind === 'ctl' ? { ...list, signer: 'f'.repeat(64) } : list,
    );
    world.database.rows = { ...world.database.rows, published: strange };
    expect(kinds(await draft({ kinds: ['itl'] }))).toEqual(['itl n', 'ctl n']);
  });

  test('of this node only, or of every node', async () => {
    world = worldOf(['n', 'm']);
    await publishFirst(world);
    expect(kinds(await plan({}))).toEqual(['itl n', 'itl m']);
    expect(kinds(await plan({ onlyThisNode: true }))).toEqual(['itl n', 'itl m =']);
    expect(kinds(await planPublication(world.ports('m'), { onlyThisNode: true }))).toEqual([
      'itl n =',
      'itl m',
    ]);
  });

  test('none, where only what else phones meet changes', async () => {
    await publishFirst(world);
    await did('set-mode mixed');
    const planned = await plan({ listsStay: true, change: { retireCertificates: [row('tvs').id] } });
    expect(kinds(planned)).toEqual(['itl n =', 'ctl n =']);
    expect(planned).toMatchObject({ currentKeep: false, rollback: false });
    expect(planned.view.own.map(({ purpose }) => purpose)).not.toContain('tvs');
    expect(planned.lists.map((list) => replacedList(planned, list)?.sha256)).toEqual(
      planned.lists.map(({ kind }) => planned.current.find((list) => list.kind === kind)?.sha256),
    );
  });
});

describe('what is in them', () => {
  const rolesOf = ({ lists }: PlannedPublication, { fingerprint }: Pick<CertificateFacts, 'fingerprint'>) =>
    lists.flatMap(({ kind, plan: made }) =>
      (made?.records ?? [])
        .filter(({ certificate }) => certificate?.fingerprint === fingerprint)
        .map(({ role }) => `${kind} ${role}`),
    );

  test('another signer stands in the lists as SAST, once', async () => {
    await publishFirst(world);
    const signer = firstOf('callmanager', 'n');
    const own = await plan({ signer });
    expect(rolesOf(own, signer)).toEqual(['itl TFTP', 'itl SAST']);
    expect(own.lists.map(({ plan: made }) => made?.signer.fingerprint)).toEqual([signer.fingerprint]);
    expect(own.currentKeep).toBe(false);
    const strange = await plan({ signer: elsewhere.recovery });
    expect(rolesOf(strange, elsewhere.recovery)).toEqual(['itl SAST']);
    // Phones that hold the current lists do not know it; they keep what they hold, which goes on working.
    expect(strange.currentKeep).toBe(true);
  });

  test('a rollback is kept, begun and undone', async () => {
    await publishFirst(world);
    const files = (planned: PlannedPublication) =>
      planned.lists[0]?.plan?.records.some(({ role }) => role === 'TFTP' || role === 'TVS');
    const begun = await plan({ rollback: true });
    expect([begun.rollback, files(begun)]).toEqual([true, false]);
    await did('update-itl --rollback');
    const kept = await plan({});
    expect([kept.rollback, files(kept)]).toEqual([true, false]);
    const undone = await plan({ rollback: false });
    expect([undone.rollback, files(undone)]).toEqual([false, true]);
    await did('update-itl');
    expect((await plan({})).rollback).toBe(false);
  });

  test('the difference is told line by line, against nothing too', async () => {
    const [first] = (await plan({})).lists;
    expect(first?.diff.length).toBeGreaterThan(3);
    expect(first?.diff.join('\n')).toContain('ITLRECOVERY');
    await publishFirst(world);
    expect((await plan({})).lists[0]?.diff).toEqual([]);
    const added = await plan({ change: { addCertificates: [await fresh('tvs')] } });
    expect(added.lists[0]?.diff).toHaveLength(1);
  });

  test('more than two signers are told, two are not', async () => {
    await publishFirst(world);
    expect(crowdedLists(await plan({}))).toEqual([]);
    const three = await plan({ change: { addCertificates: [await fresh('itlrecovery')] } });
    expect(crowdedLists(three)).toEqual([expect.stringContaining('the ITL of n names 3 signers') as string]);
    expect(crowdedLists(await plan({ kinds: [] }))).toEqual([]);
  });
});

describe('refused', () => {
  test('a generation that breaks an invariant, with each of them', async () => {
    await publishFirst(world);
    await did('set-mode mixed');
    // The CTL that is carried over does not know who signs the ITL.
    const request = { kinds: ['itl'], signer: elsewhere.recovery } as const;
    await expect(plan(request)).rejects.toMatchObject({
      code: 'refused',
      message: 'this generation could strand phones: the signer of the ITL is no SAST in the CTL',
    });
    // A draft is not asked.
    expect(kinds(await draft(request))).toEqual(['itl n', 'ctl n =']);
  });

  test('lists that phones in the field would not take, when they could not live with theirs', async () => {
    await publishFirst(world);
    const both = {
      addCertificates: [await fresh('itlrecovery'), await fresh('callmanager')],
      retireCertificates: [row('itlrecovery').id, row('callmanager').id],
    };
    await expect(plan({ change: both })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('could not live with theirs') as string,
    });
    // Before anybody holds a list there is nobody to lose.
    world = worldOf(['n']);
    expect((await plan({ change: both })).currentKeep).toBe(false);
  });

  test('a published list that cannot be read is not built upon', async () => {
    await publishFirst(world);
    const { published } = world.database.rows;
    world.database.rows = {
      ...world.database.rows,
      published: published.map((list) => ({ ...list, bytes: Uint8Array.of(1) })),
    };
    await expect(plan({})).rejects.toMatchObject({ code: 'storage-corrupt' });
    await expect(plan({ kinds: [] })).rejects.toMatchObject({ code: 'storage-corrupt' });
  });

  test('a node whose ITLRecovery is no SAST of its phones is no reason where its lists stay', async () => {
    world = worldOf(['n', 'm']);
    await publishFirst(world);
    const here = await plan({ onlyThisNode: true, signer: firstOf('callmanager', 'n') });
    expect(here.currentKeep).toBe(false);
    // For every node's phones it is a stranger.
    const everywhere = await plan({ signer: firstOf('callmanager', 'n') });
    expect(everywhere.currentKeep).toBe(true);
  });
});
