/** The TVS on real TLS: what it answers, whom it refuses, and what hostile clients do to it (formats.md §4, security.md §5). */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/base/events.ts';
import { Failure } from '../../src/base/errors.ts';
import type { StoredCertificate } from '../../src/core/cluster/model.ts';
import { askTvs } from '../../src/net/tvs-client.ts';
import type { TvsLimits } from '../../src/net/tvs-server.ts';
import { startTvs, type Tvs } from '../../src/node/tvs.ts';
import { party } from '../helpers/trust-builder.ts';
import { subject } from '../helpers/clusters.ts';
import { exchange, identityOf, queryBytes, readMessage, row, tlsTo } from '../helpers/tvs-peer.ts';

const manager = party({ key: 'callmanager-a', subject: subject('cm-a'), serial: '0a01' });
const recovery = party({ key: 'sast-a', subject: subject('recovery'), serial: '0a02' });
const tvsA = party({ key: 'tvs-a', subject: subject('tvs-a'), serial: '0a03' });
const tvsNext = party({ key: 'tvs-b', subject: subject('tvs-a'), serial: '0a13' });
const capf = party({ key: 'sast-b', subject: subject('CAPF-a'), serial: '0a04' });
const foreign = party({ key: 'callmanager-b', subject: subject('cm-b'), serial: '8b01' });
const own = [row(manager, 'callmanager'), row(recovery, 'itlrecovery'), row(tvsA, 'tvs'), row(capf, 'capf')];

let tvs: Tvs | undefined;
let events: Event[] = [];
afterEach(async () => {
  await tvs?.close();
  tvs = undefined;
  events = [];
});

async function start(
  options: { rows?: readonly StoredCertificate[]; legacy?: boolean; limits?: Partial<TvsLimits> } = {},
): Promise<number> {
  tvs = await startTvs({
    moment: { rows: [...own, ...(options.rows ?? [])], thisNode: 'node-a', identity: identityOf(tvsA) },
    listen: [{ address: '127.0.0.1', port: 0, legacy: options.legacy === true }],
    metrics: undefined,
    onEvent: (event) => events.push(event),
    ...(options.limits && { limits: options.limits }),
  });
  return tvs.listening[0]?.port ?? 0;
}

/** Waits for what the server says of itself. */
async function told(matches: (event: Event) => boolean): Promise<void> {
  while (!events.some(matches)) await delay(5);
}

const rejected = (reason: string) => (event: Event) =>
  event.type === 'tvs-rejected' && event.reason === reason;

/** Status and roles of an answer, read by hand. */
function word(answer: Buffer): { readonly valid: boolean; readonly roles: readonly number[] } {
  const items = new Map<number, Buffer>();
  for (let at = 10; at < answer.length; at += 3 + answer.readUInt16BE(at + 1))
    items.set(answer.readUInt8(at), answer.subarray(at + 3, at + 3 + answer.readUInt16BE(at + 1)));
  return { valid: items.get(7)?.[0] === 0, roles: [...(items.get(8) ?? [])] };
}

describe('questions and answers', () => {
  it('a query gets the certificate, its roles and a day; the session comes back', async () => {
    const port = await start();
    const answer = await exchange(port, queryBytes(manager, undefined, 0xfeedbeef));
    expect(answer.subarray(0, 8).toString('hex')).toBe('57010400feedbeef');
    expect(word(answer)).toEqual({ valid: true, roles: [0, 3] });
    expect(answer.includes(manager.der)).toBe(true);
    expect(answer.subarray(-7).toString('hex')).toBe('09000400015180');
  });

  it('the query of technote 213407 as it is printed there is answered in its frame', async () => {
    const signer = party({
      key: 'callmanager-b',
      subject: [
        ['CN', 'ucm11pub.stormin.local'],
        ['OU', 'IST'],
        ['O', 'Stormin'],
        ['L', 'Brisbane'],
        ['ST', 'QLD'],
        ['C', 'AU'],
      ],
      issuer: [
        ['CN', 'stormin-WIN2012-CA'],
        ['DC', 'stormin'],
        ['DC', 'local'],
      ],
      serial: '24000000179479b8f124ac3f3b000000000017',
    });
    const printed = readFileSync(new URL('../vectors/technotes/tvs-query.txt', import.meta.url), 'utf8');
    const hex = (name: string): Buffer =>
      Buffer.from(new RegExp(`^${name} ([0-9a-f]+)$`, 'm').exec(printed)?.[1] ?? '', 'hex');
    const query = Buffer.concat([
      hex('REQ_HEX_VERBATIM'),
      Buffer.from('b.stormin.local;OU=IST;O=Stormin;L=Brisbane;ST=QLD;C=AU\0'),
      Buffer.of(4, 0, 0x16),
      Buffer.from('CN=stormin-WIN2012-CA\0'),
      Buffer.of(5, 0, 0x13),
      signer.serial,
    ]);
    expect(query.length).toBe(153);
    const port = await start({ rows: [row(signer, 'phone-sast-trust')] });
    const answer = await exchange(port, query);
    const theirs = hex('RSP_HEX_VERBATIM');
    // Head without the uninitialised byte and the length, then status and the tag of the certificate.
    for (const [from, to] of [
      [0, 3],
      [4, 8],
      [10, 15],
    ])
      expect(answer.subarray(from, to)).toEqual(theirs.subarray(from, to));
    expect(word(answer)).toEqual({ valid: true, roles: [0, 3] });
    expect(events.find(({ type }) => type === 'tvs-answered')).toMatchObject({
      device: 'CP-8861-SEPB000B4BA0AEE',
      outcome: 'vouched',
    });
  });

  it('byte by byte, and several in one write', async () => {
    const port = await start();
    const socket = await tlsTo(port);
    for (const byte of queryBytes(manager)) socket.write(Uint8Array.of(byte));
    expect(word(await readMessage(socket)).valid).toBe(true);
    const sessions = [1, 2, 3, 4];
    socket.write(Buffer.concat(sessions.map((session) => queryBytes(manager, undefined, session))));
    for (const session of sessions) expect((await readMessage(socket)).readUInt32BE(4)).toBe(session);
    socket.destroy();
  });

  it('our client asks both questions and hands back the certificate of the service', async () => {
    const port = await start();
    const query = await askTvs({
      host: '127.0.0.1',
      port,
      ask: {
        command: 'query-request',
        device: 'CP-8861-SEP001122334455',
        subject: '',
        issuer: 'CN=cm-a;OU=Voice;O=Example, Inc.;L=Riga;ST=LV;C=LV',
        serial: manager.serial,
      },
    });
    expect(query.response.vouched?.roles).toEqual(['SAST', 'TFTP']);
    expect(Buffer.from(query.server)).toEqual(tvsA.der);
    const verify = await askTvs({
      host: '127.0.0.1',
      port,
      ask: { command: 'verify-request', device: 'x', certificate: Uint8Array.from(recovery.der) },
    });
    expect(verify.response.vouched?.roles).toEqual(['SAST']);
  });

  it('TLS 1.0 has a listener of its own', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(exchange(await start(), queryBytes(manager), old)).rejects.toThrow();
    await tvs?.close();
    expect(word(await exchange(await start({ legacy: true }), queryBytes(manager), old)).valid).toBe(true);
  });

  it('a snapshot replaces the one before, and so does the certificate', async () => {
    const port = await start();
    expect(word(await exchange(port, queryBytes(foreign))).valid).toBe(false);
    const identity = identityOf(tvsNext);
    tvs?.update({ rows: [...own, row(foreign, 'callmanager-trust')], thisNode: 'node-a', identity });
    const socket = await tlsTo(port);
    expect(socket.getPeerX509Certificate()?.raw).toEqual(tvsNext.der);
    socket.write(queryBytes(foreign));
    expect(word(await readMessage(socket))).toEqual({ valid: true, roles: [3] });
    socket.destroy();
  });
});

describe('whom it does not vouch for, on the wire (security.md §5)', () => {
  const twin = party({ key: 'callmanager-b', subject: subject('cm-a'), serial: '0a01' });
  it.each([
    ['a stranger', [], foreign],
    ['a TVS, ours', [], tvsA],
    ['a TVS that stands in phone-sast-trust too', [row(tvsA, 'phone-sast-trust')], tvsA],
    ['another cluster’s TVS', [row(foreign, 'tvs-trust'), row(foreign, 'callmanager-trust')], foreign],
    ['an issuer and serial of two keys', [row(twin, 'callmanager-trust')], manager],
    ['a retired certificate', [row(foreign, 'callmanager-trust', { retiredMs: 1 })], foreign],
    [
      'our retired certificate in another store',
      [row(foreign, 'callmanager', { retiredMs: 1 }), row(foreign, 'phone-sast-trust')],
      foreign,
    ],
    ['an issuer of phone certificates', [row(foreign, 'capf-trust')], foreign],
  ])('%s', async (_name, rows, who) => {
    const answer = await exchange(await start({ rows }), queryBytes(who));
    expect(answer.subarray(10).toString('hex')).toBe('07000101');
  });

  it.each([
    ['callmanager-trust', [3]],
    ['tomcat-trust', [7]],
    ['phone-sast-trust', [0, 3]],
  ] as const)('%s gives no more roles than the table has', async (store, roles) => {
    const answer = await exchange(await start({ rows: [row(foreign, store)] }), queryBytes(foreign));
    expect(word(answer)).toEqual({ valid: true, roles });
  });

  it('questions for unknown signers are counted per device, and told when the count has doubled', async () => {
    const port = await start();
    for (let asked = 0; asked < 5; asked++) await exchange(port, queryBytes(foreign));
    await exchange(port, queryBytes(foreign, 'CP-7841-SEPAABBCCDDEEFF'));
    await exchange(port, queryBytes(foreign, 'nobody'));
    expect(tvs?.unknownSigners()).toMatchObject([
      { device: 'SEP001122334455', count: 5, signer: { serial: '8b:01' } },
      { device: 'SEPAABBCCDDEEFF', count: 1 },
    ]);
    const counts = events.flatMap((event) => (event.type === 'unknown-signer' ? [event.count] : []));
    expect(counts).toEqual([1, 2, 4, 1]);
  });
});

describe('a client certificate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-lsc-'));
  const openssl = (...args: readonly string[]): Buffer =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const derOf = (name: string): Buffer => Buffer.from(new X509Certificate(read(name)).raw);
  beforeAll(() => {
    const request = ['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=CP-8861-SEP001122334455'];
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=CAPF-1234',
      '-days',
      '3650',
      '-keyout',
      'capf.key',
      '-out',
      'capf.pem',
    );
    openssl(...request, '-new', '-keyout', 'lsc.key', '-out', 'lsc.csr');
    openssl(
      'x509',
      '-req',
      '-in',
      'lsc.csr',
      '-CA',
      'capf.pem',
      '-CAkey',
      'capf.key',
      '-CAcreateserial',
      '-days',
      '1000',
      '-out',
      'lsc.pem',
    );
    openssl(...request, '-x509', '-days', '1000', '-keyout', 'forged.key', '-out', 'forged.pem');
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const identity = (name: string) => ({ key: read(`${name}.key`), cert: read(`${name}.pem`) });

  it.each([
    ['by our CAPF proves the device', 'lsc', true],
    ['that signed itself proves nothing, and is answered', 'forged', false],
  ])('%s', async (_name, phone, proved) => {
    const port = await start({ rows: [row({ der: derOf('capf.pem') }, 'capf')] });
    expect(word(await exchange(port, queryBytes(manager), identity(phone))).valid).toBe(true);
    expect(events.find(({ type }) => type === 'tvs-answered')).toMatchObject({ proved });
  });

  it('counts for more than the name in the question', async () => {
    const port = await start({ rows: [row({ der: derOf('capf.pem') }, 'capf-trust')] });
    await exchange(port, queryBytes(foreign, 'CP-8861-SEPAABBCCDDEEFF'), identity('lsc'));
    expect(tvs?.unknownSigners()).toMatchObject([{ device: 'SEP001122334455' }]);
    expect(events.find(({ type }) => type === 'tvs-answered')).toMatchObject({ proved: false });
  });
});

describe('hostile clients', () => {
  const stageMs = { handshake: 1_500, exchange: 600, idle: 600 };

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not-a-frame'],
    ['another version', Buffer.of(0x57, 2, 3, 0, 0, 0, 0, 1, 0, 0), 'frame-version'],
    ['an unknown command', Buffer.of(0x57, 1, 9, 0, 0, 0, 0, 1, 0, 0), 'frame-command'],
    ['a message of 65,535 bytes', Buffer.of(0x57, 1, 3, 0, 0, 0, 0, 1, 0xff, 0xff), 'frame-too-long'],
    ['an answer', Buffer.of(0x57, 1, 4, 0, 0, 0, 0, 1, 0, 4, 7, 0, 1, 1), 'not-a-question'],
    ['a length that is short', shortened(queryBytes(manager)), 'element-cut'],
    ['an unknown element', Buffer.of(0x57, 1, 3, 0, 0, 0, 0, 1, 0, 4, 99, 0, 1, 1), 'element-unknown'],
  ])('%s ends the connection', async (_name, bytes, reason) => {
    const port = await start();
    const socket = await tlsTo(port);
    socket.write(bytes);
    await once(socket, 'close');
    expect(events.some(rejected(reason))).toBe(true);
    expect(word(await exchange(port, queryBytes(manager))).valid).toBe(true);
  });

  it('each byte of a question changed: an answer or an end, and always the next question answered', async () => {
    const port = await start({ limits: { stageMs, handshakesPerSecond: 10_000, handshakeBurst: 10_000 } });
    const good = queryBytes(manager);
    const changed = Array.from(good, (_, at) => {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 0x41;
      return bytes;
    });
    const answers: Buffer[] = [];
    for (let at = 0; at < changed.length; at += 16)
      answers.push(...(await Promise.all(changed.slice(at, at + 16).map((bytes) => exchange(port, bytes)))));
    // Session, the ignored byte, device and subject may be anything; what is looked up by must be exact.
    const vouched = answers.flatMap((answer, at) => (answer.length > 0 && word(answer).valid ? [at] : []));
    const free = [3, 4, 5, 6, 7, ...Array.from(good.keys()).slice(14, 37), ...subjectBytes(good)];
    expect(vouched.filter((at) => !free.includes(at))).toEqual([]);
    expect(word(await exchange(port, queryBytes(manager))).valid).toBe(true);
  });

  it('half a question, half a handshake and silence end when their time is over', async () => {
    const port = await start({ limits: { stageMs } });
    const ends: Promise<unknown>[] = [];
    const ended = <T extends Socket>(socket: T): T => {
      ends.push(once(socket.resume(), 'close'));
      return socket;
    };
    ended(await tlsTo(port)).write(queryBytes(manager).subarray(0, 50));
    const slow = ended(await tlsTo(port));
    slow.write(queryBytes(manager).subarray(0, 1));
    const drip = setInterval(() => slow.destroyed || slow.write(Uint8Array.of(1)), 50);
    ended(await tlsTo(port));
    ended(connectTcp(port, '127.0.0.1')).on('error', () => undefined);
    await Promise.all(ends);
    clearInterval(drip);
    await told(rejected('too-slow'));
    await told(rejected('no-handshake'));
    expect(tvs).toBeDefined();
    const noTls = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    noTls.write('not a handshake at all, by no means');
    await once(noTls.resume(), 'close');
    await told(rejected('no-tls'));
    expect(word(await exchange(port, queryBytes(manager))).valid).toBe(true);
  });

  it('who does not read its answers is asked no further and ended', async () => {
    const port = await start({ limits: { stageMs } });
    const socket = await tlsTo(port);
    socket.pause();
    // Their answers are more than the kernel keeps for us at both ends (tcp_wmem: 4 MB).
    const questions = Array.from({ length: 20_000 }, () => queryBytes(manager));
    socket.write(Buffer.concat(questions));
    const closed = once(socket, 'close');
    await told(rejected('too-slow'));
    socket.resume();
    await closed;
    const answered = events.filter(({ type }) => type === 'tvs-answered').length;
    expect(answered).toBeLessThan(questions.length);
    expect(word(await exchange(port, queryBytes(manager))).valid).toBe(true);
  });

  it('above the limit of an address its stillest connection makes room; others are not touched', async () => {
    const port = await start({ limits: { perAddressMax: 3 } });
    const other = await tlsTo(port, { localAddress: '127.0.0.9' });
    const sockets: TLSSocket[] = [];
    for (let made = 0; made < 5; made++) sockets.push(await tlsTo(port));
    while (sockets.slice(0, 2).some(({ destroyed }) => !destroyed)) await delay(5);
    expect(sockets.slice(2).map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    other.write(queryBytes(manager));
    expect(word(await readMessage(other)).valid).toBe(true);
    for (const socket of [...sockets, other]) socket.destroy();
  });

  it('a flood of handshakes from one address does not delay another address', async () => {
    const port = await start({ limits: { handshakesPerSecond: 20, handshakeBurst: 1 } });
    const flood = Array.from({ length: 60 }, () =>
      connectTcp(port, '127.0.0.1').on('error', () => undefined),
    );
    await Promise.all(flood.map((socket) => once(socket, 'connect')));
    const begun = performance.now();
    const answer = await exchange(port, queryBytes(manager), { localAddress: '127.0.0.9' });
    const tookMs = performance.now() - begun;
    expect(word(answer).valid).toBe(true);
    // In the queue behind them it would have waited for three seconds.
    expect(tookMs).toBeLessThan(1_500);
    for (const socket of flood) socket.destroy();
  });
});

describe('our client', () => {
  it('refuses silence, nobody and an answer to another question', async () => {
    const ask = { command: 'verify-request', device: 'x', certificate: Uint8Array.of(1) } as const;
    const port = await start({ limits: { handshakesPerSecond: 0.001, handshakeBurst: 1 } });
    await exchange(port, queryBytes(manager));
    const silent = askTvs({ host: '127.0.0.1', port, ask, timeoutMs: 200 });
    await expect(silent).rejects.toMatchObject({ code: 'unreachable' });
    await tvs?.close();
    tvs = undefined;
    await expect(askTvs({ host: '127.0.0.1', port, ask })).rejects.toBeInstanceOf(Failure);
  });
});

/** Says one byte less than there is in its last element. */
function shortened(query: Buffer): Buffer {
  const bytes = Buffer.from(query);
  bytes.writeUInt16BE(bytes.readUInt16BE(8) - 1, 8);
  return bytes;
}

/** Offsets of the text of element 3. */
function subjectBytes(query: Buffer): readonly number[] {
  const at = 13 + query.readUInt16BE(11) + 3;
  return Array.from({ length: query.readUInt16BE(at - 2) - 1 }, (_, index) => at + index);
}
