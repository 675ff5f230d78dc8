/** 'boot-fleet' against a server that gives what it is told to: exit status, report, JSON, progress. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { a, b, itlOf, type TestCluster } from '../../helpers/clusters.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { fakeTerminal } from '../../helpers/terminal.ts';
import { freeTcpPort } from '../../helpers/free-port.ts';
import { signBytes } from '../../helpers/trust-builder.ts';

let server: Server;
/** Whose file it gives under a name, in which boot. */
let whose: (name: string, boot: number) => TestCluster;
let addresses: Set<string>;

beforeEach(async () => {
  whose = () => a;
  addresses = new Set();
  let boots = 0;
  server = createServer((request, response) => {
    addresses.add(request.socket.remoteAddress ?? '');
    const name = decodeURIComponent(request.url ?? '').replace(/^.*\//, '');
    const content = Buffer.from('<device/>');
    if (name === 'ITLFile.tlv') boots += 1;
    if (name === 'ITLFile.tlv') response.end(itlOf(whose(name, boots)));
    else if (/^SEP[0-9A-F]{12}\.cnf\.xml\.sgn$/.test(name))
      response.end(signBytes({ by: whose(name, boots).callmanager, as: name, content }));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function bootFleet(terminal: ReturnType<typeof fakeTerminal>, line: string) {
  const { port } = server.address() as AddressInfo;
  const argv = ['boot-fleet', ...line.split(' '), '--server', '127.0.0.1:9', '--http', `127.0.0.1:${port}`];
  const status = await runProgram(argv, terminal);
  return { status, stdout: terminal.stdout.text, stderr: terminal.stderr.text };
}

test('phones that believe what they are given: 0, a report, nothing else', async () => {
  const { status, stdout, stderr } = await bootFleet(fakeTerminal(), '3 --rounds 2');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^3 phones, 6 boots, \d+ requests \(0 without an answer\)\n/);
  expect(stdout).toContain('accepted 6, refused 0, missed something 0\naway 0, misbehaved 0\n');
  expect(stdout).toMatch(/^first file after [\d.]+ ms \(half of the boots\), [\d.]+ ms \(99 of 100\)$/m);
  expect(stdout).toMatch(/^all done after \d+ ms, \d+ ms, round by round$/m);
});

test('phones that refuse what another cluster signed: 1, and their names', async () => {
  whose = (_, boot) => (boot > 2 ? b : a);
  const { status, stdout } = await bootFleet(
    fakeTerminal(),
    '2 --rounds 2 --json --first SEP0011220000AA --concurrency 1',
  );
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    phones: 2,
    boots: 4,
    accepted: 2,
    refused: 2,
    missing: 0,
    refusing: ['SEP0011220000AA', 'SEP0011220000AB'],
    firstFileMs: { p50: expect.any(Number) as number, p99: expect.any(Number) as number },
    roundMs: [expect.any(Number), expect.any(Number)],
  });
});

test('off, misbehaving, behind one address, with a TVS and in a storm: each is in the report', async () => {
  const { status, stdout } = await bootFleet(
    fakeTerminal(),
    '8 --rounds 5 --away 40 --away-rounds 3 --misbehave 30 --storm 0 --from 127.3.0.1 --per-address 4 --tvs 127.0.0.1:9 --json',
  );
  const report = JSON.parse(stdout) as Record<string, number>;
  expect(status).toBe(0);
  for (const word of ['away', 'returned', 'longestAwayRounds', 'misbehaved', 'missing'])
    expect(report[word], word).toBeGreaterThan(0);
  expect([...addresses].map((address) => address.replace('::ffff:', '')).toSorted()).toEqual([
    '127.3.0.1',
    '127.3.0.2',
  ]);
});

test('a TVS that nobody reaches is asked, and said to be silent', async () => {
  whose = (name, boot) => (boot > 1 && name !== 'ITLFile.tlv' ? b : a);
  const port = await freeTcpPort();
  const { status, stdout } = await bootFleet(fakeTerminal(), `1 --rounds 2 --tvs 127.0.0.1:${port}`);
  expect(stdout).toContain('asked the TVS 1 times (1 without an answer)');
  expect(status).toBe(1);
});

test('nobody answers: 4', async () => {
  const port = await freeTcpPort();
  const terminal = fakeTerminal();
  const argv = ['boot-fleet', '1', '--server', '127.0.0.1:9', '--http', `127.0.0.1:${port}`];
  expect(await runProgram(argv, terminal)).toBe(4);
  expect(terminal.stderr.text).toContain('no server answered any of the phones');
});

test('a person at a terminal sees how far it is', async () => {
  const { stderr, stdout } = await bootFleet(fakeTerminal(true), '4 --rounds 2');
  expect(stderr).toMatch(/\d+\/8 boots/);
  expect(stdout).toContain('4 phones, 8 boots');
});

test('what is no count, no name and no address is said before anything is asked', async () => {
  for (const line of ['0', 'x', '2 --first SEP12', '2 --from here', '2 --storm -1'])
    expect((await bootFleet(fakeTerminal(), line)).status, line).toBe(2);
  expect(addresses.size).toBe(0);
});
