/**
 * security.md §4, "remote dead", "remote slow or black-holed": what they cost, measured while 1,000 local transfers run
 * in the same process. Times are printed; what is held is what a loaded machine cannot change: numbers of requests.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { remoteConcurrentMax, remoteFailuresMax } from '../../src/base/limits.ts';
import type { RemoteAnswer, RemoteServer } from '../../src/core/cluster/remote.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { content, serve } from '../conformance/served.ts';
import { foreignRemote } from '../helpers/foreign-remote.ts';
import { asker, relayWorld, remoteCluster } from '../helpers/relay-world.ts';

const transfers = 1_000;
const kinds = ['dead', 'black-holed', 'slow'] as const;

test('dead, black-holed and slow remotes while 1,000 local transfers run', { timeout: 120_000 }, async () => {
  // Nothing listens; connections are taken and nothing is said; every answer takes two seconds.
  const dead = await foreignRemote('127.0.10.1', {});
  const holed = await foreignRemote('127.0.10.2', { http: () => undefined });
  const slow = await slowRemote('127.0.10.3');
  const { relay, transport } = relayWorld({
    remotes: [
      remoteCluster('dead', [dead.server], { pin: undefined }),
      remoteCluster('black-holed', [holed.server], { pin: undefined }),
      remoteCluster('slow', [slow.server], { pin: undefined }),
    ],
  });
  const local = await serve('dgram', { 'local.xml': content(1_000) });
  const alone = await localTransfers(local.at.port);

  const asked: { readonly kind: string; readonly answer: RemoteAnswer['kind']; readonly tookMs: number }[] =
    [];
  const asking: Promise<void>[] = [];
  const demanded = { over: false };
  const demand = async (): Promise<void> => {
    for (let i = 0; !demanded.over; i++) {
      const kind = kinds[i % 3] ?? 'dead';
      const begunMs = performance.now();
      const name = `SEP0011223344${(i % 256).toString(16).padStart(2, '0').toUpperCase()}.cnf.xml`;
      asking.push(
        relay.fetch(kind, name, asker()).then(({ kind: answer }) => {
          asked.push({ kind, answer, tookMs: performance.now() - begunMs });
        }),
      );
      await sleep(3);
    }
  };
  const demanding = demand();
  await sleep(3_500); // longer than the budget: every state of the three has come
  const beside = await localTransfers(local.at.port);
  demanded.over = true;
  await demanding;
  await Promise.all(asking);

  for (const kind of kinds) {
    const of = asked.filter((one) => one.kind === kind);
    const told = [...new Set(of.map(({ answer }) => answer))].join(', ');
    console.log(`${kind}: ${of.length} requests (${told}), ${shownTimes(of.map(({ tookMs }) => tookMs))}`);
    expect(of.length).toBeGreaterThan(100);
  }
  console.log(`local alone:  ${shownTimes(alone)}\nlocal beside: ${shownTimes(beside)}`);
  expect([alone.length, beside.length]).toEqual([transfers, transfers]);
  // Each transport of a silent server is asked twice in 30 s, whoever wants what.
  const rrqs = (remote: typeof dead): number => remote.asked.filter((one) => one.startsWith('tftp')).length;
  expect(rrqs(dead)).toBeLessThanOrEqual(remoteFailuresMax * 2); // a request is repeated within its 800 ms
  expect(holed.asked.filter((one) => one.startsWith('http')).length).toBeLessThanOrEqual(remoteFailuresMax);
  expect(transport.mayAsk('dead')).toBe(false);
  expect(slow.most).toBeLessThanOrEqual(remoteConcurrentMax);
  const last = performance.now();
  expect(await relay.fetch('dead', 'SEP001122334455.cnf.xml', asker())).toMatchObject({
    kind: 'unreachable',
  });
  expect(performance.now() - last).toBeLessThan(1_000);
});

async function localTransfers(port: number): Promise<number[]> {
  const tookMs: number[] = [];
  const client = async (): Promise<void> => {
    while (tookMs.length + running < transfers) {
      running++;
      const begunMs = performance.now();
      await fetchTftp({ host: '127.0.0.1', port, name: 'local.xml', windowsize: null });
      running--;
      tookMs.push(performance.now() - begunMs);
    }
  };
  let running = 0;
  await Promise.all(Array.from({ length: 20 }, client));
  return tookMs;
}

async function slowRemote(address: string): Promise<{ readonly server: RemoteServer; most: number }> {
  const state = { most: 0 };
  let open = 0;
  const server = createServer((_, response) => {
    state.most = Math.max(state.most, ++open);
    response.once('close', () => open--);
    setTimeout(() => response.writeHead(404, { 'Content-Length': 0 }).end(), 2_000).unref();
  });
  server.listen(0, address);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const http = { address, port: (server.address() as AddressInfo).port };
  return Object.assign(state, { server: { tftp: { address, port: 9 }, http, tvs: http } });
}

function shownTimes(tookMs: readonly number[]): string {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`;
}
