/**
 * Somebody with the database in hand changes the record of who changed trust: `audit --verify` says so, whatever was
 * done, and the database itself refuses the ordinary ways. Rows cut off at the end show by a hash kept elsewhere.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealAuditRow, type AuditRow } from '../../src/core/audit/audit-chain.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { Enterprise, type Member, type Ran } from '../helpers/enterprise.ts';

const crypto = createVerifier();
let enterprise: Enterprise;
let alpha: Member;
/** Of the whole record. */
let head: string;

beforeAll(async () => {
  enterprise = new Enterprise();
  alpha = enterprise.cluster('alpha');
  await alpha.init('nonsecure');
  for (const why of ['the signer is renewed', 'ticket 4711: "quoted", ünïcödé'])
    await alpha.done('update-itl', '--yes', '--reason', why);
  await alpha.done('set-mode', 'mixed', '--yes');
  head = String((await alpha.done('audit', '--verify'))['head']);
}, 60_000);
afterAll(() => enterprise.remove());

/** What `audit` says of a copy of the database that `change` was done to, by hand and around the triggers. */
async function after(change: (database: Sqlite.Database) => void, ...words: readonly string[]): Promise<Ran> {
  const copy = enterprise.cluster('copy');
  cpSync(alpha.data, copy.data, { recursive: true });
  const database = new Sqlite(join(copy.data, 'database.sqlite'));
  for (const verb of ['update', 'delete', 'replace']) database.exec(`drop trigger audit_no_${verb}`);
  change(database);
  database.close();
  try {
    return await copy.run('audit', '--verify', ...words);
  } finally {
    rmSync(copy.data, { recursive: true });
  }
}

const rowOf = (database: Sqlite.Database, seq: number): AuditRow => {
  const row = database.prepare('select * from audit where seq = ?').get(seq) as AuditRow & { at_ms: number };
  return { ...row, atMs: row.at_ms };
};

/** As who knows the rule would write it. */
function writeSealed(database: Sqlite.Database, before: AuditRow | undefined, row: AuditRow): void {
  const detail = JSON.parse(row.detail) as Record<string, string>;
  const { seq, atMs, who, operation, previous, hash, ...sealed } = sealAuditRow(crypto, before, {
    ...row,
    detail,
  });
  database
    .prepare(
      'insert or replace into audit (seq, at_ms, who, operation, detail, previous, hash) values (?,?,?,?,?,?,?)',
    )
    .run(seq, atMs, who, operation, sealed.detail, previous, hash);
}

describe('the chain', () => {
  it('is whole as it was written, with who and why', async () => {
    expect(await alpha.run('audit', '--verify', '--head', head)).toMatchObject({
      status: 0,
      json: { whole: true, fault: null, head },
    });
    const rows = (await alpha.run('audit')).json as unknown as readonly Record<string, unknown>[];
    expect(rows.filter(({ operation }) => operation === 'update-itl')).toMatchObject([
      { detail: { reason: 'the signer is renewed' } },
      { detail: { reason: 'ticket 4711: "quoted", ünïcödé' } },
    ]);
    expect(rows.at(-1)).toMatchObject({
      operation: 'set-mode mixed',
      detail: expect.not.objectContaining({ reason: '' }),
    });
  });

  it.each([
    [
      'changed: who',
      (database: Sqlite.Database) => database.exec("update audit set who = 'nobody' where seq = 2"),
      'row 2 was changed',
    ],
    [
      'changed: when',
      (database: Sqlite.Database) => database.exec('update audit set at_ms = at_ms + 1 where seq = 1'),
      'row 1 was changed',
    ],
    [
      'changed: why',
      (database: Sqlite.Database) =>
        database.exec("update audit set detail = replace(detail, 'renewed', 'revoked') where seq = 3"),
      'row 3 was changed',
    ],
    [
      'changed, and its hash computed anew',
      (database: Sqlite.Database) =>
        writeSealed(database, rowOf(database, 1), { ...rowOf(database, 2), who: 'nobody' }),
      'row 3 does not follow',
    ],
    [
      'removed',
      (database: Sqlite.Database) => database.exec('delete from audit where seq = 2'),
      'row 2 is missing',
    ],
    [
      'removed, and the others moved up',
      (database: Sqlite.Database) =>
        database.exec('delete from audit where seq = 2; update audit set seq = seq - 1 where seq > 2'),
      'row 2 does not follow',
    ],
    [
      'inserted',
      (database: Sqlite.Database) => {
        database.exec(
          'update audit set seq = -seq where seq > 1; update audit set seq = 1 - seq where seq < 0',
        );
        writeSealed(database, rowOf(database, 1), { ...rowOf(database, 1), operation: 'update-ctl' });
      },
      'row 3 does not follow',
    ],
    [
      'the first one gone',
      (database: Sqlite.Database) => database.exec('delete from audit where seq = 1'),
      'row 1 is missing',
    ],
  ])('%s', async (_, change, fault) => {
    const { status, said, json } = await after(change);
    expect([status, json['whole']]).toEqual([1, false]);
    expect(json['fault']).toContain(fault);
    expect(said).toContain('tftp-pki: error: the audit is broken: row');
  });

  it('cut at its end: whole in itself, and broken for who kept its hash', async () => {
    const cut = (database: Sqlite.Database): void =>
      void database.exec('delete from audit where seq = (select max(seq) from audit)');
    expect(await after(cut)).toMatchObject({ status: 0, json: { whole: true } });
    const kept = await after(cut, '--head', head);
    expect(kept).toMatchObject({ status: 1, json: { whole: false } });
    expect(kept.said).toContain('rows are missing at its end');
    // All rows made anew, each with its right hash.
    const forged = await after(
      (database) => {
        const count = (database.prepare('select count(*) as rows from audit').get() as { rows: number }).rows;
        let before: AuditRow | undefined;
        for (let seq = 1; seq <= count; seq++) {
          writeSealed(database, before, { ...rowOf(database, seq), who: 'nobody' });
          before = rowOf(database, seq);
        }
      },
      '--head',
      head.toUpperCase(),
    );
    expect(forged).toMatchObject({ status: 1, json: { whole: false } });
  });
});

it('the database itself refuses to change, delete or replace a row', async () => {
  const database = new Sqlite(join(alpha.data, 'database.sqlite'));
  try {
    for (const statement of [
      "update audit set who = 'nobody'",
      'delete from audit',
      'delete from audit where seq = 1',
      'replace into audit select * from audit where seq = 1',
      'insert or replace into audit select * from audit',
      "insert into audit select * from audit where true on conflict (seq) do update set who = 'nobody'",
      'insert or ignore into audit select * from audit',
      'update or replace audit set seq = 1 where seq = 2',
    ])
      expect(() => database.exec(statement), statement).toThrow(/append-only/);
  } finally {
    database.close();
  }
  expect(await alpha.run('audit', '--verify', '--head', head)).toMatchObject({ status: 0 });
});

it('--head and --reason are refused where they make no sense', async () => {
  expect(await alpha.run('audit', '--head', head)).toMatchObject({ status: 2 });
  for (const reason of ['', ' ', 'two\nlines', 'x'.repeat(501)])
    expect(await alpha.run('update-itl', '--yes', '--reason', reason)).toMatchObject({ status: 2 });
});
