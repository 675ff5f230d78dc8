import { execFileSync } from 'node:child_process';
import { createHook } from 'node:async_hooks';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import type { Event } from '../../../src/base/events.ts';
import { directoryClockGrainMs, memoryFileBytesMax } from '../../../src/base/limits.ts';
import { decodeLatin1 } from '../../../src/base/text.ts';
import { compileRewrite } from '../../../src/core/files/rewrite.ts';
import type { RewriteRule } from '../../../src/core/files/rewrite.ts';
import type { Resolution } from '../../../src/core/files/resolution.ts';
import type { Resolver } from '../../../src/core/ports.ts';
import { createChain } from '../../../src/files/chain.ts';
import { openLocal } from '../../../src/files/local.ts';
import type { LocalLink } from '../../../src/files/local.ts';
import { fileOpener, readContent } from '../../../src/files/open-file.ts';

const base = mkdtempSync(join(tmpdir(), 'tftp-pki-local-'));
const root = join(base, 'root');
const second = join(base, 'second');
const outside = join(base, 'outside');
const open: LocalLink[] = [];
const socket = createServer();

interface Settings {
  readonly roots?: readonly [string, ...string[]];
  readonly caseInsensitive?: boolean;
  readonly rules?: readonly RewriteRule[];
  readonly onChange?: () => void;
}

async function chainOver(settings: Settings = {}): Promise<{ resolver: Resolver; events: Event[] }> {
  const [first, ...alternates] = settings.roots ?? [root];
  const rewrite = compileRewrite(settings.rules ?? []);
  assert(rewrite.ok, 'the rules of this test compile');
  const events: Event[] = [];
  const onEvent = (event: Event) => void events.push(event);
  const local = await openLocal({
    root: first,
    alternates,
    caseInsensitive: settings.caseInsensitive ?? true,
    rewrite: rewrite.value,
    onEvent,
    onChange: settings.onChange ?? (() => undefined),
  });
  open.push(local);
  return { resolver: createChain({ links: { local }, onEvent }), events };
}

function ask(resolver: Resolver, name: string): Promise<Resolution> {
  return resolver.resolve({ name, transport: 'tftp', address: '127.0.0.1', port: 4000 });
}

/** The text that was served, or the kind of answer. */
async function answerTo(resolver: Resolver, name: string): Promise<string> {
  const resolution = await ask(resolver, name);
  if (resolution.kind !== 'served') return resolution.kind;
  const bytes = await readContent(fileOpener, resolution.content, 16 * 1024 * 1024);
  return bytes === undefined ? 'gone' : decodeLatin1(bytes);
}

beforeAll(async () => {
  for (const folder of [root, second, outside, join(root, 'Desktops', '320x212x12')]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(join(root, 'Ringlist.xml'), 'rings');
  writeFileSync(join(root, 'both.xml'), 'lower');
  writeFileSync(join(root, 'BOTH.XML'), 'upper');
  writeFileSync(join(root, 'empty.xml'), '');
  writeFileSync(join(root, '.hidden'), 'hidden');
  writeFileSync(join(root, 'Desktops', '320x212x12', 'List.xml'), 'desktops');
  writeFileSync(join(second, 'Ringlist.xml'), 'rings of the second');
  writeFileSync(join(second, 'only.xml'), 'second');
  writeFileSync(join(outside, 'secret.xml'), 'secret');
  symlinkSync(join(outside, 'secret.xml'), join(root, 'link.xml'));
  symlinkSync('Ringlist.xml', join(root, 'inside.xml'));
  symlinkSync('nowhere', join(root, 'dangling.xml'));
  symlinkSync(outside, join(root, 'linked'));
  symlinkSync('/dev/zero', join(root, 'zero.xml'));
  execFileSync('mkfifo', [join(root, 'fifo.xml')]);
  await new Promise<void>((resolve) => socket.listen(join(root, 'socket.xml'), () => resolve()));
});

afterEach(() => {
  for (const local of open.splice(0)) local.close();
});

afterAll(async () => {
  await new Promise((resolve) => socket.close(resolve));
  rmSync(base, { recursive: true });
});

describe('what is served', () => {
  it.each([
    ['Ringlist.xml', 'rings'],
    ['RINGLIST.XML', 'rings'],
    ['empty.xml', ''],
    ['both.xml', 'lower'],
    ['BOTH.XML', 'upper'],
    ['Both.xml', 'upper'],
    ['Desktops/320x212x12/List.xml', 'desktops'],
    ['desktops/320X212X12/LIST.XML', 'desktops'],
  ])('%s', async (name, content) => {
    const { resolver } = await chainOver();
    expect(await answerTo(resolver, name)).toBe(content);
  });

  it('an exact name only, when the setting says so', async () => {
    const { resolver } = await chainOver({ caseInsensitive: false });
    expect(await answerTo(resolver, 'Ringlist.xml')).toBe('rings');
    expect(await answerTo(resolver, 'ringlist.xml')).toBe('not-found');
  });

  it('from the first root that has it, in order', async () => {
    const { resolver } = await chainOver({ roots: [root, second] });
    expect(await answerTo(resolver, 'Ringlist.xml')).toBe('rings');
    expect(await answerTo(resolver, 'only.xml')).toBe('second');
    expect((await ask(resolver, 'only.xml')).trace).toEqual([
      { link: 'guard', name: 'only.xml', verdict: 'other' },
      { link: 'local', name: 'only.xml', verdict: 'not found' },
      { link: 'alternate 1', name: 'only.xml', verdict: `found ${join(second, 'only.xml')}` },
    ]);
  });

  it('under rewritten names, and never under an illegal one', async () => {
    const rules = [
      { match: 'SEP*.cnf.xml', to: 'Ringlist.xml' },
      { match: 'up.xml', to: '../outside/secret.xml' },
      { match: 'Ringlist.xml.bak' },
    ];
    const { resolver } = await chainOver({ rules });
    expect(await answerTo(resolver, 'SEP001122334455.cnf.xml')).toBe('rings');
    expect(await answerTo(resolver, 'up.xml')).toBe('not-found');
    expect(await answerTo(resolver, 'Ringlist.xml.bak')).toBe('not-found');
  });

  it('a file that was added a moment ago, in any spelling', async () => {
    const { resolver } = await chainOver();
    for (let i = 0; i < 5; i++) {
      expect(await answerTo(resolver, `NEW-${i}.xml`)).toBe('not-found');
      writeFileSync(join(root, `new-${i}.xml`), `new ${i}`);
      // The listing is made at most for a share of the time; a listing of this size is made within milliseconds.
      await vi.waitFor(async () => expect(await answerTo(resolver, `NEW-${i}.xml`)).toBe(`new ${i}`), {
        timeout: 5_000,
      });
    }
  });

  it('links in the path of the root itself are followed once, at the start', async () => {
    symlinkSync(root, join(base, 'root-link'));
    const { resolver } = await chainOver({ roots: [join(base, 'root-link')] });
    expect(await answerTo(resolver, 'Ringlist.xml')).toBe('rings');
  });

  it('a root that cannot be read is a Failure', async () => {
    await expect(chainOver({ roots: [join(base, 'missing')] })).rejects.toMatchObject({
      code: 'storage-unreadable',
    });
    await expect(chainOver({ roots: [join(root, 'Ringlist.xml')] })).rejects.toMatchObject({
      code: 'storage-unreadable',
    });
  });
});

/** File system requests that were begun while `run` ran. */
async function countCalls(run: () => Promise<unknown>): Promise<number> {
  let calls = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type.startsWith('FSREQ')) calls++;
    },
  });
  hook.enable();
  await run();
  hook.disable();
  return calls;
}

describe('unknown and forbidden are answered alike (security.md §1)', () => {
  const forbidden = [
    'link.xml',
    'inside.xml',
    'dangling.xml',
    'zero.xml',
    'fifo.xml',
    'socket.xml',
    'Desktops',
    'linked',
    '.hidden',
    '..',
    '../outside/secret.xml',
    '/etc/passwd',
    'a\\b',
    '%2e%2e%2fsecret.xml',
    'x\0y',
    'x'.repeat(500),
    '',
  ];

  it.each([true, false])(
    'by the same number of system calls (case-insensitive: %s)',
    async (caseInsensitive) => {
      const { resolver, events } = await chainOver({ roots: [root, second], caseInsensitive });
      await sleep(directoryClockGrainMs * 2); // from here on the listings are settled
      await ask(resolver, 'unknown.xml');
      const unknown = await countCalls(() => ask(resolver, 'unknown.xml'));
      expect(unknown).toBeGreaterThan(0);
      for (const name of forbidden) {
        let answer: Resolution | undefined;
        const calls = await countCalls(async () => (answer = await ask(resolver, name)));
        expect([name, calls, answer?.kind]).toEqual([name, unknown, 'not-found']);
      }
      expect(events).toEqual([]);
    },
  );

  it('also behind a directory that is a link', async () => {
    const { resolver } = await chainOver();
    await sleep(directoryClockGrainMs * 2);
    await ask(resolver, 'unknown/secret.xml');
    const unknown = await countCalls(() => ask(resolver, 'unknown/secret.xml'));
    const linked = await countCalls(async () =>
      expect(await answerTo(resolver, 'linked/secret.xml')).toBe('not-found'),
    );
    expect(linked).toBe(unknown);
  });

  it('a FIFO blocks no thread: more of them than the pool has, then a file', async () => {
    const { resolver } = await chainOver();
    const answers = await Promise.all(Array.from({ length: 16 }, () => answerTo(resolver, 'fifo.xml')));
    expect(new Set(answers)).toEqual(new Set(['not-found']));
    expect(await answerTo(resolver, 'Ringlist.xml')).toBe('rings');
  });
});

describe('files above memory size', () => {
  const path = join(root, 'load.bin');

  it('are named with what they were, and not opened when they are something else', async () => {
    const { resolver } = await chainOver();
    writeFileSync(path, 'a'.repeat(memoryFileBytesMax + 1));
    const resolution = await ask(resolver, 'load.bin');
    assert(resolution.kind === 'served' && resolution.content.kind === 'file', 'it is too large for memory');
    const { content } = resolution;
    const file = await fileOpener.open(content);
    assert(file !== undefined, 'it is still the same');

    writeFileSync(join(root, 'next.bin'), 'b'.repeat(memoryFileBytesMax + 1));
    renameSync(join(root, 'next.bin'), path);
    expect(await fileOpener.open(content)).toBeUndefined();

    // What was open before the replacement ends as it began.
    const bytes = new Uint8Array(8);
    expect(await file.read(bytes, memoryFileBytesMax - 7)).toBe(8);
    expect(decodeLatin1(bytes)).toBe('aaaaaaaa');
    await file.close();
  });

  it.each([
    ['appended to', () => appendFileSync(path, 'more')],
    ['cut', () => truncateSync(path, 100)],
  ])('break off when they are %s meanwhile', async (_, change) => {
    const { resolver } = await chainOver();
    writeFileSync(path, 'a'.repeat(memoryFileBytesMax + 1));
    const resolution = await ask(resolver, 'load.bin');
    assert(resolution.kind === 'served' && resolution.content.kind === 'file', 'it is too large for memory');
    const file = await fileOpener.open(resolution.content);
    change();
    expect(await file?.read(new Uint8Array(8), 0)).toBeUndefined();
    await file?.close();
  });
});

it('tells of changes in directories that files were served from', async () => {
  const onChange = vi.fn<() => void>();
  const { resolver } = await chainOver({ onChange });
  await answerTo(resolver, 'Desktops/320x212x12/List.xml');
  onChange.mockClear();
  writeFileSync(join(root, 'Desktops', '320x212x12', 'List.xml'), 'changed');
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), { timeout: 10_000 });
  expect(await answerTo(resolver, 'Desktops/320x212x12/List.xml')).toBe('changed');
});
