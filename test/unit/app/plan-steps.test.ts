/** The order of steps that strands nobody: what goes first, what may follow and when, and what nobody can help (design.md §5). */
import { describe, expect, test } from 'vitest';
import { planPublication, type PublicationRequest } from '../../../src/app/plan-publication.ts';
import { planSteps, type SteppedOperation } from '../../../src/app/plan-steps.ts';
import { planStrand } from '../../../src/app/plan-strand.ts';
import type { CertificatePurpose } from '../../../src/core/cluster/model.ts';
import type { NewCertificate } from '../../../src/core/ports.ts';
import type { PairKey } from '../../../src/core/trust/belief.ts';
import { addForeignItl, alterRows, believing, did, pairOf, worldOf } from '../../helpers/believed-world.ts';
import { createPoolIssuer, crypto, elsewhere, firstOf } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const [one, two] = ['SEP001122330001', 'SEP001122330002'] as const;
const reset = 'tftp-pki reset-phones --behind';

type Pairs = Readonly<Record<string, PairKey>>;

async function strandOf(world: TrustWorld, pairs: Pairs, request: PublicationRequest, heardMs = 0) {
  const beliefs = Object.entries(pairs).map(([name, pair]) => ({ name, pairs: [pair], heardMs }));
  const ports = believing(world, ...beliefs);
  return planStrand(ports, await planPublication(ports, request));
}

/** `command: when`, with how many it strands where it does. */
async function stepsOf(
  world: TrustWorld,
  pairs: Pairs,
  operation: Partial<SteppedOperation>,
): Promise<readonly string[]> {
  const whole = { operation: 'change', request: {}, resets: false, follows: undefined, ...operation };
  const steps = await planSteps(crypto, whole, await strandOf(world, pairs, whole.request));
  return steps.map(
    ({ command, when, stranded }) =>
      `${command}: ${when}${stranded === 0 ? '' : ` (${stranded ?? 'not counted'})`}`,
  );
}

const idsOf = (world: TrustWorld, ...purposes: readonly CertificatePurpose[]): readonly number[] =>
  world.database.rows.certificates.flatMap((row) =>
    row.retiredMs === undefined && row.purpose !== undefined && purposes.includes(row.purpose)
      ? [row.id]
      : [],
  );

async function fresh(purpose: 'callmanager' | 'itlrecovery'): Promise<NewCertificate> {
  const asked = { purpose, clusterId: 'A', nodeName: 'n', notBeforeMs: 0 } as const;
  const { der, fingerprint } = (await createPoolIssuer().issue(asked)).certificate;
  const node = purpose === 'itlrecovery' ? undefined : 'n';
  return { store: 'own', purpose, node, der, fingerprint, provenance: 'a test', addedMs: 0 };
}

/** Another CallManager at once, which no command does. */
async function anotherKey(world: TrustWorld): Promise<PublicationRequest> {
  const retireCertificates = idsOf(world, 'callmanager');
  return { change: { addCertificates: [await fresh('callmanager')], retireCertificates } };
}

async function published(
  devices: readonly string[] = [one],
  ...then: readonly string[]
): Promise<TrustWorld> {
  const world = worldOf(['n'], devices);
  await did(world, 'update-itl', ...then);
  return world;
}

describe('a change that strands nobody', () => {
  test('is done now; phones boot where it needs them to; later commands stand behind', async () => {
    const world = await published();
    const pairs = { [one]: pairOf(world.lists('n')) };
    expect(await stepsOf(world, pairs, {})).toEqual(['tftp-pki change: now']);
    const laterSteps = [{ command: 'later', when: 'one day', stranded: 0 }];
    expect(await stepsOf(world, pairs, { resets: true, laterSteps })).toEqual([
      'tftp-pki change: now',
      `${reset}: then: phones take the new lists when they boot`,
      'later: one day',
    ]);
  });

  test('and what follows it may at any time, where it strands nobody either way', async () => {
    const world = await published();
    const follows = { command: 'next', request: {} };
    expect(await stepsOf(world, { [one]: pairOf(world.lists('n')) }, { follows })).toEqual([
      'tftp-pki change: now',
      'next: at any time: it strands nobody, whoever took the new lists',
    ]);
  });

  test('or when all have taken the new lists, where those that did not would be stranded', async () => {
    const world = await published([one, two]);
    // The first lists name the old ITLRecovery alone: who missed the next ones takes nothing from the new one.
    const old = pairOf(world.lists('n'));
    const request = { change: { addCertificates: [await fresh('itlrecovery')] } };
    const change = {
      addCertificates: [await fresh('callmanager')],
      retireCertificates: idsOf(world, 'itlrecovery', 'callmanager'),
    };
    const follows = { command: 'next', request: { change } };
    expect((await stepsOf(world, { [one]: old }, { request, follows })).at(-1)).toBe(
      'next: when all have taken the new lists: 1 phone would be stranded before',
    );
    expect((await stepsOf(world, { [one]: old, [two]: old }, { request, follows })).at(-1)).toBe(
      'next: when all have taken the new lists: 2 phones would be stranded before',
    );
  });

  test('or not without hands, where a phone takes none of our lists', async () => {
    const world = await published();
    const foreign = await addForeignItl(world, firstOf('callmanager', 'n'));
    const follows = { command: 'next', request: await anotherKey(world) };
    expect((await stepsOf(world, { [one]: foreign }, { follows })).at(-1)).toBe(
      `next: when they have booted, and it strands 1 even then: ${one} (1)`,
    );
  });

  test('or not yet, where an invariant forbids it; what cannot be read is no such thing', async () => {
    const world = await published([one], 'set-mode mixed');
    const pairs = { [one]: pairOf(world.lists('n')) };
    const follows = { command: 'next', request: { kinds: ['itl'], signer: elsewhere.recovery } as const };
    expect((await stepsOf(world, pairs, { follows })).at(-1)).toMatch(
      /^next: not yet: this generation could strand phones: the signer of the ITL is no SAST in the CTL \(not counted\)$/,
    );
    const operation = { operation: 'change', request: {}, resets: false };
    const strand = await strandOf(world, pairs, {});
    const { after } = strand.basis;
    const current = after.current.map((list) => ({ ...list, bytes: Uint8Array.of(1) }));
    const basis = { ...strand.basis, after: { ...after, current } };
    const carriedOver = { ...operation, follows: { command: 'next', request: { kinds: [] } } };
    await expect(planSteps(crypto, carriedOver, { ...strand, basis })).rejects.toMatchObject({
      code: 'storage-corrupt',
    });
  });
});

describe('before a change that strands phones', () => {
  test('those boot that would take the lists in force', async () => {
    const world = await published();
    const old = pairOf(world.lists('n'));
    await did(world, 'renew-cert itlrecovery');
    const change = {
      addCertificates: [await fresh('callmanager')],
      retireCertificates: [...idsOf(world, 'itlrecovery').slice(0, 1), ...idsOf(world, 'callmanager')],
    };
    expect(await stepsOf(world, { [one]: old }, { request: { change } })).toEqual([
      `${reset}: first: 1 phone would take the lists in force, and not be stranded`,
      'tftp-pki change: when they have booted: plan counts no stranded phone then',
    ]);
  });

  test('lists by the CallManager key in use free those that know no ITLRecovery of ours', async () => {
    const world = await published([one], 'set-mode mixed');
    const old = pairOf(world.lists('n'));
    await did(world, 'renew-cert itlrecovery', 'renew-cert itlrecovery --switch');
    const steps = await stepsOf(world, { [one]: old }, { request: await anotherKey(world) });
    expect(steps).toEqual([
      'tftp-pki reset-ctl localkey: then: it frees 1 phone',
      `${reset}: then: phones take these lists when they boot`,
      'tftp-pki change: when they have booted: plan counts no stranded phone then',
    ]);
  });

  test('where there is no CTL the ITL does', async () => {
    const world = await published([one, two]);
    const old = pairOf(world.lists('n'));
    await did(world, 'renew-cert itlrecovery', 'renew-cert itlrecovery --switch');
    const foreign = await addForeignItl(world, firstOf('callmanager', 'n'));
    const request = await anotherKey(world);
    expect(await stepsOf(world, { [one]: old, [two]: foreign }, { request })).toEqual([
      'tftp-pki reset-itl localkey: then: it frees 1 phone',
      `${reset}: then: phones take these lists when they boot`,
      `tftp-pki change --strand 1: then: ${two} would need hands, or what plan --recover says (1)`,
    ]);
    expect(await stepsOf(world, { [two]: foreign }, { request })).toEqual([
      `tftp-pki change --strand 1: nothing known may go first: ${two} would need hands, or what plan --recover says (1)`,
    ]);
  });

  test('what an invariant forbids goes first of nothing', async () => {
    const world = await published();
    const [held, added] = [pairOf(world.lists('n')), await fresh('callmanager')];
    // The database was brought back: it has another CallManager than the lists in force, and only the TVS knows it.
    alterRows(world, (row) => (row.purpose === 'callmanager' ? { ...row, ...added } : row));
    const request = { listsStay: true, change: { retireCertificates: idsOf(world, 'tvs') } };
    expect(await stepsOf(world, { [one]: held }, { request })).toEqual([
      `tftp-pki change --strand 1: nothing known may go first: ${one} would need hands, or what plan --recover says (1)`,
    ]);
  });

  test('what helps is said by the change, where that is no list', async () => {
    const world = await published();
    const foreign = await addForeignItl(world, firstOf('callmanager', 'n'));
    const firstSteps = [{ command: 'first', when: 'there', stranded: 0 }];
    expect(
      await stepsOf(world, { [one]: foreign }, { request: await anotherKey(world), firstSteps }),
    ).toEqual(['first: there', 'tftp-pki change: when plan counts no stranded phone any more']);
  });
});
