/**
 * `probe-cluster` from the first look to `--repin`, and `move-device` for many (design.md §4, "trust in a remote is
 * pinned"; domain.md §8), against servers that publish what the test says.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { createNode, openNode } from '../../src/node/open-node.ts';
import { a, b, ctlOf, itlOf, itlRecords, role } from '../helpers/clusters.ts';
import {
  foreignRemote,
  httpNotFound,
  httpOk,
  tftpFiles,
  type ForeignRemote,
} from '../helpers/foreign-remote.ts';
import { fakeTerminal } from '../helpers/terminal.ts';
import { day, now, record, trustList } from '../helpers/trust-builder.ts';

let folder: string;
let data: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-probe-'));
  data = join(folder, 'node');
  mkdirSync(join(folder, 'files'));
  await createNode(
    { dataDir: data, passphraseFile: undefined },
    {
      clusterId: 'office',
      nodeName: 'tftp.office',
      mode: 'nonsecure',
      hash: 'sha1',
      by: 'test',
      filesRoot: join(folder, 'files'),
    },
  );
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...words: readonly string[]): Promise<{ status: number; json: unknown; said: string }> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--data', data, '--json'], terminal);
  const { text } = terminal.stdout;
  return { status, json: text === '' ? undefined : JSON.parse(text), said: terminal.stderr.text };
}

/** A cluster that publishes `files`, which the test may change. */
async function cluster(id: string, address: string, files: Map<string, Uint8Array>): Promise<ForeignRemote> {
  const remote = await foreignRemote(address, {
    http: (name) => {
      const bytes = files.get(name);
      return bytes === undefined ? httpNotFound : httpOk(bytes);
    },
    tftp: tftpFiles((name) => files.get(name)),
  });
  const at = ({ address: host, port }: { address: string; port: number }): string => `${host}:${port}`;
  const { tftp, http } = remote.server;
  const added = await run(
    'add-cluster',
    id,
    '--tftp',
    at(tftp),
    '--http',
    http === undefined ? '' : at(http),
  );
  expect(added.status).toBe(0);
  return remote;
}

const lists = (itl: Buffer, ctl?: Buffer): [string, Uint8Array][] => [
  ['ITLFile.tlv', itl],
  ...(ctl === undefined ? [] : [['CTLFile.tlv', ctl] as [string, Uint8Array]]),
];

test('probe-cluster: shown, asked, pinned; frozen by strange lists; pinned anew only by --repin', async () => {
  const files = new Map(lists(itlOf(b), ctlOf(b)));
  await cluster('branch', '127.0.61.1', files);

  const unasked = await run('probe-cluster', 'branch');
  expect([unasked.status, unasked.said]).toEqual([1, expect.stringContaining('ITLRECOVERY_cucm-b')]);
  const pinned = await run('probe-cluster', 'branch', '--yes');
  expect(pinned).toMatchObject({
    status: 0,
    json: { id: 'branch', servers: [{ frozen: null, ctl: 'silent', itl: 'silent' }] },
  });
  const { pin } = pinned.json as { readonly pin: string };
  expect(pinned.said).toContain(`SHA256:${pin}`);

  // The cluster was set up anew, or somebody stands between: not one list of the new kind is believed.
  for (const [name, bytes] of lists(itlOf(a), ctlOf(a))) files.set(name, bytes);
  for (const again of [1, 2]) {
    const frozen = await run('probe-cluster', 'branch');
    expect([again, frozen.status, frozen.json]).toMatchObject([
      again,
      1,
      { pin, sentence: expect.stringContaining('is frozen') as string },
    ]);
  }
  expect((await run('list-clusters')).json).toMatchObject([
    { id: 'branch', pin: { sha256: pin }, probes: [{ frozen: expect.any(String) as string }] },
  ]);
  // The old lists come back: who was frozen stays so until a person looked.
  for (const [name, bytes] of lists(itlOf(b), ctlOf(b))) files.set(name, bytes);
  expect((await run('probe-cluster', 'branch')).status).toBe(1);

  for (const [name, bytes] of lists(itlOf(a), ctlOf(a))) files.set(name, bytes);
  expect((await run('probe-cluster', 'branch', '--repin')).status).toBe(1);
  const anew = await run('probe-cluster', 'branch', '--repin', '--yes');
  expect(anew).toMatchObject({ status: 0, json: { servers: [{ frozen: null }] } });
  const fresh = (anew.json as { readonly pin: string }).pin;
  expect(fresh).not.toBe(pin);
  expect((await run('probe-cluster', 'branch')).status).toBe(0);
  const audit = JSON.stringify((await run('audit')).json);
  expect(audit).toContain('probe-cluster branch --repin');
  expect(audit).toContain(pin);
  expect((await run('remove-cluster', 'branch')).status).toBe(0);
});

test('move-device: a file of devices, as a whole or not at all; unknown lists are no path', async () => {
  // A trusts B's list signer and its files: A's phones take B's lists.
  const trusting = trustList({
    by: a.sast,
    as: 'ITLFile.tlv',
    timestamp: now - day,
    records: [
      ...itlRecords(a),
      record({ role: role.sast, of: b.sast }),
      record({ role: role.tftp, of: b.callmanager }),
    ],
  });
  await cluster('old', '127.0.62.1', new Map(lists(trusting)));
  await cluster('new', '127.0.62.2', new Map(lists(itlOf(b))));
  await cluster('plain', '127.0.62.3', new Map());
  const node = await openNode({ dataDir: data, passphraseFile: undefined });
  const confirmedMs = node.clock.nowMs();
  const at = (device: string, id: string) => ({
    device,
    home: { kind: 'remote', cluster: id } as const,
    confirmedMs,
  });
  const [first, second, third] = ['SEP0011223344A1', 'SEP0011223344A2', 'SEP0011223344A3'] as const;
  await node.store.rememberHomes([at(first, 'old'), at(second, 'old'), at(third, 'plain')]);
  const homes = async (): Promise<unknown[]> =>
    Promise.all([first, second, third].map(async (device) => (await node.store.findHome(device))?.home));
  const csv = join(folder, 'floor.csv');
  const move = (to: string, ...more: string[]) => run('move-device', '--file', csv, '--to', to, ...more);
  const before = await homes();

  writeFileSync(csv, `name,floor\n${first},2\n${second},2\n`);
  expect((await run('probe-cluster', 'new', '--yes')).status).toBe(0);
  const unseen = await move('new');
  expect([unseen.status, unseen.json]).toMatchObject([
    1,
    { moves: [{ kind: 'none', because: 'the lists of old are not known: probe-cluster old' }, {}] },
  ]);
  expect((await run('probe-cluster', 'old', '--yes')).status).toBe(0);
  expect(await move('new', '--dry-run')).toMatchObject({
    status: 0,
    json: {
      to: 'new',
      moves: [
        { device: first, from: 'old', kind: 'path' },
        { device: second, kind: 'path' },
      ],
    },
  });
  // The other way B's phones know nobody of A; one device without a path keeps all where they are.
  writeFileSync(csv, `${first}\n${third}\nSEP0011223344FF\n`);
  const mixed = await move('new');
  expect([mixed.status, mixed.json]).toMatchObject([
    1,
    { moves: [{ kind: 'path' }, { device: third, kind: 'path' }, { kind: 'none' }] },
  ]);
  expect(await homes()).toEqual(before);

  writeFileSync(csv, `${first}\n${second}\n${third}\n`);
  expect((await move('new')).status).toBe(0);
  expect(await homes()).toEqual([1, 2, 3].map(() => ({ kind: 'remote', cluster: 'new' })));
  const back = await move('old');
  expect([back.status, back.json]).toMatchObject([
    1,
    { moves: [{ kind: 'none', needs: [expect.stringMatching(/^SAST: .*ITLRECOVERY_cucm-a/)] }, {}, {}] },
  ]);
  await node.close();
});
