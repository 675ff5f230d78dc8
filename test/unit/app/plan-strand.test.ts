/** The planner between a field and a publication: where phones boot before and after, and how a verdict is shown. */
import { describe, expect, test } from 'vitest';
import { planPublication, type PublicationRequest } from '../../../src/app/plan-publication.ts';
import { planEveryPair, planStrand } from '../../../src/app/plan-strand.ts';
import type { CertificatePurpose } from '../../../src/core/cluster/model.ts';
import type { PairKey } from '../../../src/core/trust/belief.ts';
import { addForeignItl, believing, did, pairOf, worldOf } from '../../helpers/believed-world.ts';
import { firstRows, type TrustWorld } from '../../helpers/trust-world.ts';
import { createPoolIssuer, firstOf } from '../../helpers/trust-parties.ts';

const [one, two, three] = ['SEP001122330001', 'SEP001122330002', 'SEP001122330003'] as const;
const devices = [one, two, three];

/** With these pairs alone: who was never heard of was given nothing since. */
async function strandOf(
  world: TrustWorld,
  pairs: Readonly<Record<string, PairKey>>,
  request: PublicationRequest,
  serving?: TrustWorld,
) {
  const beliefs = Object.entries(pairs).map(([name, pair]) => ({ name, pairs: [pair], heardMs: 0 }));
  const ports = believing(world, ...beliefs);
  return planStrand(ports, await planPublication(ports, request), serving?.ports());
}

const idsOf = (world: TrustWorld, ...purposes: readonly CertificatePurpose[]): readonly number[] =>
  world.database.rows.certificates.flatMap((row) =>
    row.retiredMs === undefined && row.purpose !== undefined && purposes.includes(row.purpose)
      ? [row.id]
      : [],
  );

/** Another CallManager at once, which no command does. */
async function anotherKey(world: TrustWorld): Promise<PublicationRequest> {
  const asked = { purpose: 'callmanager', clusterId: 'A', nodeName: 'n', notBeforeMs: 0 } as const;
  const { der, fingerprint } = (await createPoolIssuer().issue(asked)).certificate;
  const row = { store: 'own', purpose: 'callmanager', node: 'n', provenance: 'a test', addedMs: 0 } as const;
  return {
    change: {
      addCertificates: [{ ...row, der, fingerprint }],
      retireCertificates: idsOf(world, 'callmanager'),
    },
  };
}

describe('how a pair is shown', () => {
  test('the pair of most phones first, with the way it finds the signer now and then', async () => {
    const world = worldOf(['n'], devices);
    await did(world, 'update-itl');
    const foreign = await addForeignItl(world, firstOf('callmanager', 'n'));
    const strand = await strandOf(
      world,
      { [one]: foreign, [two]: pairOf(world.lists('n')), [three]: pairOf(world.lists('n')) },
      await anotherKey(world),
    );
    expect(strand.stranded).toEqual([one]);
    expect(strand.shown).toMatchObject([
      { ctl: 'none', itl: '1', phones: 2, before: ['ITL'], after: ['ITL, with new lists'], stranded: false },
      // It takes no list of ours: the TVS that its ITL names is B's in name alone.
      { ctl: 'none', itl: '0', phones: 1, before: ['ITL'], stranded: true },
    ]);
  });

  test('a TVS by its name', async () => {
    const world = worldOf(['n'], devices);
    await did(world, 'update-itl');
    const first = pairOf(world.lists('n'));
    await did(world, 'renew-cert itlrecovery', 'renew-cert itlrecovery --switch');
    const { shown, stranded } = await strandOf(world, { [one]: first }, await anotherKey(world));
    expect(shown).toMatchObject([{ before: ['ITL'], after: ['TVS of n, with new lists'], stranded: true }]);
    expect(stranded).toEqual([one]);
  });
});

describe('every pair of published lists, whoever holds it', () => {
  test('counts as stranded without a path, and with one that only a TVS opens', async () => {
    const world = worldOf();
    await did(world, 'update-itl');
    await addForeignItl(world, firstOf('callmanager', 'n'));
    await did(world, 'renew-cert itlrecovery', 'renew-cert itlrecovery --switch');
    const shown = async (request: PublicationRequest) => {
      const pairs = await planEveryPair(world.ports(), await planPublication(world.ports(), request));
      return Object.fromEntries(pairs.map(({ itl, after, stranded }) => [itl, [after.join(), stranded]]));
    };
    expect(await shown({})).toEqual({
      0: ['ITL', false],
      1: ['ITL', false],
      2: ['ITL', false],
      3: ['ITL', false],
    });
    expect(await shown(await anotherKey(world))).toEqual({
      0: ['none', true],
      1: ['TVS of n, with new lists', true],
      2: ['ITL, with new lists', false],
      3: ['ITL, with new lists', false],
    });
  });
});

describe('where a phone boots', () => {
  const joins = { name: 'm', createdMs: 0 };

  test('a node that leaves: also phones that had a path at that one alone', async () => {
    const world = worldOf(['n', 'm'], devices);
    await did(world, 'update-itl');
    const ofM = await addForeignItl(world, firstOf('callmanager', 'm'));
    const rows = world.database.rows.certificates.filter(({ node }) => node === 'm').map(({ id }) => id);
    const leaves = { change: { removeNodes: ['m'], retireCertificates: rows } };
    expect((await strandOf(world, { [one]: ofM }, leaves)).stranded).toEqual([one]);
    // As long as it is there nothing changes for them.
    expect((await strandOf(world, { [one]: ofM }, {})).stranded).toEqual([]);
  });

  test('a node that joins is asked by nobody yet', async () => {
    const world = worldOf(['n'], devices);
    await did(world, 'update-itl');
    const added = (['callmanager', 'tvs'] as const).map((purpose) => {
      const { der, fingerprint } = firstOf(purpose, 'm');
      return {
        store: 'own',
        purpose,
        node: 'm',
        der,
        fingerprint,
        provenance: 'a test',
        addedMs: 0,
      } as const;
    });
    const request = { change: { addNodes: [joins], addCertificates: added } };
    const { shown, stranded } = await strandOf(world, { [one]: pairOf(world.lists('n')) }, request);
    expect(stranded).toEqual([]);
    expect(shown).toMatchObject([{ before: ['ITL'], after: ['ITL'] }]);
  });

  test('a folder that takes the place of one whose node has another name', async () => {
    const serving = worldOf(['n'], devices);
    serving.database.rows = firstRows(['m'], devices);
    const world = worldOf(['n'], devices);
    await did(world, 'update-itl');
    const ofM = await addForeignItl(world, firstOf('callmanager', 'm'));
    const ofN = await addForeignItl(world, firstOf('callmanager', 'n'));
    const pairs = { [one]: ofM, [two]: ofN };
    // Files were signed by the CallManager of m, and will be by that of n.
    expect(await strandOf(world, pairs, {}, serving)).toMatchObject({ stranded: [one], lost: [] });
    expect(await strandOf(world, pairs, {})).toMatchObject({ stranded: [], lost: [one] });
  });
});

test('who was not heard of for a week is offline', async () => {
  const world = worldOf(['n'], devices);
  await did(world, 'update-itl');
  world.nowMs += 8 * 86_400_000;
  const pairs = [pairOf(world.lists('n'))];
  const heard = (days: number) => world.nowMs - days * 86_400_000;
  const ports = believing(
    world,
    { name: one, pairs, heardMs: heard(6) },
    { name: two, pairs, heardMs: heard(7.1) },
    { name: three, pairs, heardMs: heard(0) },
  );
  const strand = await planStrand(ports, await planPublication(ports, {}));
  expect(strand).toMatchObject({ phones: 3, offline: [two], stranded: [], unknown: [] });
});
