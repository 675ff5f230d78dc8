/** Signatures: made before phones ask, kept over changes of other devices, and never with an older time (design.md §5). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDevice, changeDevice } from '../../src/app/devices.ts';
import { parseConfig } from '../../src/config/load.ts';
import { defaultProvisioning } from '../../src/core/devices/provisioning.ts';
import { startBack, type Back } from '../../src/node/back.ts';
import { createNode, openNode, type OpenNode } from '../../src/node/open-node.ts';
import { decodeSignedHeader } from '../../src/wire/signed-header.ts';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-ahead-'));
const files = join(world, 'files');
const devicesMax = 600;
const patience = { timeout: 30_000, interval: 50 };
const names = Array.from(
  { length: devicesMax },
  (_, at) => `SEP001122${(at + 4096).toString(16).padStart(6, '0').toUpperCase()}`,
);
let node: OpenNode;
let back: Back;
let database: Database.Database;
/** So often another chain was made. */
let chains = 0;

beforeAll(async () => {
  mkdirSync(files);
  const options = { dataDir: join(world, 'data'), passphraseFile: undefined };
  const cluster = { clusterId: 'lab', nodeName: 'n.example', mode: 'mixed', hash: 'sha512' } as const;
  await createNode(options, { ...cluster, by: 'a test', filesRoot: files });
  node = await openNode(options);
  for (const name of names) await addDevice(node, deviceOf(name));
  const config = parseConfig({ text: `files: { root: ${files} }` });
  back = await startBack({ node, config, onEvent: () => undefined, onChange: () => void chains++ });
  database = new Database(node.folder.databaseFile, { readonly: true });
}, 60_000);
afterAll(async () => {
  back.close();
  database.close();
  await node.close();
  rmSync(world, { recursive: true });
});

function deviceOf(name: string) {
  return { name, model: 'CP-8851', protocol: 'SIP', security: 'none', lines: [] } as const;
}

const signedName = (device: string): string => `${device}.cnf.xml.sgn`;

/** How many of the devices have been given a timestamp. */
function signedCount(devices: readonly string[]): number {
  const rows = database.prepare('select name from signed_timestamp').all() as { name: string }[];
  const signed = new Set(rows.map(({ name }) => name));
  return devices.filter((device) => signed.has(signedName(device))).length;
}

interface Asked {
  readonly bytes: Uint8Array;
  readonly said: string;
  readonly timestamp: number;
}

async function ask(name: string): Promise<Asked> {
  const answer = await back.resolve({ name, transport: 'tftp', address: '192.0.2.1', port: 1 });
  if (answer.kind !== 'served' || answer.content.kind !== 'memory') throw new Error(JSON.stringify(answer));
  const { bytes } = answer.content;
  const header = decodeSignedHeader(bytes);
  if (!header.ok) throw new Error(header.error.code);
  const said = answer.trace.find(({ link }) => link === 'signed')?.verdict ?? '';
  return { bytes, said, timestamp: header.value.timestamp ?? 0 };
}

test('a device that changes is signed before it asks, and no other becomes cold by it', async () => {
  const [first = '', second = ''] = names;
  const before = await ask(signedName(first));
  expect(before.said).toMatch(/ by [0-9a-f]{16} with sha512$/);
  expect(signedCount([second])).toBe(0);
  const chainsBefore = chains;
  await changeDevice(node, second, { load: 'sip88xx.14-2-1' });
  await expect.poll(() => signedCount([second]), patience).toBe(1);
  expect(chains).toBeGreaterThan(chainsBefore);
  await expect.poll(async () => (await ask(signedName(second))).said, patience).toMatch(/header kept$/);
  const after = await ask(signedName(first));
  expect(after.said).toMatch(/header kept$/);
  expect(after.bytes).toEqual(before.bytes);
});

test('all of a fleet are signed ahead, and a phone that asks meanwhile is not behind them', async () => {
  const provisioning = { ...defaultProvisioning(['n.example']), autoRegistration: false };
  const at = Date.now() + 1_000;
  const chainsBefore = chains;
  await node.store.writeProvisioning(provisioning, { pools: ['Default'], models: [] }, at);
  await expect.poll(() => chains, { ...patience, interval: 5 }).toBeGreaterThan(chainsBefore);
  const last = names.at(-1) ?? '';
  await ask(signedName(last));
  const ahead = signedCount(names);
  console.log(`signed ahead of a cold request, of ${devicesMax} changed devices: ${ahead}`);
  expect(ahead).toBeLessThan(devicesMax / 2);
  await expect.poll(() => signedCount(names), patience).toBe(devicesMax);
});

test('a content that came back after another was given out is signed for a later time', async () => {
  const times: number[] = [];
  for (const content of ['<a/>', '<b/>', '<a/>']) {
    writeFileSync(join(files, 'Ringlist.xml'), content);
    await expect
      .poll(async () => Buffer.from((await ask('Ringlist.xml.sgn')).bytes).toString('latin1'), patience)
      .toContain(content);
    times.push((await ask('Ringlist.xml.sgn')).timestamp);
  }
  expect(times[1]).toBeGreaterThan(times[0] ?? 0);
  expect(times[2]).toBeGreaterThan(times[1] ?? 0);
});
