/** A node's folder comes back from one file, above everything that phones got since, or not at all. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { addDevice } from '../../src/app/devices.ts';
import type { PlannedContinuation } from '../../src/app/continue-cluster.ts';
import { planPublication } from '../../src/app/plan-publication.ts';
import { publishLists } from '../../src/app/publish-lists.ts';
import { restoreGenerationGap } from '../../src/base/limits.ts';
import type { FieldState } from '../../src/core/ports.ts';
import { pairsOf } from '../../src/core/trust/set-with-gaps.ts';
import { judgeFile } from '../../src/core/trust/judge.ts';
import { backupNode } from '../../src/node/backup-node.ts';
import { createNode, openNode, type OpenNode } from '../../src/node/open-node.ts';
import { restoreNode, type Restored } from '../../src/node/restore-node.ts';
import { writeRunFile } from '../../src/node/run-file.ts';
import { openBeliefs } from '../../src/store/beliefs.ts';
import { dataFolderAt } from '../../src/store/data-folder.ts';

const name = 'SEP001122334455.cnf.xml.sgn';
let folder: string;
let old: string;
let file: string;
/** What phones hold: lists and files that are newer than the backup. */
let field: FieldState;

async function using<T>(dataDir: string, work: (node: OpenNode) => Promise<T>): Promise<T> {
  const node = await openNode({ dataDir, passphraseFile: undefined });
  try {
    return await work(node);
  } finally {
    await node.close();
  }
}

async function publishAgain(node: OpenNode): Promise<number> {
  return publishLists(node, {
    planned: await planPublication(node, {}),
    who: 'test',
    operation: 'update-itl',
  });
}

async function newCluster(dataDir: string): Promise<void> {
  await createNode(
    { dataDir, passphraseFile: undefined },
    { clusterId: 'lab', nodeName: 'tftp.lab', mode: 'mixed', hash: 'sha1', by: 'test', filesRoot: undefined },
  );
}

const warnings: string[] = [];
const planned: PlannedContinuation[] = [];
function restore(dataDir: string, from = file, passphrase = 'a b'): Promise<Restored | undefined> {
  warnings.length = 0;
  planned.length = 0;
  return restoreNode(
    { dataDir, passphraseFile: undefined },
    {
      file: from,
      passphrase,
      by: 'test',
      onWarning: (message) => warnings.push(message),
      review: (_, plan) => planned.push(plan),
      dryRun: false,
      confirm: () => Promise.resolve(),
    },
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-backup-'));
  old = join(folder, 'old');
  file = join(folder, 'lab.sealed');
  await newCluster(old);
  field = await using(old, async (node) => {
    const device = { name: 'SEP001122334455', model: 'CP-8851', protocol: 'SIP', security: 'none' } as const;
    await addDevice(node, { ...device, lines: [{ index: 1, extension: '1001' }] });
    await node.store.signedTimestamp(name, 'signer', 'before', 1_000);
    const result = await backupNode(node, { file, passphrase: 'a b', by: 'test' });
    expect(result).toMatchObject({ cluster: 'lab', node: 'tftp.lab', devices: 1, generation: 1 });
    // The cluster lives on: several times within a second, so that timestamps run ahead of the clock.
    for (const content of ['after', 'later', 'before', 'last'])
      await node.store.signedTimestamp(name, 'signer', content, 1_000);
    for (let times = 0; times < 4; times++) await publishAgain(node);
    await addDevice(node, { ...device, name: 'SEP0011223344EE', lines: [] });
    const state = await node.store.fieldState();
    const heard = { gap: 0, heardMs: Date.now(), address: '', deliveries: [], provedMs: undefined };
    const beliefs = openBeliefs(node.folder.beliefsFile);
    const pairs = pairsOf(state.lists);
    beliefs.save([{ ...heard, name: device.name, pairs, unansweredConfigs: 0 }], []);
    beliefs.close();
    return state;
  });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** Nothing that a phone got since may be above what comes from now on. */
async function expectAbove(dataDir: string): Promise<void> {
  await using(dataDir, async (node) => {
    const { store, crypto, clock } = node;
    const lists = await store.currentLists();
    expect(lists).toHaveLength(2);
    for (const held of field.lists) {
      const next = lists.find(({ kind }) => kind === held.kind);
      expect(next?.generation).toBeGreaterThan(held.generation);
      expect(next?.timestamp).toBeGreaterThan(held.timestamp);
    }
    const bytesOf = (kind: string): Uint8Array | undefined =>
      field.lists.find((held) => held.kind === kind)?.bytes;
    for (const { kind, bytes } of lists) {
      const asked = { name: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv', bytes };
      const phone = { itl: bytesOf('itl'), ctl: bytesOf('ctl') };
      expect(judgeFile(crypto, phone, asked, Math.floor(clock.nowMs() / 1000)).phone).toBe('accept');
    }
    for (const [asked, content] of [
      [name, 'before'],
      ['SEPnew.cnf.xml.sgn', 'unknown to the backup'],
    ] as const)
      expect(await store.signedTimestamp(asked, 'signer', content, 1_000)).toBeGreaterThan(
        field.timestampSeconds,
      );
    expect(await store.findDevice('SEP001122334455')).toMatchObject({ model: 'CP-8851' });
    expect((await store.listAudit()).map(({ operation }) => operation)).toContain('restore');
    expect(await publishAgain(node)).toBeGreaterThan(lists[0]?.generation ?? Infinity);
  });
}

describe('a backup', () => {
  test('is one sealed file, 0600, in which nothing can be read', () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const bytes = readFileSync(file);
    for (const word of ['SQLite format', 'tftp.lab', 'ENCRYPTED PRIVATE KEY', 'SEP001122334455'])
      expect(bytes.includes(word)).toBe(false);
    expect(readdirSync(old).filter((entry) => entry.includes('unfinished'))).toEqual([]);
  });

  test('is told in the audit, and replaces nothing', async () => {
    await using(old, async (node) => {
      const rows = await node.store.listAudit();
      expect(rows.filter(({ operation }) => operation === 'backup')).toHaveLength(1);
      const again = backupNode(node, { file, passphrase: 'a b', by: 'test' });
      await expect(again).rejects.toMatchObject({ code: 'refused' });
    });
  });
});

describe('a restore', () => {
  test('where the old folder is lost: above the clock, with a gap in the generations', async () => {
    const place = join(folder, 'new');
    mkdirSync(place);
    const restored = await restore(place);
    expect(restored).toEqual({ generation: 1 + restoreGenerationGap + 1, movedTo: undefined });
    expect(readdirSync(place).sort()).toEqual(
      expect.arrayContaining(['database.sqlite', 'keys', 'passphrase', 'tftp-pki.yaml']),
    );
    for (const path of [place, join(place, 'keys')]) expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const key of readdirSync(join(place, 'keys')))
      expect(statSync(join(place, 'keys', key)).mode & 0o777).toBe(0o600);
    expect(planned[0]?.strand).toMatchObject({ phones: 1, stranded: [], unknown: ['SEP001122334455'] });
    await expectAbove(place);
  });

  test('a look at it first changes nothing', async () => {
    const place = join(folder, 'look');
    const seen: string[] = [];
    const restored = await restoreNode(
      { dataDir: place, passphraseFile: undefined },
      {
        file,
        passphrase: 'a b',
        by: 'test',
        onWarning: () => undefined,
        review({ cluster }, { publication }) {
          seen.push(cluster, ...publication.lists.map(({ kind }) => kind));
        },
        dryRun: true,
        confirm: () => Promise.reject(new Error('nobody is asked')),
      },
    );
    expect(restored).toBeUndefined();
    expect(seen).toEqual(['lab', 'itl', 'ctl']);
    expect(readdirSync(folder).filter((entry) => entry.startsWith('look'))).toEqual([]);
  });

  test('a server that runs, another cluster, a strange folder, phones that would not follow: refused', async () => {
    const run = { pid: process.pid, startedMs: 1, reloads: 0, problem: null };
    writeRunFile(dataFolderAt(old), run);
    await expect(restore(old)).rejects.toThrow(/a server runs on/);
    rmSync(dataFolderAt(old).runFile);

    const strange = join(folder, 'strange');
    mkdirSync(strange);
    writeFileSync(join(strange, 'letter.txt'), '');
    await expect(restore(strange)).rejects.toThrow(/no node's folder/);

    // The same cluster by name, made anew after the backup: its phones know none of the backup's keys.
    const renewed = join(folder, 'renewed');
    await newCluster(renewed);
    const before = await using(renewed, ({ store }) => store.fieldState());
    await expect(restore(renewed)).rejects.toThrow(/phones that hold the current lists would not take these/);
    expect(await using(renewed, ({ store }) => store.fieldState())).toEqual(before);
    expect(readdirSync(folder).filter((entry) => /restor/.test(entry))).toEqual([]);
  });

  test('another passphrase, and every kind of damage: refused, and nothing is left', async () => {
    const place = join(folder, 'damaged');
    const whole = readFileSync(file);
    const broken = join(folder, 'broken.sealed');
    const expectRefused = async (bytes: Uint8Array, code: string): Promise<void> => {
      writeFileSync(broken, bytes);
      await expect(restore(place, broken)).rejects.toMatchObject({ code });
      expect(existsSync(place) || existsSync(`${place}.restoring`)).toBe(false);
    };
    await expect(restore(place, file, 'A b')).rejects.toMatchObject({ code: 'passphrase-wrong' });
    await expectRefused(Buffer.alloc(0), 'format');
    await expectRefused(Buffer.from('PK not a backup at all, but longer than its header is'), 'format');
    await expectRefused(whole.subarray(0, whole.length - 1), 'format');
    await expectRefused(whole.subarray(0, 37 + 65_552), 'passphrase-wrong');
    await expectRefused(Buffer.concat([whole, Buffer.of(0)]), 'format');
    for (const at of [20, 40, 70_000, whole.length - 1]) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expectRefused(changed, at < 65_536 ? 'passphrase-wrong' : 'format');
    }
    await expect(restore(place, join(folder, 'none'))).rejects.toMatchObject({ code: 'storage-unreadable' });
  });

  test('in the place of the old folder: above what its database gave out, the old one beside it', async () => {
    const restored = await restore(old);
    expect(restored?.generation).toBe(field.generation + 1);
    // The planner led the phone from what it holds by the old server's word, not from the unknown.
    expect(planned[0]?.strand).toMatchObject({ phones: 1, stranded: [], unknown: [] });
    expect(warnings).toEqual(['1 devices came after the backup and will be gone: SEP0011223344EE']);
    expect(restored?.movedTo).toMatch(/old\.before-restore-\d{8}T\d{6}Z$/);
    expect(await using(restored?.movedTo ?? '', ({ store }) => store.fieldState())).toEqual(field);
    await expectAbove(old);
  });

  test('twice within a second: both old folders are kept', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    onTestFinished(() => void vi.useRealTimers());
    const kept = [await restore(old), await restore(old)].map((restored) => restored?.movedTo ?? '');
    const stamps = kept.map((path) => /before-restore-(\d{8}T\d{6}Z)/.exec(path)?.[1]);
    expect(stamps[1]).toBe(stamps[0]);
    expect(kept[1]).not.toBe(kept[0]);
    expect(kept.map((path) => existsSync(path))).toEqual([true, true]);
    await expectAbove(old);
  });

  test('over a folder whose database is damaged: as if it were lost, and it says so', async () => {
    truncateSync(join(old, 'database.sqlite'), 3_000);
    rmSync(join(old, 'database.sqlite-wal'), { force: true });
    const restored = await restore(old);
    expect(restored?.generation).toBe(1 + restoreGenerationGap + 1);
    expect(warnings).toMatchObject([/the old folder does not say what phones hold/]);
    await expectAbove(old);
  });
});
