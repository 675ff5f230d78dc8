/** Where the benchmark keeps what it makes: var/bench, outside version control, kept between runs. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const workspace = join(root, 'var', 'bench');
export const filesFolder = join(workspace, 'files');
export const logFolder = join(workspace, 'log');
export const peerFolder = join(workspace, 'peers');
export const loadGenerator = join(workspace, 'tftpload');
export const forgedRequests = join(workspace, 'forged');
export const bufferPreload = join(workspace, 'receive-buffer.so');

/** 10 KB, as in performance.md: 20 blocks of 512 and the empty end. */
export const smallBytes = 10_240;
export const largeBytes = 10 * 1024 * 1024;
export const megabyte = 1_000_000;
export const stormFiles = 2_000;

export function prepareWorkspace(): void {
  for (const folder of [filesFolder, logFolder]) mkdirSync(folder, { recursive: true });
  compile(loadGenerator, ['-O2', '-Wall'], 'tools/tftpload/tftpload.c');
  compile(forgedRequests, ['-O2', '-Wall'], 'tools/bench/forged.c');
  compile(bufferPreload, ['-O2', '-shared', '-fPIC'], 'tools/bench/receive-buffer.c');
  makeFile('small', smallBytes);
  makeFile('large', largeBytes);
  makeFile('megabyte', megabyte);
  for (let i = 0; i < stormFiles; i++) makeFile(stormName(i), smallBytes);
}

export function stormName(i: number): string {
  return `SEP${String(i).padStart(12, '0')}.cnf.xml`;
}

/** As printf of the load generator spells `stormName`. */
export const stormPattern = 'SEP%012d.cnf.xml';

function makeFile(name: string, sizeBytes: number): void {
  const path = join(filesFolder, name);
  if (statSync(path, { throwIfNoEntry: false })?.size !== sizeBytes)
    writeFileSync(path, randomBytes(sizeBytes));
}

function compile(target: string, flags: readonly string[], source: string): void {
  const path = join(root, source);
  if (existsSync(target) && statSync(target).mtimeMs > statSync(path).mtimeMs) return;
  execFileSync('gcc', [...flags, '-o', target, path], { stdio: 'inherit' });
}
