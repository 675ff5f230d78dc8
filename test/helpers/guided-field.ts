/**
 * A node in a folder, served by the built program, and phones that remember: each asks over one HTTP connection from an
 * address of its own (127.x.y.z), so that the server can tell them apart. Commands run in the test's own process.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { runProgram } from './run-program.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { decodeSignedHeader } from '../../src/wire/signed-header.ts';
import { serveProgram, type ServedNode } from './served-node.ts';
import { fakeTerminal } from './terminal.ts';
import { remembering } from './trust-vectors.ts';

export interface Simulated {
  readonly name: string;
  readonly address: string;
  state: PhoneState;
  /** Fingerprint of whoever signed the configuration that it took last. */
  signer: string;
}

export interface Renewal {
  readonly step: string;
  readonly come: number;
  readonly toCome: readonly string[];
}

export interface Ran {
  readonly status: number;
  /** stdout. */
  readonly text: string;
  readonly said: string;
}

const patience = { timeout: 60_000, interval: 250 };
const bootsAtOnce = 32;
/** How often somebody tries who gets no answer. */
const timesMax = 20;
/** Every phone holds the same lists: each certificate is read once. */
const crypto = remembering(createVerifier());

export class GuidedField {
  readonly world = mkdtempSync(join(tmpdir(), 'tftp-pki-guided-'));
  readonly data = join(this.world, 'data');
  readonly phones: readonly Simulated[];
  server: ServedNode | undefined;

  /** `boots`: so many of the devices are phones that boot; the others are names. */
  constructor(devices: number, boots = devices) {
    this.#names = Array.from(
      { length: devices },
      (_, at) => `SEP001122${at.toString(16).toUpperCase().padStart(6, '0')}`,
    );
    this.phones = this.#names.slice(0, boots).map((name, at) => ({
      name,
      address: `127.1.${1 + Math.floor(at / 250)}.${1 + (at % 250)}`,
      state: newPhone(name),
      signer: '',
    }));
  }

  readonly #names: readonly string[];

  get names(): readonly string[] {
    return this.#names;
  }

  /** A cluster in mixed mode with all devices, served. */
  async begin(): Promise<void> {
    const files = join(this.world, 'files');
    mkdirSync(files);
    writeFileSync(join(files, 'Ringlist.xml'), '<CiscoIPPhoneRingList/>\n');
    await this.done('init', '--cluster', 'office', '--node', 'cucm-a', '--mode', 'mixed', '--files', files);
    const rows = this.#names.map((name, at) => `${name},CP-8851,SIP,${1000 + at}`);
    writeFileSync(join(this.world, 'devices.csv'), `name,model,protocol,line1\n${rows.join('\n')}\n`);
    await this.done('import-devices', join(this.world, 'devices.csv'));
    await this.serve();
  }

  async serve(): Promise<void> {
    const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    this.server = await serveProgram([...loopback, '--data', this.data]);
  }

  async end(): Promise<void> {
    await this.server?.stop();
    rmSync(this.world, { recursive: true });
  }

  run(...words: readonly string[]): Promise<Ran> {
    return this.runPlain(...words, '--json');
  }

  /** As people see it. */
  async runPlain(...words: readonly string[]): Promise<Ran> {
    const terminal = fakeTerminal();
    const status = await runProgram([...words, '--data', this.data], terminal);
    return { status, text: terminal.stdout.text, said: terminal.stderr.text };
  }

  /** As `run`; fails the test unless it is done. */
  async done(...words: readonly string[]): Promise<string> {
    const { status, text, said } = await this.run(...words);
    expect(`${words.join(' ')}: ${status} ${said} ${text}`).toMatch(/: 0 /);
    return text;
  }

  /** Of the guided renewal under way. */
  async renewal(): Promise<Renewal | undefined> {
    return (JSON.parse(await this.done('status')) as { renewals: readonly Renewal[] }).renewals[0];
  }

  /** Until the file tells it. */
  async until(step: string): Promise<void> {
    await expect.poll(async () => (await this.renewal())?.step, patience).toBe(step);
  }

  /** A command that changes what is served, until it is. */
  change(...words: readonly string[]): Promise<string> {
    return this.changed(() => this.done(...words));
  }

  async changed<T>(work: () => Promise<T>): Promise<T> {
    const before = await this.#served();
    const result = await work();
    await expect.poll(() => this.#served(), patience).not.toBe(before);
    return result;
  }

  /** Tells those that are behind to boot, as an administrator does; gives the phones that hear of it. */
  async reset(): Promise<readonly Simulated[]> {
    const file = join(this.world, 'reset.csv');
    await this.done('reset-phones', '--behind', '--csv', file);
    const [, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\r\n');
    const names = new Set(rows.map((row) => row.split(',')[0]));
    return this.phones.filter(({ name }) => names.has(name));
  }

  /** Each boots once; `onBoot` after each. Gives those that met no server on the way; refused is nothing. */
  async boot(
    phones: readonly Simulated[] = this.phones,
    onBoot: (count: number) => void = () => undefined,
  ): Promise<readonly Simulated[]> {
    const waiting = [...phones];
    const again: Simulated[] = [];
    let count = 0;
    const line = async (): Promise<void> => {
      for (let phone = waiting.pop(); phone !== undefined; phone = waiting.pop()) {
        if (!(await this.#bootOne(phone))) again.push(phone);
        onBoot(++count);
      }
    };
    await Promise.all(Array.from({ length: bootsAtOnce }, line));
    return again;
  }

  /** Each boots; who gets no answer to something boots again, as phones do. Refused is nothing. */
  async come(phones: readonly Simulated[] = this.phones): Promise<void> {
    let waiting = phones;
    for (let time = 0; time < timesMax && waiting.length > 0; time++) waiting = await this.boot(waiting);
    expect(waiting.map(({ name }) => name)).toEqual([]);
  }

  /** They boot until the file tells that they came: what a server had not told when it died, it has to hear again. */
  async allCome(phones: readonly Simulated[] = this.phones): Promise<void> {
    const byName = new Map(phones.map((phone) => [phone.name, phone]));
    for (let time = 0; time < timesMax; time++) {
      const toCome = (await this.renewal())?.toCome.flatMap((name) => byName.get(name) ?? []) ?? [];
      if (toCome.length === 0) return;
      await this.come(toCome);
      // Beliefs reach the disk every second.
      await delay(1_200);
    }
    throw new Error('phones came, and the server did not notice');
  }

  /** Who signed the configurations that they took last. */
  signers(phones: readonly Simulated[] = this.phones): readonly string[] {
    return [...new Set(phones.map(({ signer }) => signer))];
  }

  fetch(agent: Agent, name: string): Promise<FetchAnswer> {
    const port = this.server?.port('http');
    return new Promise((resolve) => {
      const failed = ({ message }: Error): void => resolve({ kind: 'failed', reason: message });
      get({ host: '127.0.0.1', port, path: `/${name}`, agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('error', failed);
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve(answerOf(response.statusCode, Buffer.concat(parts))));
      }).on('error', failed);
    });
  }

  /** Whether it got an answer to everything; a phone whose server is gone boots again. */
  async #bootOne(phone: Simulated): Promise<boolean> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: phone.address });
    let signer = '';
    let lost = false;
    const { refused, missing, state } = await bootPhone({
      crypto,
      state: phone.state,
      fetch: async (name) => {
        const answer = await this.fetch(agent, name);
        lost ||= answer.kind === 'failed';
        return answer;
      },
      nowSeconds: () => Math.floor(Date.now() / 1000),
      report({ purpose, outcome, judgement }) {
        if (purpose === 'config' && outcome === 'accepted') signer = judgement?.signer?.fingerprint ?? '';
      },
    });
    agent.destroy();
    expect({ phone: phone.name, refused }).toEqual({ phone: phone.name, refused: [] });
    phone.state = state;
    if (lost) return false;
    expect({ phone: phone.name, missing }).toEqual({ phone: phone.name, missing: [] });
    phone.signer = signer;
    return true;
  }

  /** The ITL by its hash, and who signs files. */
  async #served(): Promise<string> {
    const agent = new Agent();
    const bytes = async (name: string): Promise<Uint8Array> => {
      const answer = await this.fetch(agent, name);
      return answer.kind === 'bytes' ? answer.bytes : new Uint8Array();
    };
    const header = decodeSignedHeader(await bytes('Ringlist.xml.sgn'));
    const itl = createHash('sha256')
      .update(await bytes('ITLFile.tlv'))
      .digest('hex');
    return `${itl} ${header.ok ? Buffer.from(header.value.signer.serial).toString('hex') : ''}`;
  }
}

/** 503 is "come again": no answer, as a cut connection is none. */
function answerOf(status: number | undefined, body: Buffer): FetchAnswer {
  if (status === 200) return { kind: 'bytes', bytes: new Uint8Array(body) };
  return status === 404 ? { kind: 'not-found' } : { kind: 'failed', reason: `status ${status}` };
}
