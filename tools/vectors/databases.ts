/**
 * Keeps a database of every schema: `tsx tools/vectors/databases.ts` writes test/vectors/databases/schema-NNNN.sql for
 * each schema that has none yet, with rows in all its tables. Kept ones are never written again: they are what users
 * have, and test/store/kept-databases.test.ts brings each of them forward. Run it when a migration was added.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { sealAuditRow } from '../../src/core/audit/audit-chain.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { migrate, migrations } from '../../src/store/migrate.ts';
import { openSqlite } from '../../src/store/sqlite.ts';

const folder = fileURLToPath(new URL('../../test/vectors/databases/', import.meta.url));
const signer = 'ab'.repeat(32);

/** Rows as a program of that schema wrote them, by the number of the step that made room for them. */
const rows: Readonly<Record<number, readonly string[]>> = {
  1: [
    "insert into cluster values (1, 'kept', 'mixed', 'sha1', 1790000000001)",
    "insert into node values ('tftp.kept', 1790000000002)",
  ],
  2: [
    `insert into certificate values
      (7, 'own', 'callmanager', 'tftp.kept', x'3001', '${signer}', 'issued by kept', 1790000000003, null),
      (9, 'tvs-trust', null, null, x'3002', '${'cd'.repeat(32)}', 'imported', 1790000000004, 1790000000005)`,
  ],
  3: [
    `insert into device (name, model, protocol, security, certificate_der, added_ms) values
      ('SEP001122334455', 'CP-8851', 'SIP', 'encrypted', x'3003', 1790000000006),
      ('SEP001122334466', 'CP-7962G', 'SCCP', 'none', null, 1790000000007)`,
    `insert into device_line (device, line, extension) values
      ('SEP001122334455', 1, '1001'), ('SEP001122334455', 2, '1002')`,
  ],
  4: [
    "insert into generation values (0, 'published'), (1, 'published'), (2, 'staged')",
    `insert into trust_list values
      (0, 'itl', 'tftp.kept', x'00', '${signer}', '${'00'.repeat(32)}', 1790000000, 1790000000008),
      (1, 'itl', 'tftp.kept', x'01', '${signer}', '${'11'.repeat(32)}', 1790000001, 1790000000009),
      (1, 'ctl', 'tftp.kept', x'02', '${signer}', '${'22'.repeat(32)}', 1790000002, 1790000000010)`,
    'update trust_state set current = 1, last = 2',
  ],
  5: [`insert into signed_timestamp values ('${signer}', 'Ringlist.xml.sgn', 'content', 1790000003)`],
  6: ['update revision set number = 41'],
  7: auditRows(),
  8: [
    `update provisioning set changed_ms = 1790000000011, document = '{"groups":{"Default":{"members":[],"tvs":[],"capf":[]}},"pools":{},"models":{},"autoRegistration":true,"buildCnf":"none","cnfModels":[],"rings":[],"resetCommand":[]}'`,
    `insert into document_template values
      ('kept-template', '{"id":"kept-template","text":"<device><load>1</load></device>","encoding":"utf-8","slots":[{"path":"load","start":14,"end":15}],"ends":{"":22},"head":0}')`,
    `insert into device (name, model, protocol, security, certificate_der, added_ms, pool, load, overrides, source_sha256,
      document_values, template, salt, changed_ms, reset_ms) values
      ('SEP001122334477', 'imported', 'SIP', 'none', null, 1790000000012, 'Berlin', 'sip.2', '{"vendorConfig/webAccess":"1"}',
      '${'33'.repeat(32)}', '{"0":"2"}', 'kept-template', '${'ef'.repeat(16)}', 1790000000014, 1790000000013)`,
    `insert into device_line values ('SEP001122334477', 1, '1003', 'Desk', 'Somebody', 'user', 'secret')`,
  ],
  9: [
    `insert into remote_cluster (id, servers, secure, pin, pinned_ms, common, verify, asks, added_ms) values
      ('other', '[]', 1, null, null, 'auto', null, '[]', 1790000000015)`,
    "insert into remote_server values ('other', '192.0.2.1:69', 1790000000016, null, null)",
    `insert into remote_list values ('other', '192.0.2.1:69', 'itl', x'04', '${'44'.repeat(32)}', 1790000000017)`,
    "insert into device_home values ('SEP0011223344FF', 'remote', 'other', 1790000000018, null)",
  ],
  10: ['update trust_state set timestamp_floor = 1790000004'],
  11: [
    `insert into bulk_peer values ('other', '${'55'.repeat(32)}', 3, null, 1790000000021, 'kept')`,
    'insert into bulk_export values (1, 5)',
    "update certificate set landed_cluster = 'other', landed_purpose = 'tvs', until_ms = 1790000000022 where id = 9",
  ],
  12: [
    `insert into rotation values ('tvs', '${'66'.repeat(32)}', 'published', 1790000000023, 1790000000024)`,
  ],
  13: ["insert into node values ('gone.kept', 1790000000025, 1790000000026)"],
  16: [
    'update change_count set number = 3',
    "insert into device_gone values ('SEP001122334488', 2)",
    "insert into node_state values ('tftp.kept', 41, 1790000000027, 1790000000028)",
  ],
  19: ["update node set host = 'new.kept' where name = 'tftp.kept'"],
  21: [
    `insert into belief (node, device, pairs, address, heard_ms, unanswered, gap, deliveries, handshakes) values
      ('tftp.kept', 'SEP001122334455', '?', '192.0.2.3', 1790000000029, 0, 0, '[]',
        '[{"service":"tvs","server":"${signer}","atMs":1790000000030}]')`,
  ],
  23: [
    `insert into tvs_report values ('tftp.kept',
      '[{"device":"SEP001122334455","count":3,"lastMs":1790000000031,"signer":{"issuer":"CN=b","serial":"0b"}}]')`,
  ],
};

function auditRows(): readonly string[] {
  const entry = { who: 'kept', operation: 'init', detail: { cluster: 'kept' } };
  const first = sealAuditRow(createVerifier(), undefined, { ...entry, atMs: 1_790_000_000_019 });
  const second = sealAuditRow(createVerifier(), first, { ...entry, atMs: 1_790_000_000_020 });
  return [first, second].map(
    ({ seq, atMs, who, operation, detail, previous, hash }) =>
      `insert into audit values (${seq}, ${atMs}, '${who}', '${operation}', '${detail}', '${previous}', '${hash}')`,
  );
}

/** The whole database as SQL text: a change of it can be read in a review. */
async function dumpOf(schema: number): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'tftp-pki-kept-'));
  const path = join(work, 'database.sqlite');
  try {
    for (let step = 1; step <= schema; step++) {
      const database = await openSqlite({ path, create: true });
      await migrate(database, { readonly: false, steps: migrations.slice(0, step) });
      await database.close();
      const file = new Sqlite(path);
      file.pragma('foreign_keys = ON');
      for (const row of rows[step] ?? []) file.exec(row);
      file.close();
    }
    return dump(path);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function dump(path: string): string {
  const file = new Sqlite(path, { readonly: true });
  const objects = file
    .prepare("select type, name, sql from sqlite_schema where sql is not null and name not like 'sqlite_%'")
    .all() as { type: string; name: string; sql: string }[];
  const tables = objects.filter(({ type }) => type === 'table');
  const lines = tables.map(({ sql }) => `${sql};`);
  for (const { name } of tables) {
    const columns = (file.pragma(`table_info(${name})`) as { name: string }[]).map((column) => column.name);
    const values = columns.map((column) => `quote("${column}")`).join(` || ', ' || `);
    const list = columns.map((column) => `"${column}"`).join(', ');
    const found = file.prepare(`select ${values} from "${name}"`).pluck().all() as string[];
    for (const row of found) lines.push(`insert into "${name}" (${list}) values (${row});`);
  }
  // Triggers and indexes last: an append-only table is filled before it is closed.
  for (const { type, sql } of objects) if (type !== 'table') lines.push(`${sql};`);
  file.close();
  return `${lines.join('\n')}\n`;
}

mkdirSync(folder, { recursive: true });
for (const { number } of migrations) {
  const path = join(folder, `schema-${String(number).padStart(4, '0')}.sql`);
  if (existsSync(path)) continue;
  writeFileSync(path, await dumpOf(number));
  console.log(path);
}
