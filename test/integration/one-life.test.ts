/**
 * One cluster's life with real files, a real server and phones that remember: every change of trust by its command
 * while the server runs, every boot accepted, by phones that are always there and by one that is often off.
 * Then the folder is lost, and its phones follow the restored ITLRecovery to another one. The same life from `init`
 * and from `adopt` of what an independent tool made.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { Failure } from '../../src/base/errors.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FileVerdict } from '../../src/core/phone/phone.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone, type BootResult } from '../../src/sim/boot-phone.ts';
import { loadPhone, savePhone } from '../../src/sim/phone-folder.ts';
import { openStore } from '../../src/store/open-store.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const lifeMs = 240_000;
const vectors = join(import.meta.dirname, '../vectors/open-tool');
const crypto = createVerifier();

/** Always there, often off, bought later. */
const [desk, drawer, late] = ['SEP001122330001', 'SEP001122330002', 'SEP001122330003'];

let world: string;
let servers: ServedNode[];

beforeEach(() => {
  world = mkdtempSync(join(tmpdir(), 'tftp-pki-life-'));
  servers = [];
  mkdirSync(join(world, 'files'));
  for (const phone of [desk, drawer, late])
    writeFileSync(
      join(world, 'files', `${phone}.cnf.xml`),
      `<device><deviceName>${phone}</deviceName></device>\n`,
    );
  for (const name of ['AppDialRules.xml', 'Ringlist.xml'])
    writeFileSync(join(world, 'files', name), `<!-- ${name} --><list/>\n`);
  writeFileSync(join(world, 'export.pass'), 'opens the export\n');
});
afterEach(async () => {
  for (const server of servers) await server.stop();
  rmSync(world, { recursive: true });
});

describe('one life', () => {
  test(
    'from init: phones, mixed mode, renewals, updates, reset, restored elsewhere',
    { timeout: lifeMs },
    async () => {
      const life = new Life('a');
      await life.command(
        'init',
        '--cluster',
        'alpha',
        '--node',
        'cucm-a.example',
        '--mode',
        'nonsecure',
        ...life.files(),
      );
      await life.serve();
      await life.boot(desk, drawer);
      expect((await life.phone(desk)).ctl).toBeNull();
      await life.change('set-mode', 'mixed');
      await life.boot(desk);
      expect((await life.phone(desk)).ctl).not.toBeNull();
      await livesOn(life);
      await movesTo(life, await restoredIn('b', life));
    },
  );

  test('from adopt: phones with the lists of an open tool', { timeout: lifeMs }, async () => {
    const life = new Life('a');
    const given = (file: string): string => join(vectors, file);
    await life.command(
      'adopt',
      '--sast',
      given('itlrecovery.pem'),
      '--callmanager',
      given('callmanager.pem'),
      '--itl',
      given('ITL-sha1.tlv'),
      '--ctl',
      given('CTL-sha1.tlv'),
      ...life.files(),
    );
    for (const phone of [desk, drawer])
      await life.remember({
        ...newPhone(phone),
        itl: readFileSync(given('ITL-sha1.tlv')).toString('hex'),
        ctl: readFileSync(given('CTL-sha1.tlv')).toString('hex'),
      });
    await life.serve();
    await life.boot(desk);
    expect(await life.lists()).not.toContain((await life.phone(drawer)).itl);
    await livesOn(life);
    await movesTo(life, await restoredIn('b', life));
  });
});

async function livesOn(life: Life): Promise<void> {
  const before = await life.signerOf(desk);
  await life.change('renew-cert', 'callmanager');
  expect(await life.signerOf(desk)).toBe(before);
  await life.change('renew-cert', 'callmanager', '--switch');
  const after = await life.signerOf(desk);
  expect(after).not.toBe(before);
  // It slept through the whole renewal, and through mixed mode: the list signer brings it along.
  expect(await life.signerOf(drawer)).toBe(after);

  await life.change('update-itl');
  await life.change('update-ctl');
  await life.boot(desk, late);
  await life.change('renew-cert', 'tvs');
  await life.boot(desk);
  await life.change('renew-cert', 'tvs', '--switch');
  await life.change('update-itl', '--rollback');
  await life.boot(desk);
  await life.change('update-itl');
  await life.boot(desk, drawer, late);

  await life.change('renew-cert', 'itlrecovery');
  await life.boot(desk, drawer, late);
  await life.change('renew-cert', 'itlrecovery', '--switch');
  await life.boot(desk, drawer, late);
  await life.change('set-mode', 'nonsecure');
  await life.boot(desk);
  expect((await life.phone(desk)).ctl).not.toBeNull();
  await life.change('set-mode', 'mixed');
  await life.change('reset-itl', 'localkey');
  await life.change('reset-ctl', 'localkey');
  await life.boot(desk, drawer);
  await life.change('update-itl');
  await life.change('update-ctl');
  await life.boot(desk, drawer, late);
}

/** Another folder, made from nothing but files and the exported key. */
async function restoredIn(name: string, lost: Life): Promise<Life> {
  await lost.command(
    'export-recovery',
    join(world, 'recovery.p12'),
    '--export-passphrase-file',
    join(world, 'export.pass'),
  );
  await lost.close();
  const next = new Life(name);
  await next.command('init', '--cluster', 'beta', '--node', 'cucm-b.example', ...next.files());
  await next.serve();
  return next;
}

async function movesTo(lost: Life, next: Life): Promise<void> {
  for (const phone of [desk, drawer]) await next.remember(await lost.phone(phone));
  const stranded = await next.try(desk);
  expect(stranded.result.refused).toEqual(
    expect.arrayContaining(['CTLFile.tlv', 'ITLFile.tlv', `${desk}.cnf.xml.sgn`]),
  );
  // Nobody here knows the timestamps of the past, which ran ahead of the clock where changes took less than a second each.
  const past = await Promise.all([desk, drawer].map(async (name) => (await lost.phone(name)).newest));
  const newest = Math.max(...past.flatMap((seconds) => Object.values(seconds)));
  await expect.poll(() => Date.now() / 1000, { timeout: 60_000 }).toBeGreaterThan(newest + 1);
  // A phone that knows nothing of the past takes the new folder's own lists first.
  await next.boot(late);
  await next.change(
    'reset-itl',
    'remotekey',
    '--key',
    join(world, 'recovery.p12'),
    '--key-passphrase-file',
    join(world, 'export.pass'),
  );
  await next.boot(desk);
  const keeps = await next.try(late);
  expect(keeps.result.refused).toEqual(['CTLFile.tlv', 'ITLFile.tlv']);
  expect(keeps.verdicts.find(({ purpose }) => purpose === 'config')?.name).toBeDefined();
  // Gone for good: what leads phones back to the regular signer was in the lists by the restored key.
  rmSync(join(world, 'recovery.p12'));
  await next.boot(drawer);
  await next.change('update-itl');
  await next.change('update-ctl');
  await next.boot(desk, drawer, late);
  expect(await next.lists()).toContain((await next.phone(desk)).itl);
}

/** A data folder, its server, and phones with a memory. */
class Life {
  readonly #data: string;
  readonly #phones: string;
  #server: ServedNode | undefined;

  constructor(name: string) {
    this.#data = join(world, name);
    this.#phones = join(world, `phones-of-${name}`);
  }

  files(): readonly string[] {
    return ['--files', join(world, 'files')];
  }

  async command(...words: readonly string[]): Promise<{ generation?: number }> {
    const terminal = fakeTerminal();
    const status = await runProgram([...words, '--json', '--data', this.#data], terminal);
    expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
    return JSON.parse(terminal.stdout.text) as { generation?: number };
  }

  async serve(): Promise<void> {
    this.#server = await serveProgram([
      '--tftp',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--data',
      this.#data,
    ]);
    servers.push(this.#server);
  }

  async close(): Promise<void> {
    await this.#server?.stop();
  }

  /** A change of trust, until the running server serves it. */
  async change(...words: readonly string[]): Promise<void> {
    const { generation } = await this.command(...words, '--yes');
    expect(generation).toBeGreaterThan(0);
    const lists = await this.lists();
    await expect.poll(() => this.#served('ITLFile.tlv'), { timeout: 10_000 }).toBe(lists[0]);
    if (lists[1] !== undefined)
      await expect.poll(() => this.#served('CTLFile.tlv'), { timeout: 10_000 }).toBe(lists[1]);
  }

  /** Hex of the current ITL and, where there is one, CTL. */
  async lists(): Promise<readonly string[]> {
    const store = await openStore({ path: join(this.#data, 'database.sqlite'), readonly: true, crypto });
    const lists = await store.currentLists();
    await store.close();
    const ordered = lists.toSorted((a, b) => (a.kind === b.kind ? 0 : a.kind === 'itl' ? -1 : 1));
    return ordered.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  }

  phone(name: string): Promise<PhoneState> {
    return loadPhone(this.#phones, name);
  }

  remember(state: PhoneState): Promise<void> {
    return savePhone(this.#phones, state);
  }

  async try(name: string): Promise<{ result: BootResult; verdicts: readonly FileVerdict[] }> {
    const verdicts: FileVerdict[] = [];
    const result = await bootPhone({
      crypto,
      state: await this.phone(name),
      fetch: async (file) => {
        const bytes = await this.#fetch(file);
        return bytes === undefined ? { kind: 'not-found' } : { kind: 'bytes', bytes };
      },
      nowSeconds: () => Math.floor(Date.now() / 1000),
      report: (verdict) => verdicts.push(verdict),
    });
    await this.remember(result.state);
    return { result, verdicts };
  }

  /** Each takes everything it is offered. */
  async boot(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const { result, verdicts } = await this.try(name);
      const bad = verdicts.filter(({ outcome }) => outcome !== 'accepted' && outcome !== 'not-found');
      expect({ name, ok: result.ok, bad }).toEqual({ name, ok: true, bad: [] });
      const { itl, ctl } = result.state;
      expect(await this.lists()).toEqual([itl, ctl].filter((list) => list !== null));
    }
  }

  /** Whose signature the phone found under its configuration. */
  async signerOf(name: string): Promise<string> {
    const { result, verdicts } = await this.try(name);
    const refused = verdicts.filter(({ outcome }) => outcome === 'refused' || outcome === 'unknown');
    expect({ name, ok: result.ok, refused }).toEqual({ name, ok: true, refused: [] });
    const config = verdicts.find(({ purpose, outcome }) => purpose === 'config' && outcome === 'accepted');
    return config?.judgement?.signer?.fingerprint ?? '';
  }

  async #served(name: string): Promise<string | undefined> {
    const bytes = await this.#fetch(name);
    return bytes && Buffer.from(bytes).toString('hex');
  }

  async #fetch(name: string): Promise<Uint8Array | undefined> {
    try {
      return await fetchTftp({
        host: '127.0.0.1',
        port: this.#server?.port('tftp') ?? 0,
        name,
        sizeBytesMax: 1_000_000,
      });
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.code === 'not-found') return undefined;
      throw thrown;
    }
  }
}
