/** The guard before every change of trust: nobody is stranded, or exactly as many phones as somebody said (design.md §5). */
import { describe, expect, test } from 'vitest';
import { refuseStrandingContinuation, planContinuation } from '../../../src/app/continue-cluster.ts';
import {
  planOperation,
  refuseStranding,
  signedByLent,
  type PlannedOperation,
  type TrustOperation,
} from '../../../src/app/trust-operation.ts';
import { addForeignItl, believing, did, pairOf, worldOf } from '../../helpers/believed-world.ts';
import { createPoolIssuer, elsewhere, firstOf, signerOf } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const [one, two] = ['SEP001122330001', 'SEP001122330002'] as const;

/** A new CallManager at once: whoever takes no list of ours is stranded. */
async function operationOf(world: TrustWorld): Promise<TrustOperation> {
  const asked = { purpose: 'callmanager', clusterId: 'A', nodeName: 'n', notBeforeMs: 0 } as const;
  const { der, fingerprint } = (await createPoolIssuer().issue(asked)).certificate;
  const row = { store: 'own', purpose: 'callmanager', node: 'n', provenance: 'a test', addedMs: 0 } as const;
  const old = world.database.rows.certificates.filter(({ purpose }) => purpose === 'callmanager');
  return {
    operation: 'cut',
    request: {
      change: {
        addCertificates: [{ ...row, der, fingerprint }],
        retireCertificates: old.map(({ id }) => id),
      },
    },
    warnings: [],
    question: '',
    aftermath: { restart: [], reset: 'all phones' },
  };
}

interface Made {
  readonly operation: TrustOperation;
  readonly planned: PlannedOperation;
}

/** Plans it with so many phones that take no list of ours. */
async function made(...stuck: readonly string[]): Promise<Made> {
  const world = worldOf(['n'], [one, two]);
  await did(world, 'update-itl');
  const foreign = await addForeignItl(world, firstOf('callmanager', 'n'));
  const beliefs = [one, two].map((name) => ({
    name,
    heardMs: 0,
    pairs: [stuck.includes(name) ? foreign : pairOf(world.lists('n'))],
  }));
  const operation = await operationOf(world);
  return { operation, planned: await planOperation(believing(world, ...beliefs), operation) };
}

const guard =
  ({ operation, planned }: Made, allowed?: number) =>
  () =>
    refuseStranding(operation, planned, allowed);

describe('refused', () => {
  test('unless as many phones are stranded as somebody said', async () => {
    const nobody = await made();
    expect(guard(nobody)).not.toThrow();
    expect(guard(nobody, 0)).not.toThrow();
    expect(guard(nobody, 1)).toThrow(
      expect.objectContaining({ message: '--strand 1 is not what would happen: no phone is stranded' }),
    );
    const both = await made(one, two);
    expect(guard(both, 2)).not.toThrow();
    for (const allowed of [undefined, 0, 1, 3])
      expect(guard(both, allowed)).toThrow(
        expect.objectContaining({
          code: 'refused',
          message: `2 phones would have no path to a configuration they believe: ${one} ${two}`,
        }),
      );
    expect(guard(await made(one))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^1 phone would have no path/) as string }),
    );
  });

  test('never, where a key is cut off that somebody else has', async () => {
    const { operation, planned } = await made(one);
    expect(guard({ operation: { ...operation, atAnyCost: true }, planned })).not.toThrow();
  });

  test('a lent key that is not the ITLRecovery of this cluster', async () => {
    const world = worldOf();
    const operation = await operationOf(world);
    const own = signerOf(firstOf('itlrecovery'));
    expect((await signedByLent(world.ports(), operation, own)).signer).toBe(own);
    for (const strange of [elsewhere.recovery, firstOf('callmanager', 'n')])
      await expect(signedByLent(world.ports(), operation, signerOf(strange))).rejects.toMatchObject({
        code: 'refused',
      });
  });
});

test('phones are told to boot where the change needs it', async () => {
  const world = worldOf(['n'], [one]);
  await did(world, 'update-itl');
  const operation = await operationOf(world);
  const commands = async (reset: 'all phones' | 'no phone') => {
    const { steps } = await planOperation(world.ports(), { ...operation, aftermath: { restart: [], reset } });
    return steps.map(({ command }) => command);
  };
  expect(await commands('all phones')).toEqual(['tftp-pki cut', 'tftp-pki reset-phones --behind']);
  expect(await commands('no phone')).toEqual(['tftp-pki cut']);
});

describe('a cluster that comes back from a backup', () => {
  async function restored(stuck: boolean, withOld = true) {
    const world = worldOf(['n'], [one, two]);
    const backup = world.database.rows;
    await did(world, 'update-itl');
    // Between backup and restore a key came that the backup does not have; one phone knows no other, nor our lists.
    if (stuck) await did(world, 'renew-cert callmanager', 'renew-cert callmanager --switch');
    const pair = stuck ? await addForeignItl(world, await world.signerInUse()) : pairOf(world.lists('n'));
    world.nowMs += 3_600_000;
    const { ports, old } = world.restored({ ...backup, devices: [one] });
    const heard = believing(world, { name: one, heardMs: 0, pairs: [pair] });
    const request = { old: withOld ? old : undefined, createdMs: 0, by: 'a test' };
    const audited: unknown[] = [];
    const recordAudit = ({ detail }: { readonly detail: unknown }): Promise<void> => {
      audited.push(detail);
      return Promise.resolve();
    };
    const store = { ...ports.store, recordAudit };
    const planned = await planContinuation(
      { ...ports, store, readBeliefs: () => heard.readBeliefs() },
      request,
    );
    return { ...planned, audited };
  }

  test('goes on above what was given out, as far as that is known', async () => {
    const known = await restored(false);
    expect(known).toMatchObject({
      forgotten: [two],
      strand: { stranded: [] },
      audited: [{ fieldKnown: true }],
    });
    expect(known.publication.current.map(({ generation }) => generation)).toEqual([1]);
    expect(known.steps.map(({ when }) => when)).toEqual([
      'now',
      'then: phones take the new lists when they boot',
    ]);
    const lost = await restored(false, false);
    expect(lost).toMatchObject({
      forgotten: [],
      publication: { current: [] },
      audited: [{ fieldKnown: false }],
    });
  });

  test('is refused where it lacks keys that phones rely on, unless somebody says how many', async () => {
    const planned = await restored(true);
    expect(planned.strand.stranded).toEqual([one]);
    expect(planned.steps[0]?.when).toMatch(/^of a later backup/);
    expect(() => refuseStrandingContinuation(planned, 1)).not.toThrow();
    for (const allowed of [undefined, 0, 2])
      expect(() => refuseStrandingContinuation(planned, allowed)).toThrow(
        expect.objectContaining({
          code: 'refused',
          message: `1 phones would have no path to a configuration they believe: ${one}`,
        }),
      );
    const fine = await restored(false);
    expect(() => refuseStrandingContinuation(fine, undefined)).not.toThrow();
    expect(() => refuseStrandingContinuation(fine, 1)).toThrow();
  });
});
