import { afterEach, expect, it } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import { Failure } from '../../../src/base/errors.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { startMetricsServer } from '../../../src/telemetry/metrics-server.ts';
import type { MetricsServer } from '../../../src/telemetry/metrics-server.ts';

const servers: MetricsServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function served(transport: 'tftp' | 'http', bytes: number, retransmits: number): Event {
  const name = `hostile"} name\n${bytes}`;
  return {
    type: 'file-served',
    transport,
    address: '10.0.0.7',
    name,
    bytes,
    durationMs: 2,
    retransmits,
    by: 'local',
  };
}

it('counts the event list when it is scraped, and counts on after a scrape', async () => {
  const metrics = createMetrics();
  metrics.sink(served('tftp', 100, 3));
  metrics.sink(served('tftp', 200, 0));
  metrics.sink(served('http', 5, 0));
  expect((await metrics.scrape()).text).toContain(
    'tftp_pki_files_served_total{transport="tftp",by="local"} 2\ntftp_pki_files_served_total{transport="http",by="local"} 1',
  );
  metrics.sink(served('tftp', 1, 1));
  const { text } = await metrics.scrape();
  expect(text).toContain('tftp_pki_bytes_served_total{transport="tftp"} 301');
  expect(text).toContain('tftp_pki_retransmits_total 4');
  expect(text).not.toContain('hostile');
});

it('tells noise from misses', async () => {
  const metrics = createMetrics();
  const miss = { type: 'file-not-served', transport: 'http', address: '::1', name: 'x', reason: '' } as const;
  metrics.sink({ ...miss, outcome: 'not-found', quiet: true });
  metrics.sink({ ...miss, outcome: 'not-found', quiet: false });
  metrics.sink({ ...miss, outcome: 'retry', quiet: false });
  const { text } = await metrics.scrape();
  for (const outcome of ['noise', 'not-found', 'retry']) {
    expect(text).toContain(`tftp_pki_files_not_served_total{transport="http",outcome="${outcome}"} 1`);
  }
});

it('serves metrics and health and nothing else', async () => {
  const metrics = createMetrics();
  metrics.addGauge('tftp_pki_transfers_open', 'Transfers under way.', () => 7);
  let trouble: string | undefined;
  const listen = { address: '127.0.0.1', port: 0 };
  const server = await startMetricsServer({
    listen,
    metrics,
    health: () => trouble,
    onEvent: () => undefined,
  });
  servers.push(server);
  const base = `http://127.0.0.1:${server.port}`;
  expect(await (await fetch(`${base}/metrics`)).text()).toContain('tftp_pki_transfers_open 7');
  expect((await fetch(`${base}/health`)).status).toBe(200);
  trouble = 'the database is away';
  const sick = await fetch(`${base}/health`);
  expect([sick.status, await sick.text()]).toEqual([503, 'the database is away\n']);
  expect((await fetch(`${base}/`)).status).toBe(404);
  expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
});

it('says that its port is taken', async () => {
  const options = { metrics: createMetrics(), health: () => undefined, onEvent: () => undefined };
  const first = await startMetricsServer({ ...options, listen: { address: '127.0.0.1', port: 0 } });
  servers.push(first);
  const second = startMetricsServer({ ...options, listen: { address: '127.0.0.1', port: first.port } });
  await expect(second).rejects.toThrow(Failure);
  await expect(second).rejects.toMatchObject({ code: 'address-in-use' });
});
