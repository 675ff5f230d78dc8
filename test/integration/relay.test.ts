/** Kindness to remotes and to our own memory (design.md §4, security.md §4), with real sockets. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { remoteConcurrentMax, remotePendingMax } from '../../src/base/limits.ts';
import type { RemoteAnswer, RemoteServer } from '../../src/core/cluster/remote.ts';
import { foreignRemote, httpNotFound, httpOk } from '../helpers/foreign-remote.ts';
import { asker, relayWorld, remoteCluster } from '../helpers/relay-world.ts';

interface Gate {
  readonly server: RemoteServer;
  readonly asked: string[];
  most: number;
  open(): void;
}

/** Takes requests and answers all of them when it is told to. */
async function gate(address: string, status = 200): Promise<Gate> {
  const waiting: (() => void)[] = [];
  const state = { asked: [] as string[], most: 0, isOpen: false };
  const server = createServer((request, response) => {
    state.asked.push(request.url ?? '');
    const answer = (): void => {
      response.writeHead(status, { 'Content-Length': 2 }).end('ok');
    };
    if (state.isOpen) answer();
    else waiting.push(answer);
    state.most = Math.max(state.most, waiting.length);
  });
  server.listen(0, address);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const endpoint = { address, port };
  return Object.assign(state, {
    server: { tftp: { address, port: 9 }, http: endpoint, tvs: endpoint },
    open() {
      state.isOpen = true;
      for (const answer of waiting.splice(0)) answer();
    },
  });
}

const patient = { budgetMs: 20_000 };
const unpinned = { pin: undefined, secure: false };

describe('one cluster', () => {
  test('at most two requests at once, at most 64 wait, the rest comes back at once', async () => {
    const remote = await gate('127.0.9.1');
    const { relay } = relayWorld({ remotes: [remoteCluster('a', [remote.server], unpinned)], ...patient });
    const many = remoteConcurrentMax + remotePendingMax + 40;
    const answers = Array.from({ length: many }, (_, i) =>
      relay.fetch('a', `SEP0011223344${i.toString(16).padStart(2, '0')}.cnf.xml`, asker()),
    );
    const begun = performance.now();
    const refused = await Promise.all(answers.slice(-40));
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(new Set(refused.map(({ kind }) => kind))).toEqual(new Set(['busy']));
    await expect.poll(() => remote.asked.length).toBe(remoteConcurrentMax);
    remote.open();
    const served = await Promise.all(answers.slice(0, -40));
    expect(new Set(served.map(({ kind }) => kind))).toEqual(new Set(['have']));
    expect(remote.most).toBe(remoteConcurrentMax);
  });

  test('one fetch for all who ask for the same file', async () => {
    const remote = await gate('127.0.9.1');
    const { relay } = relayWorld({ remotes: [remoteCluster('a', [remote.server], unpinned)], ...patient });
    const answers = Array.from({ length: 500 }, (_, i) =>
      relay.fetch('a', 'Ringlist.xml', asker(`10.0.${i % 200}.1`)),
    );
    await expect.poll(() => remote.asked.length).toBe(1);
    remote.open();
    expect(new Set((await Promise.all(answers)).map(({ kind }) => kind))).toEqual(new Set(['have']));
    expect((await relay.fetch('a', 'Ringlist.xml', asker())).kind).toBe('have');
    expect(remote.asked.length).toBe(1);
  });

  test('the second server answers where the first is dead', async () => {
    const dead = await foreignRemote('127.0.9.1', {});
    const well = await foreignRemote('127.0.9.2', { http: () => httpOk('ok') });
    const { relay, transport } = relayWorld({
      remotes: [remoteCluster('a', [dead.server, well.server], unpinned)],
      ...patient,
    });
    for (const name of ['a.xml', 'b.xml', 'c.xml'])
      expect((await relay.fetch('a', name, asker())).kind).toBe('have');
    expect(well.asked).toEqual(['http a.xml', 'http b.xml', 'http c.xml']);
    // The one that answered is asked first from then on.
    expect(dead.asked.filter((asked) => asked.startsWith('tftp')).length).toBe(1);
    expect(transport.health().map(({ http, tftp }) => [http, tftp])).toEqual([
      ['doubtful', 'doubtful'],
      ['well', 'unproven'],
    ]);
  });

  test('firmware from 1 MiB on: busy once, then from disk; a full quarantine says busy', async () => {
    const load = Buffer.alloc(1_500_000, 'firmware ');
    const remote = await foreignRemote('127.0.9.1', { http: () => httpOk(load) });
    const { relay, quarantine } = relayWorld({
      remotes: [remoteCluster('a', [remote.server], unpinned)],
      bounds: { bytesMax: 2_000_000, perRemoteMax: 2_000_000, perSourceMax: 2_000_000 },
      ...patient,
    });
    const first = await relay.fetch('a', 'sip88xx.12-8-1.sbn', asker());
    expect(first).toEqual({ kind: 'busy', reason: 'a large file is being fetched' });
    let answer: RemoteAnswer = first;
    await expect
      .poll(async () => (answer = await relay.fetch('a', 'sip88xx.12-8-1.sbn', asker())).kind)
      .toBe('have');
    expect(answer.kind === 'have' && answer.content).toMatchObject({
      kind: 'file',
      identity: { size: load.length },
    });
    expect(remote.asked).toEqual(['http sip88xx.12-8-1.sbn']);
    expect(quarantine.bytes).toBe(load.length);
    // The first one was given just now and keeps its room.
    const second = await relay.fetch('a', 'sip88xx.12-8-2.sbn', asker());
    expect(second).toMatchObject({ kind: 'busy', reason: expect.stringContaining('full') as string });
    expect(quarantine.bytes).toBe(load.length);
  });
});

describe('a search', () => {
  const device = 'SEP001122334455';

  test('one for all who ask, over all clusters, early with the first have', async () => {
    const slow = await gate('127.0.9.1', 404);
    const quick = await foreignRemote('127.0.9.2', { http: () => httpOk('<device/>') });
    const { relay } = relayWorld({
      remotes: [
        remoteCluster('slow', [slow.server], unpinned),
        remoteCluster('quick', [quick.server], { pin: undefined }),
      ],
      ...patient,
    });
    const all = await Promise.all(
      Array.from({ length: 50 }, () => relay.search(device, asker('10.0.0.1', false))),
    );
    for (const { claims, finished } of all) {
      expect([claims.get('quick'), claims.get('slow'), finished]).toEqual(['have', 'silent', false]);
    }
    expect(quick.asked).toEqual([`http ${device}.cnf.xml.sgn`]);
    expect(slow.asked).toEqual([`/${device}.cnf.xml`]);
    slow.open();
    await expect
      .poll(async () => (await relay.search(device, asker('10.0.0.1', true))).claims.get('slow'))
      .toBe('not-found');
  });

  test('everybody says no: finished, and only then', async () => {
    const remotes = await Promise.all(
      ['127.0.9.1', '127.0.9.2'].map((at) => foreignRemote(at, { http: () => httpNotFound })),
    );
    const { relay } = relayWorld({
      remotes: remotes.map(({ server }, i) => remoteCluster(`c${i}`, [server])),
    });
    const { claims, finished } = await relay.search(device, asker());
    expect([[...claims.values()], finished]).toEqual([['not-found', 'not-found'], true]);
  });

  test('the budget ends, the search goes on, and what it found is there for who comes back', async () => {
    const slow = await gate('127.0.9.1');
    const { relay } = relayWorld({
      remotes: [remoteCluster('slow', [slow.server], unpinned)],
      budgetMs: 300,
    });
    const early = await relay.search(device, asker());
    expect([early.claims.get('slow'), early.finished]).toEqual(['silent', false]);
    slow.open();
    await expect.poll(async () => (await relay.search(device, asker())).claims.get('slow')).toBe('have');
    expect(slow.asked.length).toBe(1);
  });

  test('strangers from one network: two a second; known devices always', async () => {
    const remote = await foreignRemote('127.0.9.1', { http: () => httpNotFound });
    const { relay } = relayWorld({ remotes: [remoteCluster('a', [remote.server])] });
    const name = (i: number): string => `SEP00112233${i.toString(16).padStart(4, '0').toUpperCase()}`;
    const claims = await Promise.all(
      Array.from({ length: 30 }, (_, i) => relay.search(name(i), asker(`10.0.0.${i}`, false))),
    );
    const asked = claims.filter(({ finished }) => finished).length;
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThan(30);
    const known = await Promise.all(
      Array.from({ length: 10 }, (_, i) => relay.search(name(100 + i), asker('10.0.0.1', true))),
    );
    expect(known.every(({ finished }) => finished)).toBe(true);
  });
});
