/**
 * Databases of every schema there ever was, kept as SQL (tools/vectors/databases.ts): each is brought forward by this
 * program, keeps what it held, and ends with the very tables of a new database.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditChainFault } from '../../src/core/audit/audit-chain.ts';
import { fillDocument } from '../../src/core/render/document.ts';
import type { Store } from '../../src/core/ports.ts';
import { filesBook } from '../../src/core/signing/sign-file.ts';
import { migrations } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/open-store.ts';
import { audit, crypto, list } from './store-values.ts';

const kept = migrations.map(({ number }) => ({
  schema: number,
  path: join(import.meta.dirname, `../vectors/databases/schema-${String(number).padStart(4, '0')}.sql`),
}));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-kept-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What each step's rows must still say; those of later steps are not in an older database. */
const held: Readonly<Record<number, (store: Store) => Promise<void>>> = {
  async 1(store) {
    expect(await store.readCluster()).toEqual({
      id: 'kept',
      mode: 'mixed',
      hash: 'sha1',
      createdMs: 1_790_000_000_001,
    });
    expect(await store.listNodes()).toMatchObject([{ name: 'tftp.kept', createdMs: 1_790_000_000_002 }]);
  },
  async 2(store) {
    const [own, retired] = await store.listCertificates();
    expect(own).toMatchObject({ id: 7, purpose: 'callmanager', node: 'tftp.kept', retiredMs: undefined });
    expect([...(own?.der ?? [])]).toEqual([0x30, 1]);
    expect(retired).toMatchObject({ id: 9, store: 'tvs-trust', retiredMs: 1_790_000_000_005 });
  },
  async 3(store) {
    const device = await store.findDevice('SEP001122334455');
    expect(device).toMatchObject({ model: 'CP-8851', security: 'encrypted', addedMs: 1_790_000_000_006 });
    expect(device?.lines).toEqual([
      { index: 1, extension: '1001' },
      { index: 2, extension: '1002' },
    ]);
    expect((await store.findBuildSource('SEP001122334466'))?.salt).toMatch(/^[0-9a-f]{32}$/);
    expect(await store.devicesToReset()).not.toContain('SEP001122334455');
  },
  async 4(store) {
    expect((await store.currentLists()).map(({ kind, generation }) => [kind, generation])).toEqual([
      ['ctl', 1],
      ['itl', 1],
    ]);
    expect(await store.listGeneration(0)).toMatchObject([{ timestamp: 1_790_000_000 }]);
    expect(await store.listGeneration(2)).toEqual([]);
    const number = await store.publish([list('itl', 'next')], () => undefined, audit);
    expect(number).toBe(3);
  },
  async 5(store) {
    const stamp = (content: string): Promise<number> =>
      store.signedTimestamp('Ringlist.xml.sgn', filesBook, content, 1);
    expect(await stamp('content')).toBeGreaterThanOrEqual(1_790_000_003);
    expect(await stamp('another')).toBeGreaterThan(1_790_000_003);
  },
  async 6(store) {
    expect(await store.version()).toBeGreaterThanOrEqual(41);
  },
  async 7(store) {
    const rows = await store.listAudit();
    expect(rows.slice(0, 2).map(({ who, seq }) => [who, seq])).toEqual([
      ['kept', 1],
      ['kept', 2],
    ]);
    expect(auditChainFault(crypto, rows)).toBeUndefined();
  },
  async 8(store) {
    expect((await store.readProvisioning()).provisioning).toMatchObject({ autoRegistration: true });
    const source = await store.findBuildSource('SEP001122334477');
    expect(source?.device).toMatchObject({
      pool: 'Berlin',
      load: 'sip.2',
      overrides: { 'vendorConfig/webAccess': '1' },
      lines: [{ index: 1, extension: '1003', label: 'Desk', authPassword: 'secret' }],
    });
    expect(source?.document && fillDocument(source.document, new Map(), undefined)).toEqual({
      ok: true,
      value: '<device><load>2</load></device>',
    });
    expect(await store.devicesToReset()).toEqual(['SEP001122334477']);
  },
  async 10(store) {
    const stamp = await store.signedTimestamp('never asked for', 'ab'.repeat(32), 'x', 1);
    expect(stamp).toBeGreaterThanOrEqual(1_790_000_004);
  },
  async 19(store) {
    expect(await store.listNodes()).toMatchObject([{ host: 'new.kept' }]);
  },
  async 21(store) {
    const [told] = await store.listSharedBeliefs();
    expect(told?.devices).toMatchObject([
      { name: 'SEP001122334455', handshakes: [{ service: 'tvs', atMs: 1_790_000_000_030 }] },
    ]);
  },
  async 23(store) {
    const [told] = await store.listTvsReports();
    expect(told).toMatchObject({
      node: 'tftp.kept',
      unknownSigners: [{ count: 3, signer: { serial: '0b' } }],
    });
  },
};

/** Tables, indexes and triggers, by name, without the white space of who wrote them. */
function layoutOf(path: string): unknown {
  const file = new Sqlite(path, { readonly: true });
  const rows = file.prepare('select type, name from sqlite_schema order by type, name').all();
  const tables = file
    .prepare("select name from sqlite_schema where type = 'table' order by name")
    .pluck()
    .all();
  const columns = tables.map((table) => [table, file.pragma(`table_info("${String(table)}")`)]);
  file.close();
  return { rows, columns };
}

describe('a kept database', () => {
  test('there is one of every schema that came before this one', () => {
    const missing = kept.slice(0, -1).filter(({ path }) => !existsSync(path));
    expect(missing, 'npx tsx tools/vectors/databases.ts').toEqual([]);
  });

  test.each(kept.filter(({ path }) => existsSync(path)))('of schema $schema', async ({ schema, path }) => {
    const at = join(folder, `${schema}.sqlite`);
    const file = new Sqlite(at);
    // As in every dump, rows come in the order of their tables and not of their references.
    file.pragma('foreign_keys = OFF');
    file.exec(readFileSync(path, 'utf8'));
    expect(file.pragma('foreign_key_check')).toEqual([]);
    file.close();
    const store = await openStore({ path: at, crypto });
    for (const [step, check] of Object.entries(held)) if (Number(step) <= schema) await check(store);
    await store.close();
    const fresh = join(folder, `${schema}-fresh.sqlite`);
    await (await openStore({ path: fresh, create: true, crypto })).close();
    expect(layoutOf(at)).toEqual(layoutOf(fresh));
  });
});
