import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bulkPurposes, bulkTypes, type BulkPurpose } from '../../../../src/core/bulk/bulk-type.ts';
import { isForPhones, landingStores, typesOf } from '../../../../src/core/bulk/landing.ts';
import {
  endedRows,
  planImport,
  type ImportPlan,
  type ImportQuestion,
} from '../../../../src/core/bulk/plan-import.ts';
import { powerOf } from '../../../../src/core/trust/power.ts';
import type { Landed, StoredCertificate } from '../../../../src/core/cluster/model.ts';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { crypto, factsOf, sourceOf, type Exported } from '../../../helpers/bulk-source.ts';
import { day, now } from '../../../helpers/trust-builder.ts';

const nowMs = now * 1000;
const untilMs = nowMs + 30 * day * 1000;

type Row = ImportQuestion['rows'][number];

function ask(question: Partial<ImportQuestion> = {}): ImportPlan {
  return planImport({
    purpose: 'proxy',
    sources: [],
    rows: [],
    untilMs: undefined,
    nowMs,
    by: 'tester',
    place: '/share',
    ...question,
  });
}

function rowOf(
  id: number,
  certificate: CertificateFacts,
  store: StoredCertificate['store'],
  more: Partial<StoredCertificate> = {},
): Row {
  const { der, fingerprint } = certificate;
  const row = {
    id,
    store,
    purpose: undefined,
    node: undefined,
    der,
    fingerprint,
    provenance: 'x',
    addedMs: 1,
  };
  return { row: { ...row, retiredMs: undefined, ...more }, certificate };
}

/** The database after a plan was taken over. */
function applied(rows: readonly Row[], { change }: ImportPlan): readonly Row[] {
  const { addCertificates = [], landCertificates = [], retireCertificates = [] } = change;
  const kept = rows.map(({ row, certificate }): Row => {
    const landed = landCertificates.find(({ id }) => id === row.id)?.landed ?? row.landed;
    const retiredMs = retireCertificates.includes(row.id) ? nowMs : row.retiredMs;
    return { row: { ...row, landed, retiredMs }, certificate };
  });
  const added = addCertificates.map((each, at): Row => {
    const certificate = crypto.readCertificate(each.der);
    if (certificate === undefined) throw new Error('a row is no certificate');
    return { row: { ...each, id: 1_000 + rows.length + at, retiredMs: undefined }, certificate };
  });
  return [...kept, ...added];
}

const signer = factsOf('n1.hub', { serial: '21' });
const one = (exported: Partial<Exported> = {}): readonly Exported[] => [
  { type: 'tftp', node: 'n1', certificate: signer, ...exported },
];
const landed = (cluster: string, purpose: BulkPurpose, until?: number): Landed => ({
  cluster,
  purpose,
  untilMs: until,
});

describe('what is left out', () => {
  it.each([
    [
      'expired',
      factsOf('x', { serial: '31', notBefore: now - 9 * day, notAfter: now - 1 }),
      /^it expired on 2026-11-/,
    ],
    ['not yet valid', factsOf('x', { serial: '32', notBefore: now + day }), /^it begins on 2026-11-/],
    ['a weak key', factsOf('x', { serial: '33', key: 'short' }), /^its key is weak: RSA-1024$/],
    [
      'a curve, for phones',
      factsOf('x', { serial: '34', key: 'curve' }),
      /^phones can check nothing that an EC key signed$/,
    ],
  ])('%s', (_, certificate, reason) => {
    const { leftOut, change } = ask({ sources: [sourceOf('hub', one({ certificate }))] });
    expect(leftOut).toMatchObject([{ reason: expect.stringMatching(reason) as string }]);
    expect(leftOut[0]?.hint).toMatch(/\.$/);
    expect(change.addCertificates).toEqual([]);
  });

  it('a curve is no fault where no phone looks', () => {
    const tomcat = factsOf('web', { serial: '35', key: 'curve' });
    const sources = [sourceOf('hub', [{ type: 'tomcat', certificate: tomcat }])];
    expect(ask({ purpose: 'emcc', sources }).landings).toHaveLength(1);
  });

  it('our own, retired too', () => {
    const rows = [rowOf(1, signer, 'own', { purpose: 'callmanager', retiredMs: 5 })];
    expect(ask({ rows, sources: [sourceOf('hub', one())] }).leftOut).toMatchObject([
      { reason: 'it is our own' },
    ]);
  });

  it('a second key for one issuer and serial, in any store, retired, or in the same exchange (security.md §5)', () => {
    const double = factsOf('n1.hub', { serial: '21', key: 'callmanager-a' });
    const reason = { reason: 'another key has its issuer and serial here' };
    for (const store of ['own', 'tvs-trust', 'capf-trust'] as const)
      for (const retiredMs of [undefined, 5]) {
        const rows = [rowOf(1, double, store, { retiredMs })];
        expect(ask({ rows, sources: [sourceOf('hub', one())] }).leftOut).toMatchObject([reason]);
      }
    const both = ask({ sources: [sourceOf('hub', one()), sourceOf('beta', one({ certificate: double }))] });
    expect(both.leftOut).toMatchObject([{ cluster: 'beta', ...reason }]);
    expect(both.landings).toMatchObject([{ cluster: 'hub' }]);
  });
});

describe('what stands already', () => {
  const source = sourceOf('beta', one());
  const standing = (more: Partial<StoredCertificate>) => [rowOf(7, signer, 'phone-sast-trust', more)];
  const state = (rows: readonly Row[], until = untilMs) =>
    ask({ purpose: 'migrate', sources: [source], rows, untilMs: until }).landings.find(
      ({ store }) => store === 'phone-sast-trust',
    )?.state;

  it('stands longer only by an end that is later: a person’s trust has none', () => {
    expect(state([])).toBe('new');
    expect(state(standing({}))).toBe('stands');
    expect(state(standing({ landed: landed('beta', 'emcc') }))).toBe('stands');
    expect(state(standing({ landed: landed('beta', 'migrate', untilMs + 1) }))).toBe('stands');
    expect(state(standing({ landed: landed('beta', 'migrate', untilMs - 1) }))).toBe('stands longer');
    expect(state(standing({ retiredMs: 5, landed: landed('beta', 'migrate', untilMs) }))).toBe('new');
  });

  it('ends when its day has come, and not before', () => {
    const rows = standing({ landed: landed('beta', 'migrate', untilMs) }).map(({ row }) => row);
    expect(endedRows(rows, untilMs - 1)).toEqual([]);
    expect(endedRows(rows, untilMs)).toEqual(rows);
  });
});

describe('what goes', () => {
  const fresh = factsOf('n1.hub', { serial: '22' });
  const rows = [rowOf(7, signer, 'phone-tftp-trust', { landed: landed('hub', 'proxy') })];

  it('is what the same cluster named for the same purpose, and does not any more', () => {
    const after = ask({ rows, sources: [sourceOf('hub', one({ certificate: fresh }))] });
    expect(after.removals.map(({ row }) => row.id)).toEqual([7]);
    expect(after.change.retireCertificates).toEqual([7]);
    expect(after.landings).toMatchObject([{ state: 'new' }]);
  });

  it('not what another cluster of this import names: it stands by that one’s word', () => {
    const sources = [sourceOf('hub', one({ certificate: fresh })), sourceOf('beta', one())];
    const { removals, change } = ask({ rows, sources });
    expect(removals).toEqual([]);
    expect(change.landCertificates).toEqual([{ id: 7, landed: landed('beta', 'proxy') }]);
  });

  it('never by absence, of another purpose, of another cluster, or what a person trusted', () => {
    const renewed = sourceOf('hub', one({ certificate: fresh }));
    expect(ask({ rows, sources: [sourceOf('beta', one())] }).removals).toEqual([]);
    expect(ask({ rows, purpose: 'emcc', sources: [renewed] }).removals).toEqual([]);
    const mine = [rowOf(7, signer, 'phone-tftp-trust')];
    expect(ask({ rows: mine, sources: [renewed] }).removals).toEqual([]);
    expect(ask({ rows, sources: [sourceOf('hub', one())] }).removals).toEqual([]);
  });
});

it('what each store gives is said in words: only phone-sast-trust signs lists', () => {
  for (const purpose of bulkPurposes)
    for (const type of typesOf(purpose))
      for (const store of landingStores(purpose, type))
        expect(/could sign trust lists for 3 phones/.test(powerOf(store, 3))).toBe(
          store === 'phone-sast-trust',
        );
});

describe('for any exchange', () => {
  const names = ['a', 'b'];
  const pool = [
    ...names.flatMap((name) => ['41', '42'].map((serial) => factsOf(name, { serial }))),
    factsOf('a', { serial: '41', key: 'callmanager-a' }),
    factsOf('weak', { serial: '43', key: 'short' }),
    factsOf('curve', { serial: '44', key: 'curve' }),
    factsOf('old', { serial: '45', notAfter: now - 1 }),
  ];
  const exported = fc.record({
    type: fc.constantFrom(...bulkTypes),
    node: fc.constantFrom('', 'n1', 'n2'),
    certificate: fc.constantFrom(...pool),
  });
  const sources = fc
    .record({ hub: fc.array(exported, { maxLength: 5 }), beta: fc.array(exported, { maxLength: 5 }) })
    .map(({ hub, beta }) => [sourceOf('hub', hub), sourceOf('beta', beta)]);
  const round = fc.record({ purpose: fc.constantFrom(...bulkPurposes), sources });

  it('lands by the table alone, once in each store, and the same again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(round, { minLength: 1, maxLength: 4 }), (rounds) => {
        let rows: readonly Row[] = [];
        for (const { purpose, sources: from } of rounds) {
          const question = {
            purpose,
            sources: from,
            rows,
            untilMs: purpose === 'migrate' ? untilMs : undefined,
          };
          const plan = ask(question);
          for (const { store, type } of plan.landings) expect(landingStores(purpose, type)).toContain(store);
          for (const each of plan.change.addCertificates ?? []) {
            expect(each.landed).toMatchObject({ purpose, untilMs: question.untilMs });
            const facts = crypto.readCertificate(each.der);
            expect(facts !== undefined && facts.notAfter * 1000 >= nowMs).toBe(true);
            if (each.store !== 'own' && isForPhones(each.store)) expect(facts?.publicKey.kind).toBe('rsa');
          }
          rows = applied(rows, plan);
          const standing = rows.filter(({ row }) => row.retiredMs === undefined);
          const places = standing.map(({ row }) => `${row.store} ${row.fingerprint}`);
          expect(new Set(places).size).toBe(places.length);
          const again = ask({ ...question, rows }).change;
          expect([again.addCertificates, again.landCertificates, again.retireCertificates]).toEqual([
            [],
            [],
            [],
          ]);
        }
        // One answer for one issuer and serial (security.md §5).
        const keys = new Map<string, string>();
        for (const { certificate } of rows) {
          const asked = `${certificate.issuer} ${certificate.serial.join('.')}`;
          const key = certificate.publicKey.spki.join('.');
          expect(keys.get(asked) ?? key).toBe(key);
          keys.set(asked, key);
        }
      }),
      { numRuns: 300, seed: 12 },
    );
  });
});
