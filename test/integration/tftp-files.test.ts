import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  appendFileSync,
  renameSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Resolution } from '../../src/core/files/resolution.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { engines } from '../conformance/engines.ts';
import { content, serve } from '../conformance/served.ts';
import { ack, Probe, rrq } from '../helpers/raw-tftp.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tftp-files-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** What a link that judged `path` just now would say; `judged` when it was another path. */
function onDisk(path: string, judged = path): Resolution {
  const { dev, ino, size, mtimeMs } = statSync(judged);
  const identity = { device: dev, inode: ino, size, mtimeMs };
  return { kind: 'served', content: { kind: 'file', path, identity }, by: 'local', freshForMs: 0, trace: [] };
}

async function openDescriptors(path: string): Promise<number> {
  const links = await readdir('/proc/self/fd');
  const { realpath } = await import('node:fs/promises');
  const targets = await Promise.allSettled(links.map((link) => realpath(`/proc/self/fd/${link}`)));
  return targets.filter((target) => target.status === 'fulfilled' && target.value.startsWith(path)).length;
}

describe.each(engines)('files on $engine', ({ engine }) => {
  test.each([0, 1, 65_535, 65_536, 65_537, 3_000_001])(
    'a file of %i bytes streams byte for byte',
    async (size) => {
      const path = join(folder(), 'firmware.sbn');
      const bytes = content(size);
      writeFileSync(path, bytes);
      const { at } = await serve(engine, { file: () => onDisk(path) });
      const { address: host, port } = at;
      for (const [blksize, windowsize] of [
        [1428, 64],
        [8192, 7],
      ] as const) {
        const got = await fetchTftp({
          host,
          port,
          name: 'file',
          blksize,
          windowsize,
          sizeBytesMax: 4_000_000,
        });
        expect(Buffer.compare(got, bytes)).toBe(0);
      }
    },
  );

  test('transfers of one file share its descriptor, the last one closes it', async () => {
    const dir = folder();
    const path = join(dir, 'firmware.sbn');
    const bytes = content(500_000);
    writeFileSync(path, bytes);
    const { at } = await serve(engine, { file: () => onDisk(path) });
    const probes = await Promise.all([1, 2, 3, 4].map(() => Probe.to(at)));
    for (const probe of probes) expect(await probe.ask(rrq('file'))).toBe('DATA 1 512');
    expect(await openDescriptors(dir)).toBe(1);
    const { address: host, port } = at;
    const fetched = Array.from({ length: 20 }, () => fetchTftp({ host, port, name: 'file', windowsize: 8 }));
    for (const got of await Promise.all(fetched)) expect(Buffer.compare(got, bytes)).toBe(0);
    for (const probe of probes) probe.send(Buffer.from('000500007800', 'hex'));
    await expect.poll(() => openDescriptors(dir)).toBe(0);
  });

  test('a file replaced on disk: a running transfer ends as it began, the next one has the new file', async () => {
    const dir = folder();
    const path = join(dir, 'file');
    writeFileSync(path, content(1_000_000));
    const { at } = await serve(engine, { file: () => onDisk(path) });
    const { address: host, port } = at;
    const probe = await Probe.to(at);
    expect(await probe.ask(rrq('file', 'octet', 'blksize', '50000'))).toBe('OACK blksize=50000');
    const got: Buffer[] = [];
    for (let block = 0; block < 21; block++) {
      if (block === 3) {
        writeFileSync(`${path}.new`, Buffer.alloc(700_000, 'new'));
        renameSync(`${path}.new`, path);
      }
      probe.send(ack(block));
      got.push((await probe.next()).bytes.subarray(4));
    }
    expect(Buffer.compare(Buffer.concat(got), content(1_000_000))).toBe(0);
    const next = await fetchTftp({ host, port, name: 'file' });
    expect(Buffer.compare(next, Buffer.alloc(700_000, 'new'))).toBe(0);
  });

  test('a file that grows or shrinks in place under a transfer: ERROR 0, never a mixture', async () => {
    const path = join(folder(), 'file');
    writeFileSync(path, content(1_000_000));
    const { at, events } = await serve(engine, { file: () => onDisk(path) });
    const probe = await Probe.to(at);
    await probe.ask(rrq('file', 'octet', 'blksize', '50000'));
    expect(await probe.ask(ack(0))).toBe('DATA 1 50000');
    appendFileSync(path, 'more');
    let answer = '';
    for (let block = 1; block < 20 && !answer.startsWith('ERROR'); block++)
      answer = await probe.ask(ack(block));
    expect(answer).toBe('ERROR 0 file changed, try again');
    const failed: unknown = expect.objectContaining({ type: 'transfer-ended', outcome: 'read-failed' });
    await expect.poll(() => events).toContainEqual(failed);
  });

  test('what was put in the place of the judged file is not served: link, FIFO, folder, another file, nothing', async () => {
    const dir = folder();
    const judged = join(dir, 'judged');
    writeFileSync(judged, 'judged');
    writeFileSync(join(dir, 'other'), 'other!');
    symlinkSync(judged, join(dir, 'link'));
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    const names = ['other', 'link', 'fifo', '.', 'nothing'];
    const files = Object.fromEntries(names.map((name) => [name, () => onDisk(join(dir, name), judged)]));
    const { at } = await serve(engine, files);
    const probe = await Probe.to(at);
    for (const name of names)
      expect([name, await probe.ask(rrq(name))]).toEqual([name, 'ERROR 0 temporary failure, try again']);
    await expect.poll(() => openDescriptors(dir)).toBe(0);
  });

  test('netascii of a file on disk, with its converted size', async () => {
    const path = join(folder(), 'file');
    writeFileSync(path, 'line\n'.repeat(40_000));
    const { at } = await serve(engine, { file: () => onDisk(path) });
    const { address: host, port } = at;
    const got = await fetchTftp({ host, port, name: 'file', mode: 'netascii' });
    expect(Buffer.from(got).toString()).toBe('line\n'.repeat(40_000));
    const probe = await Probe.to(at);
    expect(await probe.ask(rrq('file', 'netascii', 'tsize', '0'))).toBe('OACK tsize=240000');
  });
});
