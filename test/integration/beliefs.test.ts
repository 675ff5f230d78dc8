/**
 * What a running server makes of what phones do (src/node/belief-watch.ts), on a real folder; then the built program
 * itself, which is killed: what it had told is kept, what it may have missed is held possible.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readClusterView, trustInputOf } from '../../src/app/cluster-view.ts';
import { Failure } from '../../src/base/errors.ts';
import type { PublishedList } from '../../src/core/cluster/model.ts';
import { runProgram } from '../helpers/run-program.ts';
import type { CertificateFacts } from '../../src/core/ports.ts';
import { newPhone } from '../../src/core/phone/phone-state.ts';
import { nothing, unknown } from '../../src/core/trust/belief.ts';
import type { Observation } from '../../src/core/trust/belief-book.ts';
import type { StoredBelief } from '../../src/core/trust/belief-store.ts';
import { markerName } from '../../src/core/trust/marker.ts';
import { inUse } from '../../src/core/trust/trust-plan.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { startBeliefWatch, type BeliefWatch } from '../../src/node/belief-watch.ts';
import { openServingNode, type OpenNode } from '../../src/node/open-node.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { writeTvsFile } from '../../src/node/tvs-file.ts';
import { openBeliefs, readBeliefs } from '../../src/store/beliefs.ts';
import { openDataFolder } from '../../src/store/data-folder.ts';
import { serveProgram } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-beliefs-'));
const data = join(world, 'data');
/** The same, for the program … */
const served = join(world, 'served');
/** … and for what a command says of it. */
const shown = join(world, 'shown');
const names = Array.from({ length: 16 }, (_, at) => `SEP0011223344${(16 + at).toString(16).toUpperCase()}`);
let next = 0;

async function run(folder: string, ...words: readonly string[]): Promise<string> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--data', folder], terminal);
  expect(`${words.join(' ')}: ${status} ${terminal.stderr.text}`).toMatch(/: 0 /);
  return terminal.stdout.text;
}

/** One that no test had before. */
function newDevice(): { readonly name: string; readonly address: string } {
  const at = next++;
  const name = names[at];
  if (name === undefined) throw new Error('more devices are needed');
  return { name, address: `127.2.0.${1 + at}` };
}

beforeAll(async () => {
  await run(data, 'init', '--cluster', 'office', '--node', 'cucm-a', '--mode', 'mixed');
  const rows = names.map((name, at) => `${name},CP-8851,SIP,${1000 + at}`);
  writeFileSync(join(world, 'devices.csv'), `name,model,protocol,line1\n${rows.join('\n')}\n`);
  await run(data, 'import-devices', join(world, 'devices.csv'));
  for (const copy of [served, shown]) cpSync(data, copy, { recursive: true });
}, 60_000);
afterAll(() => rmSync(world, { recursive: true }));

describe('what a phone does, heard by the back', () => {
  let node: OpenNode;
  let signer: CertificateFacts;
  let watch: BeliefWatch;

  beforeAll(async () => {
    node = await openServingNode({ dataDir: data, passphraseFile: undefined });
    const input = trustInputOf(await readClusterView(node.store, node.crypto));
    signer = inUse(input, 'callmanager', input.thisNode);
  }, 60_000);
  afterAll(() => node.close());

  async function begin(fileSigner = signer, runsTvs = false): Promise<void> {
    watch = await startBeliefWatch(node, () => undefined, { runsTvs });
    await serving(fileSigner);
  }

  const serving = async (fileSigner = signer): Promise<void> =>
    watch.serving({ version: 1, cluster: 'office', lists: await node.store.currentLists(), fileSigner });

  /** What stands in the file when the server has ended. */
  async function believed(name: string): Promise<StoredBelief | undefined> {
    await watch.close();
    return node.readBeliefs().devices.find((belief) => belief.name === name);
  }

  function hear(address: string, seen: readonly string[], more: Partial<Observation> = {}): void {
    const tftp = { transport: 'tftp', proved: true, durationMs: 3 } as const;
    const observations = seen.map((word): Observation => {
      const [kind, name] = word.split(' ');
      return {
        kind: kind === 'asked' ? 'asked' : 'delivered',
        name: name ?? '',
        address,
        ...tftp,
        ...more,
      };
    });
    watch.heard({ seen: observations, lostCount: false });
  }

  const lists = ['delivered CTLFile.tlv', 'delivered ITLFile.tlv'];
  const config = (name: string): string => `delivered ${name}.cnf.xml.sgn`;
  const marker = (name: string, by = signer.fingerprint): string =>
    `delivered ${markerName(node.crypto, 'office', name, by)}.sgn`;

  test('lists, the configuration, the file that it names: the phone believes its signer', async () => {
    const { name, address } = newDevice();
    await begin();
    hear(address, [...lists, config(name), marker(name)]);
    const belief = await believed(name);
    expect(belief?.provedMs).toBeGreaterThan(0);
    expect(belief?.pairs).not.toContain(unknown);
    expect(belief?.unansweredConfigs).toBe(0);
  });

  test('an encrypted configuration names it, too, and HTTP may ask for it without getting it', async () => {
    const { name, address } = newDevice();
    await begin();
    hear(address, [...lists, `delivered ${name}.cnf.xml.enc.sgn`]);
    hear(address, [marker(name).replace('delivered', 'asked')], { transport: 'http' });
    expect((await believed(name))?.pairs).not.toContain(unknown);
  });

  test('asked for over a port where the sender can be forged it shows nothing', async () => {
    const { name, address } = newDevice();
    await begin();
    hear(address, [...lists, config(name)]);
    hear(address, [marker(name), marker(name).replace('delivered', 'asked')], { proved: false });
    expect(await believed(name)).toMatchObject({
      pairs: expect.arrayContaining([unknown]),
      provedMs: undefined,
    });
  });

  test('from another address, without its signature, or as the name of another phone, neither', async () => {
    const { name, address } = newDevice();
    const other = newDevice();
    await begin();
    hear(address, [...lists, config(name)]);
    hear(other.address, [marker(name)]);
    hear(address, [marker(name).replace('.sgn', ''), marker(other.name), marker(name, 'ab'.repeat(32))]);
    expect(await believed(name)).toMatchObject({ provedMs: undefined, unansweredConfigs: 1 });
  });

  test('a phone that goes on with the configuration it keeps shows nothing of what it holds now', async () => {
    const { name, address } = newDevice();
    await begin();
    hear(address, [...lists, config(name), marker(name)]);
    const provedMs = (await believed(name))?.provedMs;
    expect(provedMs).toBeGreaterThan(0);
    // The next boot brings lists and no configuration; of a file whose last ACK was lost only the request is known.
    await begin();
    for (const list of [lists[0] ?? '', 'asked ITLFile.tlv', `asked CTL${name}.tlv`]) {
      hear(address, [config(name), list, marker(name)]);
    }
    expect((await believed(name))?.provedMs).toBe(provedMs);
  });

  test('the marker of another signer than the one of the last configuration shows nothing', async () => {
    const { name, address } = newDevice();
    await begin();
    hear(address, [...lists, config(name)]);
    const recovery = inUse(trustInputOf(await readClusterView(node.store, node.crypto)), 'itlrecovery');
    hear(address, [marker(name, recovery.fingerprint)]);
    expect(await believed(name)).toMatchObject({ provedMs: undefined });
  });

  test('a configuration over TLS is not signed: taking it shows nothing of the signer', async () => {
    const { name, address } = newDevice();
    await begin();
    hear(address, lists);
    hear(address, [config(name), marker(name)], { transport: 'https' });
    expect((await believed(name))?.pairs).toContain(unknown);
  });

  test('what an edge could not tell, every phone may hold; what a killed server had not told, too', async () => {
    const { name } = newDevice();
    await begin();
    watch.heard({ seen: [], lostCount: true });
    await watch.close();
    const gaps = node.readBeliefs().gaps.length;
    expect(gaps).toBe(1);
    // Killed: the file says that its writer did not say good-bye.
    await begin();
    const killed = join(world, 'killed');
    cpSync(data, killed, { recursive: true });
    await watch.close();
    expect(readBeliefs(join(killed, 'beliefs.sqlite')).unfinished).toBe(true);
    const again = await openServingNode({ dataDir: killed, passphraseFile: undefined });
    const after = await startBeliefWatch(again, () => undefined, { runsTvs: false });
    await after.close();
    expect(again.readBeliefs().gaps).toHaveLength(gaps + 1);
    const [itl] = (await again.store.currentLists()).filter(({ kind }) => kind === 'itl');
    expect(again.readBeliefs().gaps.at(-1)?.pairs).toContain(`/${itl?.sha256}`);
    expect(again.readBeliefs().devices.some((belief) => belief.name === name)).toBe(false);
    await again.close();
  });

  test('a TVS vouched for the signer to one of two: only the other shows anything of its lists', async () => {
    const [asked, silent] = [newDevice(), newDevice()];
    await begin(signer, true);
    for (const { name, address } of [asked, silent]) {
      hear(address, [...lists, config(name), config(name), marker(name)]);
    }
    watch.vouched([{ address: asked.address, device: undefined }]);
    const set = (name: string): StoredBelief | undefined =>
      node.readBeliefs().devices.find((belief) => belief.name === name);
    await vi.waitFor(() => expect(set(silent.name)?.pairs).not.toContain(unknown), 15_000);
    expect(set(silent.name)).toMatchObject({ showed: { signer: signer.fingerprint }, unansweredConfigs: 0 });
    expect(set(asked.name)?.pairs).toContain(unknown);
    expect(set(asked.name)?.unansweredConfigs).toBe(0);
    expect(set(asked.name)?.showed).toBeUndefined();
    await watch.close();
  });

  test('a TVS may have answered it, and new lists left for it before anybody knew: nothing is shown', async () => {
    const [reset, left] = [newDevice(), newDevice()];
    await begin(signer, true);
    for (const { name, address } of [reset, left]) hear(address, [...lists, config(name), marker(name)]);
    hear(reset.address, lists);
    const set = (name: string): StoredBelief | undefined =>
      node.readBeliefs().devices.find((belief) => belief.name === name);
    await vi.waitFor(() => expect(set(left.name)?.pairs).not.toContain(unknown), 15_000);
    expect(set(reset.name)?.pairs).toContain(unknown);
    await watch.close();
  });
});

describe('show-trust', () => {
  const [name = '', quiet = ''] = names;
  const heardMs = Date.UTC(2026, 5, 1, 8, 0, 0);
  let recovery: CertificateFacts;
  let lists: readonly PublishedList[];

  beforeAll(async () => {
    const node = await openServingNode({ dataDir: shown, passphraseFile: undefined });
    recovery = inUse(trustInputOf(await readClusterView(node.store, node.crypto)), 'itlrecovery');
    lists = await node.store.currentLists();
    await node.close();
    const [itl] = lists.filter(({ kind }) => kind === 'itl');
    if (itl === undefined) throw new Error('an ITL was published');
    const writer = openBeliefs(join(shown, 'beliefs.sqlite'));
    const belief: StoredBelief = {
      name,
      pairs: [nothing, `/${itl.sha256}`, unknown],
      address: '10.0.0.7',
      heardMs,
      provedMs: heardMs - 60_000,
      showed: { signer: recovery.fingerprint, atMs: heardMs - 60_000 },
      unansweredConfigs: 5,
      unanswered: [
        { atMs: heardMs - 2_000, signer: 'ab'.repeat(32) },
        { atMs: heardMs - 1_000, signer: recovery.fingerprint },
      ],
      gap: 0,
      deliveries: [{ kind: 'itl', sha256: itl.sha256, sinceMs: heardMs - 90_000, how: 'transfer-port' }],
    };
    writer.save([belief], []);
    writer.close();
    const signer = { issuer: 'CN=elsewhere', serial: '0a:0b' };
    const asked = { device: name, count: 3, lastMs: heardMs - 500, signer };
    writeTvsFile(openDataFolder(shown), { pid: 0, unknownSigners: [asked] });
  }, 60_000);

  test('says what a phone may hold, since when, how that is known, and what it refused lately and why', async () => {
    const text = await run(shown, 'show-trust', name);
    const lines = text.split('\n').map((line) => line.trim().replace(/ {2,}/g, '  '));
    expect(lines).toEqual(
      expect.arrayContaining([
        `${name}  last heard 2026-06-01T08:00:00Z at 10.0.0.7`,
        'showed what it believes: 2026-06-01T07:59:00Z',
        'configurations fetched since without a sign that it took one: 5',
        '2026-06-01T07:59:58Z  signed by a certificate that nobody knows any more',
        `2026-06-01T07:59:59Z  signed by ${recovery.subject}`,
        expect.stringMatching(/^with CTL 1 and ITL none it refuses that: signer-not-for-files: \S/),
        expect.stringMatching(/^with CTL none and ITL 1 it may refuse that: tvs-not-asked: \S/),
        'asked the TVS 3 times for a signer that it does not know, last 2026-06-01T07:59:59Z: of CN=elsewhere, serial 0a:0b',
        'none  1  2026-06-01T07:58:30Z  last ACK, from a transfer port',
        'unknown  unknown  -  not disproved',
        'delivered ITL of generation 1  2026-06-01T07:58:30Z  last ACK, from a transfer port',
      ]),
    );
    // It takes what is served now with each of them: nothing is said to be refused of that.
    expect(text).not.toContain('it refuses SEP');
  });

  test('the same for programs', async () => {
    const facts = JSON.parse(await run(shown, 'show-trust', name, '--json')) as Record<string, unknown>;
    expect(facts).toMatchObject({
      name,
      lastHeard: '2026-06-01T08:00:00Z',
      address: '10.0.0.7',
      unansweredConfigs: 5,
      unanswered: [
        { at: '2026-06-01T07:59:58Z', signer: null, refusals: [] },
        {
          at: '2026-06-01T07:59:59Z',
          signer: recovery.subject,
          refusals: expect.arrayContaining([
            expect.objectContaining({
              ctl: '1',
              itl: 'none',
              verdict: 'reject',
              file: `${name}.cnf.xml.sgn`,
            }),
          ]),
        },
      ],
      askedTvs: { count: 3, signer: { issuer: 'CN=elsewhere', serial: '0a:0b' } },
      deliveries: [{ generation: 1, kind: 'itl', how: 'transfer-port' }],
    });
  });

  test('of a phone that was never heard nothing is known, and of no device nothing is said', async () => {
    expect(await run(shown, 'show-trust', quiet)).toContain(
      `${quiet}  last heard never\nshowed what it believes: never\n`,
    );
    const terminal = fakeTerminal();
    expect(await runProgram(['show-trust', 'SEPFFFFFFFFFFFF', '--data', shown], terminal)).toBe(1);
    expect(terminal.stderr.text).toContain('there is no device SEPFFFFFFFFFFFF');
    expect(await runProgram(['show-trust', 'desk', '--data', shown], fakeTerminal())).toBe(2);
  });
});

interface Shown {
  readonly showedBelief: string | null;
  readonly pairs: readonly { readonly ctl: string; readonly itl: string }[];
}

test('a phone that boots by TFTP from transfer ports is believed, and is so after kill -9', async () => {
  const { name, address } = newDevice();
  const quiet = newDevice();
  const tftp = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--ports', '42000-43999', '--data', served];
  const crypto = createVerifier();
  const show = async (device: string): Promise<Shown> =>
    JSON.parse(await run(served, 'show-trust', device, '--json')) as Shown;

  let server = await serveProgram(tftp);
  const port = server.port('tftp');
  const asked: string[] = [];
  const { refused, missing } = await bootPhone({
    crypto,
    state: newPhone(name),
    nowSeconds: () => Math.floor(Date.now() / 1000),
    report: (verdict) => asked.push(`${verdict.name} ${verdict.outcome}`),
    async fetch(file) {
      try {
        const bytes = await fetchTftp({ host: '127.0.0.1', port, name: file, bindAddress: address });
        return { kind: 'bytes', bytes };
      } catch (error) {
        if (error instanceof Failure && error.code === 'not-found') return { kind: 'not-found' };
        throw error;
      }
    },
  });
  expect({ refused, missing }).toEqual({ refused: [], missing: [] });
  expect(asked).toContainEqual(expect.stringMatching(/^FP[0-9a-f-]{36}\.xml\.sgn accepted$/));

  const patience = { timeout: 30_000, interval: 200 };
  await expect.poll(async () => (await show(name)).showedBelief, patience).not.toBeNull();
  const told = await show(name);
  expect(told.pairs.map(({ itl }) => itl)).not.toContain('unknown');
  expect((await show(quiet.name)).pairs).toEqual([
    { ctl: 'unknown', itl: 'unknown', since: null, how: null, refusals: [] },
  ]);

  server.child.kill('SIGKILL');
  await expect.poll(() => server.child.signalCode, patience).toBe('SIGKILL');
  server = await serveProgram(tftp);
  try {
    expect((await show(name)).showedBelief).toBe(told.showedBelief);
    expect((await show(name)).pairs.map(({ itl }) => itl)).not.toContain('unknown');
    // Nobody knows whom it gave its lists to in its last second.
    await expect.poll(async () => (await show(quiet.name)).pairs.length, patience).toBeGreaterThan(1);
  } finally {
    await server.stop();
  }
}, 120_000);
