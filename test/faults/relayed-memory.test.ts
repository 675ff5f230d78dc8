/**
 * security.md §4, "≤ 256 KiB memory per proxied file": many files on their way at once through a process of its own, whose
 * memory is read after a collection. The numbers are printed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { remoteConcurrentMax } from '../../src/base/limits.ts';

const sizeBytes = 2_000_000;
const perFileMax = 256 * 1024;

interface Told {
  readonly rss: number;
  /** Heap and buffers after a collection, the median of many looks. */
  readonly live: number;
}

test('a file on its way costs under 256 KiB of memory', { timeout: 180_000 }, async () => {
  // What a process that relays has anyway (code, heap, connections' first buffers) is in both.
  const [few, many] = [8, 72];
  const [little, much] = [await relaying(few), await relaying(many)];
  const files = (many - few) * remoteConcurrentMax;
  const each = (which: keyof Told): number => (much[which] - little[which]) / files;
  const shown = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`;
  const mib = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
  console.log(
    `each file of ${sizeBytes / 1e6} MB: ${shown(each('live'))} held, ${shown(each('rss'))} resident; ` +
      `process with ${few * remoteConcurrentMax} of them ${mib(little.rss)}, with ${many * remoteConcurrentMax} ${mib(much.rss)}`,
  );
  expect(each('live')).toBeLessThanOrEqual(perFileMax);
  // What the allocator keeps of read buffers varies with the moment; a whole file it would never be.
  expect(each('rss')).toBeLessThan(sizeBytes / 2);
});

/** What a process holds that fetches two files of each of so many clusters, before the last byte of any has come. */
async function relaying(clusters: number): Promise<Told> {
  const files = clusters * remoteConcurrentMax;
  const held: ServerResponse[] = [];
  const sent = new Set<string>();
  const server = createServer((request, response) => {
    if (request.url === '/small.xml') return void response.end('<a/>');
    response.writeHead(200, { 'Content-Length': sizeBytes });
    response.write(Buffer.alloc(sizeBytes - 1, 'jar '), () =>
      sent.add(`${request.headers.host} ${request.url}`),
    );
    held.push(response);
    return undefined;
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-memory-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const places = Array.from({ length: clusters }, (_, at) => `127.0.70.${at + 1}:${port}`);
  const program = fileURLToPath(new URL('relaying-process.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--max-semi-space-size=1', '--import', 'tsx', program, folder, places.join(',')],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      // One heap of malloc and a small nursery: what grows is what files need, not what the allocator likes.
      env: { ...process.env, MALLOC_ARENA_MAX: '1' },
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = async (): Promise<Told> => JSON.parse(String((await lines.next()).value)) as Told;
  await told();
  child.stdin.write('fetch\n');
  await expect.poll(() => sent.size, { timeout: 90_000 }).toBe(files);
  child.stdin.write('tell\n');
  const during = await told();
  child.stdin.write('end\n');
  await once(child, 'exit');
  for (const response of held) response.end('.');
  return during;
}
