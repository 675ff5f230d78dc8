/**
 * The TVS of a served node, in its own process: phones that meet unknown signers, a locked database, a killed TVS, a
 * killed back, thousands of idle connections and floods (security.md §4, §5).
 */
import Database from 'better-sqlite3';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anybodyAsked } from '../../src/core/tvs/asker.ts';
import { runProgram } from '../helpers/run-program.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const longMs = 120_000;
const device = 'SEP001122334455';
const world = mkdtempSync(join(tmpdir(), 'tftp-pki-tvs-'));
const at = (...names: readonly string[]): string => join(world, ...names);
let alpha: ServedNode;
let beta: ServedNode;
const servers: ServedNode[] = [];
let tvsPort = 0;

interface Ran {
  readonly status: number;
  readonly said: string;
  readonly value: Record<string, unknown>;
}

async function run(...words: readonly string[]): Promise<Ran> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json'], terminal);
  const text = terminal.stdout.text;
  return {
    status,
    said: terminal.stderr.text,
    value: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

async function done(...words: readonly string[]): Promise<Record<string, unknown>> {
  const { status, value, said } = await run(...words);
  expect(`${words.join(' ')}: ${status} ${said}`).toMatch(/: 0 /);
  return value;
}

async function serveNode(name: string, ...more: readonly string[]): Promise<ServedNode> {
  const listen = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const server = await serveProgram([...listen, '--data', at(name), ...more]);
  servers.push(server);
  return server;
}

const betaSigner = 'CN=cm-b;OU=beta;O=tftp-pki';

const endpoint = (port: number): string => `127.0.0.1:${port}`;

/** Addresses to which alpha's TVS vouched for a signer of files. */
function askers(): readonly string[] {
  const database = new Database(at('alpha', 'database.sqlite'), { readonly: true });
  const rows = database.prepare<[], { address: string }>('select address from tvs_asked').all();
  database.close();
  return rows.map(({ address }) => address);
}

interface Verdict {
  readonly name: string;
  readonly outcome: string;
  readonly judgement?: { readonly code: string; readonly reason: string };
}

/** One boot; `state` names a folder of memory that is copied first when `from` is given. */
async function boot(
  server: ServedNode,
  state: string,
  tvs: boolean,
): Promise<{
  verdicts: readonly Verdict[];
  tvs: readonly { subject: string; answer: string; roles: readonly string[] }[];
}> {
  const words = [
    'boot-phone',
    device,
    '--server',
    endpoint(server.port('tftp')),
    '--http',
    endpoint(server.port('http')),
  ];
  const { value } = await run(...words, '--state', at(state), ...(tvs ? ['--tvs', endpoint(tvsPort)] : []));
  return value as never;
}

const configOf = ({ verdicts }: { verdicts: readonly Verdict[] }): Verdict | undefined =>
  verdicts.find(({ name }) => name === `${device}.cnf.xml.sgn`);

/** A phone of alpha as it was delivered, under another name. */
function phoneOfAlpha(state: string): string {
  cpSync(at('phones'), at(state), { recursive: true });
  return state;
}

async function query(certificate: string): Promise<Ran> {
  return run('query-tvs', endpoint(tvsPort), at(certificate), '--trust-list', at('ITLFile.tlv'));
}

function tvsPid(): number {
  return (JSON.parse(readFileSync(at('alpha', 'tvs.json'), 'utf8')) as { pid: number }).pid;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await delay(20);
  }
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

beforeAll(async () => {
  mkdirSync(at('files'));
  writeFileSync(at('files', `${device}.cnf.xml`), `<device><deviceName>${device}</deviceName></device>\n`);
  for (const name of ['AppDialRules.xml', 'Ringlist.xml']) writeFileSync(at('files', name), '<list/>\n');
  await done('init', '--cluster', 'alpha', '--node', 'cm-a', '--files', at('files'), '--data', at('alpha'));
  await done('init', '--cluster', 'beta', '--node', 'cm-b', '--files', at('files'), '--data', at('beta'));
  for (const [purpose, name] of [
    ['callmanager', 'beta'],
    ['callmanager', 'alpha'],
    ['tvs', 'alpha'],
  ] as const)
    await done('export-cert', purpose, '-o', at(`${name}-${purpose}.pem`), '--data', at(name));
  [alpha, beta] = await Promise.all([serveNode('alpha', '--tvs', '127.0.0.1:0'), serveNode('beta')]);
  tvsPort = alpha.port('tvs');
  await boot(alpha, 'phones', false);
  await done('get', endpoint(alpha.port('tftp')), 'ITLFile.tlv', '-o', at('ITLFile.tlv'));
}, longMs);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(world, { recursive: true });
}, longMs);

describe('a phone that meets an unknown signer', () => {
  test(
    'refuses and says so while nobody vouches; accepts after the import; refuses again when it is retired',
    { timeout: longMs },
    async () => {
      const stranger = await boot(beta, phoneOfAlpha('p1'), true);
      expect(stranger.tvs.map(({ answer }) => answer)).toContain('refused');
      expect(configOf(stranger)).toMatchObject({ outcome: 'refused', judgement: { code: 'tvs-refused' } });
      expect((await query('beta-callmanager.pem')).status).toBe(1);

      const imported = await done(
        'import-cert',
        '--store',
        'callmanager-trust',
        at('beta-callmanager.pem'),
        '--yes',
        '--data',
        at('alpha'),
      );
      await until('vouched for', async () => (await query('beta-callmanager.pem')).status === 0);
      const known = await boot(beta, 'p1', true);
      expect(configOf(known)).toMatchObject({ outcome: 'accepted', judgement: { code: 'accepted-by-tvs' } });
      expect(known.tvs.find(({ subject }) => subject === betaSigner)).toMatchObject({
        answer: 'vouched',
        roles: ['TFTP'],
      });
      // What it shows from now on says nothing of its lists (beliefs.test.ts).
      await until('who asked is noted', () => Promise.resolve(askers().includes('127.0.0.1')));
      expect(askers()).not.toContain(anybodyAsked.address);
      // TFTP signs no trust list, whoever vouches: the phone keeps alpha's.
      expect(known.verdicts.find(({ name }) => name === 'ITLFile.tlv')?.outcome).toBe('refused');
      // It remembers the answer, and asks no more for this signer.
      const again = await boot(beta, 'p1', true);
      expect(configOf(again)?.outcome).toBe('accepted');
      expect(again.tvs.filter(({ subject }) => subject === betaSigner)).toEqual([]);

      const rows = (await done('list-certs', '--data', at('alpha'))) as unknown as {
        certificates?: readonly { id: number; store: string }[];
      };
      const list = rows.certificates ?? (rows as unknown as readonly { id: number; store: string }[]);
      const { id } = list.find(({ store }) => store === 'callmanager-trust') ?? { id: imported['id'] };
      await done('remove-cert', String(id), '--data', at('alpha'));
      await until('no longer vouched for', async () => (await query('beta-callmanager.pem')).status === 1);
      const later = await boot(beta, phoneOfAlpha('p2'), true);
      expect(configOf(later)).toMatchObject({ outcome: 'refused', judgement: { code: 'tvs-refused' } });
    },
  );

  test(
    'believes no TVS that is not in its ITL, and none that is not there',
    { timeout: longMs },
    async () => {
      cpSync(at('phones'), at('p3'), { recursive: true });
      const silent = await boot(beta, 'p3', false);
      expect(configOf(silent)).toMatchObject({ outcome: 'refused', judgement: { code: 'tvs-unreachable' } });
      // A phone of beta, whose ITL names beta's TVS, asks alpha's.
      await boot(beta, 'phones-of-beta', false);
      const wrong = await boot(alpha, 'phones-of-beta', true);
      expect(configOf(wrong)).toMatchObject({ outcome: 'refused', judgement: { code: 'tvs-not-trusted' } });
    },
  );

  test('is counted, and `status` shows it', { timeout: longMs }, async () => {
    await until('the report', async () => {
      const { unknownSigners } = await done('status', '--data', at('alpha'));
      return JSON.stringify(unknownSigners).includes(device);
    });
    expect(alpha.log.some((line) => line['type'] === 'unknown-signer' && line['device'] === device)).toBe(
      true,
    );
  });
});

describe('the process', () => {
  test('has no database, no data folder and no passphrase in its hands', () => {
    const pid = tvsPid();
    const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(fds.filter((path) => path.startsWith(world))).toEqual([]);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('TFTP_PKI');
    expect(readFileSync(`/proc/${pid}/maps`, 'utf8')).not.toContain('better_sqlite3');
  });

  test('answers while another process has the database locked', { timeout: longMs }, async () => {
    const database = new Database(at('alpha', 'database.sqlite'));
    try {
      database.exec('begin exclusive');
      for (let asked = 0; asked < 5; asked++) expect((await query('alpha-callmanager.pem')).status).toBe(0);
    } finally {
      database.exec('rollback');
      database.close();
    }
  });

  test('comes back when it is killed', { timeout: longMs }, async () => {
    const pid = tvsPid();
    process.kill(pid, 'SIGKILL');
    await until(
      'another one',
      async () => tvsPid() !== pid && (await query('alpha-callmanager.pem')).status === 0,
    );
    // What it told nobody of, it may have told anybody.
    await until('that is noted', () => Promise.resolve(askers().includes(anybodyAsked.address)));
  });
});

describe('under load', () => {
  test(
    '2,000 idle connections, half questions and floods: a good query is answered, memory stays',
    { timeout: longMs },
    async () => {
      const session = await sessionOf();
      const before = await percentile99();
      const idle: TLSSocket[] = [];
      const rounds: number[] = [];
      while (idle.length < 2_000) {
        const batch = Array.from({ length: 50 }, (_, index) => idleConnection(idle.length + index, session));
        idle.push(...(await Promise.all(batch)));
      }
      const withIdle = await percentile99();
      const memory = rssKiB();
      const report = { p99Ms: { before, withIdle }, rssMiB: Math.round(memory / 1024) };
      console.log(JSON.stringify(report));
      // The promise is 100 ms; a machine that is slow without them may be as slow with them.
      expect(withIdle, JSON.stringify(report)).toBeLessThan(Math.max(100, 3 * before));
      for (let round = 0; round < 3; round++) {
        const hostile = Array.from({ length: 300 }, (_, index) => hostileConnection(index, session));
        expect((await query('alpha-callmanager.pem')).status).toBe(0);
        for (const socket of await Promise.all(hostile)) socket.destroy();
        rounds.push(rssKiB());
      }
      // A leak of a connection each would be 900 times 20 KiB and more.
      expect((rounds.at(-1) ?? 0) - (rounds[0] ?? 0), JSON.stringify(rounds)).toBeLessThan(24 * 1024);
      expect(idle.filter(({ destroyed }) => destroyed)).toEqual([]);
      for (const socket of idle) socket.destroy();
      expect((await query('alpha-callmanager.pem')).status).toBe(0);
    },
  );
});

describe('a killed back', () => {
  test('leaves it answering, until the next server takes over', { timeout: longMs }, async () => {
    const orphan = tvsPid();
    const port = tvsPort;
    alpha.child.kill('SIGKILL');
    await once(alpha.child, 'exit');
    for (let asked = 0; asked < 3; asked++) expect((await query('alpha-callmanager.pem')).status).toBe(0);
    expect(isAlive(orphan)).toBe(true);
    alpha = await serveNode('alpha', '--tvs', endpoint(port));
    await until('the end of the old one', () => !isAlive(orphan));
    expect((await query('alpha-callmanager.pem')).status).toBe(0);
    const last = tvsPid();
    await alpha.stop();
    await until('its end with its server', () => !isAlive(last));
  });
});

/** Where the connections come from: limits are per address, and these are many phones. */
const source = (index: number): string => `127.0.1.${1 + (index % 100)}`;

/** A session to resume: what is measured are connections, not this test's handshakes. */
async function sessionOf(): Promise<Buffer> {
  const socket = connectTls({ host: '127.0.0.1', port: tvsPort, rejectUnauthorized: false });
  const [session] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  return session;
}

async function idleConnection(index: number, session: Buffer): Promise<TLSSocket> {
  const options = { host: '127.0.0.1', port: tvsPort, localAddress: source(index) };
  const socket = connectTls({ ...options, rejectUnauthorized: false, session });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

/** A third sends half a question, a third a wrong length, a third begins a handshake and goes no further. */
async function hostileConnection(index: number, session: Buffer): Promise<Socket> {
  if (index % 3 === 2) {
    const socket = connectTcp({ host: '127.0.0.1', port: tvsPort, localAddress: '127.0.2.1' });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(Uint8Array.of(0x16, 3, 1, 0, 0xf0));
    return socket;
  }
  const socket = await idleConnection(index, session);
  const length = index % 3 === 0 ? 0x8f : 0xff00;
  socket.write(Buffer.from([0x57, 1, 3, 0, 0, 0, 0, 1, length >> 8, length & 0xff, 1, 0]));
  return socket;
}

/** Of 100 good queries, each on a connection of its own, in milliseconds. */
async function percentile99(): Promise<number> {
  const { askTvs } = await import('../../src/net/tvs-client.ts');
  const took: number[] = [];
  for (let asked = 0; asked < 100; asked++) {
    const begunMs = performance.now();
    await askTvs({
      host: '127.0.0.1',
      port: tvsPort,
      ask: {
        command: 'query-request',
        device,
        subject: 'CN=a',
        issuer: 'CN=nobody',
        serial: Uint8Array.of(1),
      },
    });
    took.push(performance.now() - begunMs);
  }
  return took.toSorted((a, b) => a - b)[98] ?? 0;
}

function rssKiB(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${tvsPid()}/status`, 'utf8'))?.[1]);
}
