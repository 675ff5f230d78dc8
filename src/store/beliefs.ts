/**
 * Beliefs in a file of their own, `beliefs.sqlite`: thousands of small writes a second must not wait for the database
 * of the cluster, nor it for them. One writer, the server; commands read beside it. What it lost in a crash is known to
 * be lost (`unfinished`). synchronous=NORMAL: a power cut may take the last transactions, never the file.
 * Refused: a file of a newer program.
 */
import { existsSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { Failure } from '../base/errors.ts';
import type { Delivery, Gap, ServedList, UnansweredConfig } from '../core/trust/belief-book.ts';
import {
  noBeliefs,
  type BeliefWriter,
  type StoredBelief,
  type StoredBeliefs,
} from '../core/trust/belief-store.ts';
import type { Handshake } from '../core/trust/handshake.ts';
import { createPrivateFile } from './durable.ts';
import { sqliteFailure } from './sqlite-failure.ts';

const schemaVersion = 3;

const schema = `
  create table pair_set (id integer primary key, pairs text not null unique) strict;
  create table device (
    name text primary key,
    pair_set integer not null references pair_set (id),
    address text not null,
    heard_ms integer not null,
    proved_ms integer,
    showed_ms integer,
    showed_signer text,
    unanswered integer not null,
    unanswered_configs text not null default '[]',
    handshakes text not null default '[]',
    gap integer not null,
    deliveries text not null
  ) strict, without rowid;
  create table gap (number integer primary key, at_ms integer not null, pairs text not null) strict;
  create table writer (singleton integer primary key check (singleton = 1), unfinished integer not null, serving text not null) strict;
  insert into writer values (1, 0, '[]');
  pragma user_version = ${schemaVersion};
`;

/** From the first version of the schema. */
const secondVersion = `
  alter table device add column showed_ms integer;
  alter table device add column showed_signer text;
  alter table device add column unanswered_configs text not null default '[]';
`;

/** From the second. */
const thirdVersion = `
  alter table device add column handshakes text not null default '[]';
  pragma user_version = ${schemaVersion};
`;

/** Another process's writing is short; a command waits for it. */
const busyTimeoutMs = 2_000;

/** What is known now; nothing when no server ever ran on the folder. */
export function readBeliefs(path: string): StoredBeliefs {
  if (!existsSync(path)) return noBeliefs;
  return mapped(path, () => {
    const file = open(path, true);
    try {
      return readAll(file);
    } finally {
      file.close();
    }
  });
}

/** Makes the file when there is none; `first` are gaps to begin it with. */
export function openBeliefs(path: string, first: readonly Gap[] = []): BeliefWriter {
  return mapped(path, () => {
    createPrivateFile(path);
    const file = open(path, false);
    try {
      return createWriter(file, path, first);
    } catch (error) {
      file.close();
      throw error;
    }
  });
}

function createWriter(file: Sqlite.Database, path: string, first: readonly Gap[]): BeliefWriter {
  const stored = readAll(file);
  file.prepare('update writer set unfinished = 1').run();

  const findSet = file.prepare<[string], { id: number }>('select id from pair_set where pairs = ?');
  const addSet = file.prepare<[string]>('insert into pair_set (pairs) values (?)');
  const setIds = new Map<string, number>();
  const setId = (pairs: StoredBelief['pairs']): number => {
    const text = pairs.join(' ');
    const known = setIds.get(text) ?? findSet.get(text)?.id;
    const id = known ?? Number(addSet.run(text).lastInsertRowid);
    setIds.set(text, id);
    return id;
  };
  const addDevice = file.prepare(
    `insert or replace into device (name, pair_set, address, heard_ms, proved_ms, showed_ms, showed_signer, unanswered,
       unanswered_configs, handshakes, gap, deliveries)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const addGap = file.prepare(
    'insert into gap (number, at_ms, pairs) values (?, ?, ?) on conflict (number) do nothing',
  );
  const dropDevice = file.prepare<[string]>('delete from device where name = ?');
  const save = file.transaction((devices: readonly StoredBelief[], gaps: readonly Gap[]): void => {
    for (const { number, atMs, pairs } of gaps) addGap.run(number, atMs, pairs.join(' '));
    for (const belief of devices)
      addDevice.run(
        belief.name,
        setId(belief.pairs),
        belief.address,
        Math.floor(belief.heardMs),
        belief.provedMs === undefined ? null : Math.floor(belief.provedMs),
        belief.showed === undefined ? null : Math.floor(belief.showed.atMs),
        belief.showed?.signer ?? null,
        belief.unansweredConfigs,
        JSON.stringify(belief.unanswered ?? []),
        JSON.stringify(belief.handshakes ?? []),
        belief.gap,
        JSON.stringify(belief.deliveries),
      );
  });
  const forget = file.transaction((names: readonly string[]): void => {
    for (const name of names) dropDevice.run(name);
  });
  if (first.length > 0) mapped(path, () => save([], first));
  const serve = file.prepare<[string]>('update writer set serving = ?');
  return {
    stored: { ...stored, gaps: [...stored.gaps, ...first] },
    serving: (lists) => mapped(path, () => void serve.run(JSON.stringify(lists))),
    save: (devices, gaps) => mapped(path, () => save(devices, gaps)),
    forget: (names) => mapped(path, () => forget(names)),
    close() {
      mapped(path, () => {
        file.exec(`delete from pair_set where id not in (select pair_set from device);
                   update writer set unfinished = 0`);
        file.close();
      });
    },
  };
}

function open(path: string, readonly: boolean): Sqlite.Database {
  const file = new Sqlite(path, { readonly, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    if (!readonly) {
      file.pragma('journal_mode = WAL');
      file.pragma('synchronous = NORMAL');
      file.pragma('foreign_keys = ON');
    }
    const found = file.pragma('user_version', { simple: true });
    if (found === 0 && !readonly) file.exec(`begin immediate; ${schema} commit`);
    else if (found === 1 && !readonly) file.exec(`begin immediate; ${secondVersion} ${thirdVersion} commit`);
    else if (found === 2 && !readonly) file.exec(`begin immediate; ${thirdVersion} commit`);
    else if (typeof found !== 'number' || found > schemaVersion)
      throw new Failure(
        'storage-unreadable',
        `${path} has schema ${String(found)}, this program knows ${schemaVersion}`,
        {
          hint: 'Move it away: beliefs then begin anew, with every published list held possible.',
        },
      );
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

interface DeviceRow {
  readonly name: string;
  readonly pair_set: number;
  readonly address: string;
  readonly heard_ms: number;
  readonly proved_ms: number | null;
  /** The next three are not there in the first version, and handshakes in neither that nor the second. */
  readonly showed_ms?: number | null;
  readonly showed_signer?: string | null;
  readonly unanswered_configs?: string;
  readonly handshakes?: string;
  readonly unanswered: number;
  readonly gap: number;
  readonly deliveries: string;
}

function readAll(file: Sqlite.Database): StoredBeliefs {
  if (file.pragma('user_version', { simple: true }) === 0) return noBeliefs;
  return file.transaction((): StoredBeliefs => {
    const sets = new Map(
      file
        .prepare<[], { id: number; pairs: string }>('select id, pairs from pair_set')
        .all()
        .map(({ id, pairs }) => [id, pairs.split(' ')]),
    );
    const devices = file.prepare<[], DeviceRow>('select * from device').all();
    const gaps = file
      .prepare<[], { number: number; at_ms: number; pairs: string }>('select * from gap order by number')
      .all();
    const writer = file
      .prepare<[], { unfinished: number; serving: string }>('select unfinished, serving from writer')
      .get();
    return {
      devices: devices.map((row) => ({
        name: row.name,
        pairs: sets.get(row.pair_set) ?? [],
        address: row.address,
        heardMs: row.heard_ms,
        provedMs: row.proved_ms ?? undefined,
        ...showedIn(row),
        unansweredConfigs: row.unanswered,
        ...(row.unanswered_configs !== undefined && unansweredIn(row.unanswered_configs)),
        ...(row.handshakes !== undefined && handshakesIn(row.handshakes)),
        gap: row.gap,
        deliveries: JSON.parse(row.deliveries) as readonly Delivery[],
      })),
      gaps: gaps.map(({ number, at_ms: atMs, pairs }) => ({ number, atMs, pairs: pairs.split(' ') })),
      unfinished: writer?.unfinished === 1,
      serving: JSON.parse(writer?.serving ?? '[]') as readonly ServedList[],
    };
  })();
}

function showedIn({ showed_ms: atMs, showed_signer: signer }: DeviceRow): Pick<StoredBelief, 'showed'> {
  return typeof atMs === 'number' && typeof signer === 'string' ? { showed: { signer, atMs } } : {};
}

/** As they stand in a row, here and in the database of the cluster. */
export function unansweredIn(text: string): Pick<StoredBelief, 'unanswered'> {
  return text === '[]' ? {} : { unanswered: JSON.parse(text) as readonly UnansweredConfig[] };
}

export function handshakesIn(text: string): Pick<StoredBelief, 'handshakes'> {
  return text === '[]' ? {} : { handshakes: JSON.parse(text) as readonly Handshake[] };
}

function mapped<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteFailure(error, path);
  }
}
