/**
 * Nodes that point at each other by mistake (security.md §4, "loop A→B→A"): a request ends at the first hop, costs each
 * neighbour at most two requests and says so. Undeclared, so no command could refuse it.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../helpers/run-program.ts';
import { fetchHttp } from '../../src/net/http-client.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';
import { freeTcpPort, freeUdpPort } from '../helpers/free-port.ts';

interface Node {
  readonly id: string;
  readonly address: string;
  readonly tftp: number;
  readonly http: number;
  readonly data: string;
}

test.each([
  ['two', ['a', 'b'], ['a b', 'b a']],
  ['three', ['a', 'b', 'c'], ['a b', 'b c', 'c a']],
])('%s nodes in a loop', { timeout: 240_000 }, async (_, ids, asks) => {
  const world = mkdtempSync(join(tmpdir(), 'tftp-pki-loop-'));
  onTestFinished(() => rmSync(world, { recursive: true, force: true }));
  const nodes: Node[] = [];
  for (const [index, id] of ids.entries()) {
    const address = `127.0.${20 + index}.1`;
    const node = {
      id,
      address,
      tftp: await freeUdpPort(address),
      http: await freeTcpPort(address),
      data: join(world, id),
    };
    mkdirSync(join(world, `${id}-files`));
    await command(
      'init',
      '--cluster',
      id,
      '--node',
      `${id}.example`,
      '--files',
      join(world, `${id}-files`),
      '--data',
      node.data,
    );
    nodes.push(node);
  }
  for (const ask of asks) {
    const [from, to] = ask.split(' ').map((id) => nodes.find((node) => node.id === id));
    if (from === undefined || to === undefined) throw new Error(ask);
    const at = (port: number): string => `${to.address}:${port}`;
    await command('add-cluster', to.id, '--tftp', at(to.tftp), '--http', at(to.http), '--data', from.data);
  }
  const servers = new Map<string, ServedNode>();
  for (const { id, address, tftp, http, data } of nodes) {
    const server = await serveProgram([
      '--tftp',
      `${address}:${tftp}`,
      '--http',
      `${address}:${http}`,
      '--data',
      data,
    ]);
    onTestFinished(async () => void (await server.stop()));
    servers.set(id, server);
  }

  const name = 'SEP0011223344FF.cnf.xml';
  const [first] = nodes;
  const begunMs = performance.now();
  const answer = await fetchHttp({ host: first?.address ?? '', port: first?.http ?? 0, name }).catch(
    (error: unknown) => error,
  );
  const tookMs = performance.now() - begunMs;
  console.log(`${ids.length} nodes: ${tookMs.toFixed(0)} ms`);
  expect(answer).toMatchObject({ code: 'not-found' });
  expect(tookMs).toBeLessThan(5_000);
  // What a node was asked by another one: its neighbour alone, and at most twice.
  const neighbour = asks[0]?.split(' ')[1] ?? '';
  const passedOn = (id: string) => (servers.get(id)?.log ?? []).filter((line) => line.type === 'passed-on');
  await expect.poll(() => passedOn(neighbour).length).toBeGreaterThan(0);
  for (const id of ids) expect(passedOn(id).length).toBeLessThanOrEqual(id === neighbour ? 2 : 0);
});

async function command(...words: readonly string[]): Promise<void> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json'], terminal);
  expect(`${status} ${terminal.stderr.text}`).toMatch(/^0 /);
}
