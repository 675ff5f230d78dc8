import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDataFolder, dataFolderAt, openDataFolder } from '../../src/store/data-folder.ts';
import { makeFolderDurably, readPrivateFile, writeDurably } from '../../src/store/durable.ts';
import { createKeyFiles } from '../../src/store/key-files.ts';
import { storageFailure } from '../../src/store/storage-failure.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-durable-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const unreadable = expect.objectContaining({ code: 'storage-unreadable' });

describe('a durable write', () => {
  test('replaces the whole file, sets the mode exactly, leaves nothing beside it', () => {
    const path = join(folder, 'file');
    writeDurably(path, bytes('a longer first text'), 0o600);
    writeDurably(path, bytes('second'), 0o644);
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(statSync(path).mode & 0o7777).toBe(0o644);
    writeDurably(path, bytes(''), 0o600);
    expect(statSync(path)).toMatchObject({ size: 0 });
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('where it cannot write it says so and leaves the old file', () => {
    expect(() => writeDurably(join(folder, 'no', 'file'), bytes('x'), 0o600)).toThrow(unreadable);
    mkdirSync(join(folder, 'is-a-folder'));
    expect(() => writeDurably(join(folder, 'is-a-folder'), bytes('x'), 0o600)).toThrow(unreadable);
    expect(readdirSync(folder)).toEqual(['is-a-folder']);
  });

  test('open → write → fsync(file) → rename → fsync(folder), as the kernel sees it (security.md §4)', () => {
    const path = join(folder, 'key');
    const calls = trace('write', path);
    const at = calls.findIndex((call) => call.includes('O_EXCL') && call.includes('.key.'));
    expect(at).toBeGreaterThanOrEqual(0);
    const [open, ...after] = calls.slice(at);
    const file = descriptorOf(open);
    const relevant = after.filter((call) => /^(pwrite64|fsync|rename|unlink|openat)/.test(call)).slice(0, 5);
    expect(relevant[0]).toMatch(new RegExp(`^pwrite64\\(${file}, "secret"`));
    expect(relevant[1]).toMatch(new RegExp(`^fsync\\(${file}\\)`));
    expect(relevant[2]).toMatch(/^rename.*\.unfinished", .*\/key"/);
    expect(relevant[3]).toContain('O_DIRECTORY');
    expect(relevant[4]).toBe(`fsync(${descriptorOf(relevant[3])}) = 0`);
  });

  test('a publication is on the disk before it is said to be current', () => {
    const path = join(folder, 'database.sqlite');
    const calls = trace('publish', path);
    const wal = descriptorOf(
      calls.find((call) => call.includes('database.sqlite-wal') && call.startsWith('openat')),
    );
    const said = calls.findIndex((call) => call.startsWith('write(1, "published'));
    const lastSync = calls.findLastIndex((call, i) => i < said && /^f(data)?sync/.test(call));
    const lastWrite = calls.findLastIndex((call, i) => i < said && call.startsWith(`pwrite64(${wal}, `));
    expect(lastWrite).toBeGreaterThan(0);
    expect(lastSync).toBeGreaterThan(lastWrite);
    expect(calls[lastSync]).toMatch(new RegExp(`^f(data)?sync\\(${wal}\\)`));
  });

  /** The system calls of the main thread of durable-process.ts, one a line. */
  function trace(...args: readonly string[]): readonly string[] {
    const program = fileURLToPath(new URL('durable-process.ts', import.meta.url));
    const log = join(folder, 'trace');
    const calls = 'openat,write,pwrite64,fsync,fdatasync,?rename,?renameat,?unlink';
    const node = [process.execPath, '--import', 'tsx', program, ...args];
    execFileSync('strace', ['-o', log, '-s', '64', '-e', `trace=${calls}`, ...node], { stdio: 'pipe' });
    const lines = readFileSync(log, 'utf8').split('\n');
    return lines.map((line) => line.replace(/\s+= /, ' = '));
  }

  const descriptorOf = (call: string | undefined): string =>
    /= (\d+)$/.exec(call ?? '')?.[1] ?? 'no descriptor';
});

describe('errors of the file system', () => {
  test('ENOSPC of a real device is storage-full', () => {
    const full = openSync('/dev/full', 'w');
    let thrown: unknown;
    try {
      writeSync(full, 'x');
    } catch (error) {
      thrown = error;
    } finally {
      closeSync(full);
    }
    expect(storageFailure(thrown, 'write a list')).toMatchObject({
      code: 'storage-full',
      message: 'cannot write a list: ENOSPC',
    });
  });

  test.each(['EIO', 'EACCES', 'EROFS', 'ENOENT'])('%s is storage-unreadable', (code) => {
    const error = Object.assign(new Error('text'), { errno: -5, code });
    expect(storageFailure(error, 'read it')).toMatchObject({ code: 'storage-unreadable' });
  });

  test('what is no error of a system call stays what it is', () => {
    const bug = new TypeError('bug');
    expect(storageFailure(bug, 'x')).toBe(bug);
  });
});

describe('private files', () => {
  test('are read when only their owner may', () => {
    const path = join(folder, 'passphrase');
    writeDurably(path, bytes('secret'), 0o600);
    expect(Buffer.from(readPrivateFile(path)).toString()).toBe('secret');
    chmodSync(path, 0o400);
    expect(readPrivateFile(path)).toHaveLength(6);
  });

  test.each([0o640, 0o604, 0o620, 0o601, 0o660])(
    'mode %o is refused with the command that mends it',
    (mode) => {
      const path = join(folder, 'passphrase');
      writeDurably(path, bytes('secret'), mode);
      const refusal = expect.objectContaining({
        code: 'storage-unreadable',
        hint: expect.stringContaining('chmod go='),
      });
      expect(() => readPrivateFile(path)).toThrow(refusal);
    },
  );

  test('a missing file, a link, a folder, a FIFO are refused, and none of them blocks', () => {
    writeDurably(join(folder, 'target'), bytes('x'), 0o600);
    symlinkSync(join(folder, 'target'), join(folder, 'link'));
    mkdirSync(join(folder, 'sub'), { mode: 0o700 });
    execFileSync('mkfifo', ['-m', '600', join(folder, 'fifo')]);
    for (const name of ['missing', 'link', 'sub', 'fifo'])
      expect(() => readPrivateFile(join(folder, name)), name).toThrow(unreadable);
  });
});

describe('the data folder', () => {
  test('is made for its owner only, its parents too, and opens again', () => {
    const path = join(folder, 'a', 'b', 'data');
    const made = createDataFolder(path);
    expect(made).toEqual(dataFolderAt(path));
    for (const each of [made.path, made.keysFolder, join(folder, 'a')])
      expect(statSync(each).mode & 0o777).toBe(0o700);
    expect(openDataFolder(path)).toEqual(made);
  });

  test('an empty folder is taken and closed to others', () => {
    chmodSync(folder, 0o755);
    createDataFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('what an interrupted init left is taken, what is not ours is refused and left alone', () => {
    createDataFolder(folder);
    for (const name of ['passphrase', 'database.sqlite', 'database.sqlite-wal', '.passphrase.1-1.unfinished'])
      writeFileSync(join(folder, name), '');
    expect(createDataFolder(folder).path).toBe(folder);
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o755 });
    writeFileSync(join(home, 'letters.txt'), '');
    chmodSync(home, 0o755);
    expect(() => createDataFolder(home)).toThrow(expect.objectContaining({ code: 'refused' }));
    expect(statSync(home).mode & 0o777).toBe(0o755);
    expect(existsSync(join(home, 'keys'))).toBe(false);
  });

  test('one that others may enter, a file, a missing one are not opened', () => {
    createDataFolder(folder);
    chmodSync(folder, 0o750);
    expect(() => openDataFolder(folder)).toThrow(unreadable);
    chmodSync(folder, 0o700);
    chmodSync(dataFolderAt(folder).keysFolder, 0o711);
    expect(() => openDataFolder(folder)).toThrow(unreadable);
    writeFileSync(join(folder, 'file'), '');
    expect(() => openDataFolder(join(folder, 'file'))).toThrow(unreadable);
    expect(() => openDataFolder(join(folder, 'missing'))).toThrow(unreadable);
  });

  test('making a folder says whether it was new', () => {
    expect([makeFolderDurably(join(folder, 'x', 'y')), makeFolderDurably(join(folder, 'x', 'y'))]).toEqual([
      true,
      false,
    ]);
  });
});

describe('key files', () => {
  const fingerprint = '0a'.repeat(32);
  const pem = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';

  test('are saved under the fingerprint, 0600, and read back', async () => {
    const keys = createKeyFiles(folder);
    await keys.save(fingerprint, pem);
    expect(readdirSync(folder)).toEqual([`${fingerprint}.pem`]);
    expect(statSync(join(folder, `${fingerprint}.pem`)).mode & 0o7777).toBe(0o600);
    expect(await keys.read(fingerprint)).toBe(pem);
  });

  test('a missing one, one open to others, an emptied one', async () => {
    const keys = createKeyFiles(folder);
    await expect(keys.read(fingerprint)).rejects.toMatchObject({ code: 'storage-unreadable' });
    await keys.save(fingerprint, pem);
    chmodSync(join(folder, `${fingerprint}.pem`), 0o644);
    await expect(keys.read(fingerprint)).rejects.toMatchObject({ code: 'storage-unreadable' });
    writeDurably(join(folder, `${fingerprint}.pem`), bytes(''), 0o600);
    await expect(keys.read(fingerprint)).rejects.toMatchObject({ code: 'storage-corrupt' });
  });

  test('a clear key or a name that is no fingerprint is a bug, not a file', async () => {
    const keys = createKeyFiles(folder);
    await expect(keys.save(fingerprint, '-----BEGIN PRIVATE KEY-----\n')).rejects.toThrow('in the clear');
    await expect(keys.read('../passphrase')).rejects.toThrow('fingerprint');
    expect(readdirSync(folder)).toEqual([]);
  });
});
