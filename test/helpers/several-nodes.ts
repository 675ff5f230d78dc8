/**
 * A cluster of nodes on one real PostgreSQL, its commands run in the test's own process, its servers as processes of
 * their own, and phones that remember: each asks over HTTP from an address of its own, so that servers tell them apart.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import type { FileVerdict } from '../../src/core/phone/phone.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import { fetchHttp } from '../../src/net/http-client.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { startPostgres, type PostgresServer } from './postgres.ts';
import { runProgram } from './run-program.ts';
import { serveProgram, type ServedNode } from './served-node.ts';
import { fakeTerminal } from './terminal.ts';
import { remembering } from './trust-vectors.ts';

export interface Ran {
  readonly status: number;
  readonly said: string;
  /** stdout of `--json`. */
  readonly text: string;
}

/** Every phone holds the same lists: each certificate is read once. */
const crypto = remembering(createVerifier());
const patience = { timeout: 60_000, interval: 100 };

export class SeveralNodes {
  readonly world = mkdtempSync(join(tmpdir(), 'tftp-pki-several-'));
  readonly postgres: PostgresServer = startPostgres();
  readonly phones: readonly string[];
  readonly #servers = new Map<string, ServedNode>();
  readonly #states = new Map<string, PhoneState>();
  database = '';

  constructor(phones: readonly string[]) {
    this.phones = phones;
  }

  /** The first of `names` makes the cluster, in mixed mode and with all phones; the others join it. */
  async begin(...[first = 'a', ...others]: readonly string[]): Promise<void> {
    this.database = await this.postgres.newDatabase();
    mkdirSync(join(this.world, 'files'));
    writeFileSync(join(this.world, 'files', 'Ringlist.xml'), '<CiscoIPPhoneRingList/>\n');
    writeFileSync(join(this.world, 'export.pass'), 'opens the export\n');
    await this.done(first, 'init', '--cluster', 'lab', '--mode', 'mixed', ...this.#placeOf(first));
    const rows = this.phones.map((name, at) => `${name},CP-8851,SIP,${1000 + at}`);
    writeFileSync(join(this.world, 'devices.csv'), `name,model,protocol,line1\n${rows.join('\n')}\n`);
    await this.run(first, 'import-devices', join(this.world, 'devices.csv'));
    await this.exportRecovery(first);
    for (const name of others)
      await this.done(name, 'join-node', ...this.#placeOf(name), ...this.key, '--yes');
  }

  #placeOf(name: string): readonly string[] {
    const files = ['--files', join(this.world, 'files')];
    return ['--node', `${name}.example`, '--database', this.database, ...files];
  }

  async exportRecovery(name: string): Promise<void> {
    const file = join(this.world, 'recovery.p12');
    rmSync(file, { force: true });
    await this.done(
      name,
      'export-recovery',
      file,
      '--export-passphrase-file',
      join(this.world, 'export.pass'),
    );
  }

  /** ITLRecovery as it was exported last. */
  get key(): readonly string[] {
    const pass = join(this.world, 'export.pass');
    return ['--key', join(this.world, 'recovery.p12'), '--key-passphrase-file', pass];
  }

  data(name: string): string {
    return join(this.world, name);
  }

  open(name: string): Promise<OpenNode> {
    return openNode({ dataDir: this.data(name), passphraseFile: undefined });
  }

  async run(name: string, ...words: readonly string[]): Promise<Ran> {
    const terminal = fakeTerminal();
    const status = await runProgram([...words, '--json', '--data', this.data(name)], terminal);
    return { status, said: terminal.stderr.text, text: terminal.stdout.text };
  }

  /** Fails the test unless it is done. */
  async done(name: string, ...words: readonly string[]): Promise<Record<string, unknown>> {
    const { status, said, text } = await this.run(name, ...words);
    expect(`${words.join(' ')}: ${status} ${said}`).toMatch(/: 0 /);
    return JSON.parse(text) as Record<string, unknown>;
  }

  /**
   * With as many phones stranded as its plan counts: lists of the last minute may have reached anybody, and a minute is
   * soon over.
   */
  async atItsCost(name: string, ...words: readonly string[]): Promise<void> {
    for (let time = 1; ; time++) {
      const planned = JSON.parse((await this.run(name, ...words, '--dry-run')).text) as {
        phones: { stranded: readonly string[] };
      };
      const { length } = planned.phones.stranded;
      const cost = length === 0 ? [] : ['--strand', String(length)];
      const { status, said } = await this.run(name, ...words, ...cost, '--yes');
      if (status === 0) return;
      if (time === 3) throw new Error(said);
    }
  }

  async serve(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.serveWith(name);
  }

  async serveWith(name: string, ...more: readonly string[]): Promise<void> {
    const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    this.#servers.set(name, await serveProgram([...loopback, ...more, '--data', this.data(name)]));
  }

  server(name: string): ServedNode {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`${name} is not served`);
    return server;
  }

  /** As a power cut would. */
  kill(name: string): void {
    this.server(name).child.kill('SIGKILL');
    this.#servers.delete(name);
  }

  /** Every server serves what was published last. */
  async upToDate(): Promise<void> {
    const [name = ''] = this.#servers.keys();
    const expected = [...this.#servers.keys()].map((each) => ({
      node: `${each}.example`,
      state: 'up to date',
    }));
    await expect
      .poll(async () => (await this.done(name, 'status'))['serving'], patience)
      .toEqual(expect.arrayContaining(expected.map((each) => expect.objectContaining(each) as unknown)));
  }

  /** Nothing that it is offered may be refused, and it ends with a configuration. Gives who signed that. */
  async boot(phone: string, name: string): Promise<string> {
    const verdicts: FileVerdict[] = [];
    const localAddress = `127.2.1.${1 + this.phones.indexOf(phone)}`;
    const port = this.server(name).port('http');
    const result = await bootPhone({
      crypto,
      state: this.#states.get(phone) ?? newPhone(phone),
      fetch: async (file) => {
        try {
          const bytes = await fetchHttp({ host: '127.0.0.1', port, name: file, localAddress });
          return { kind: 'bytes', bytes };
        } catch (error) {
          if (error instanceof Failure && error.code === 'not-found') return { kind: 'not-found' };
          throw error;
        }
      },
      nowSeconds: () => Math.floor(Date.now() / 1000),
      report: (verdict) => verdicts.push(verdict),
    });
    this.#states.set(phone, result.state);
    const bad = verdicts.filter(({ outcome }) => outcome !== 'accepted' && outcome !== 'not-found');
    expect({ phone, name, ok: result.ok, bad }).toEqual({ phone, name, ok: true, bad: [] });
    const taken = verdicts.find(({ purpose, outcome }) => purpose === 'config' && outcome === 'accepted');
    return taken?.judgement?.signer?.fingerprint ?? '';
  }

  async end(): Promise<void> {
    for (const server of this.#servers.values()) await server.stop();
    this.postgres.stop();
    rmSync(this.world, { recursive: true });
  }
}
