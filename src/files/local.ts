/**
 * The `local` link: the provisioning directory and its alternates, in order (design.md §2, security.md §1).
 *
 * Serves an allow-list, not a file system: regular files below a root that no link leads to. Every part of the path
 * is asked with lstat, the file is opened with O_NOFOLLOW and O_NONBLOCK, and then the kernel is asked where the
 * descriptor really is (/proc/self/fd, else realpath): a link that was slipped in between changes that answer.
 * Unknown, link, directory, FIFO, device and unreadable file are answered alike after the same number of system
 * calls: one lstat per segment and one access or open, then one stat per directory whose listing is asked.
 */
import { access, lstat, open, opendir, readlink, realpath } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { EventSink } from '../base/events.ts';
import { alternateRootsMax, memoryFileBytesMax, unsettledReadsMax } from '../base/limits.ts';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/errors.ts';
import type { Rewrite } from '../core/files/rewrite.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { Content } from '../core/files/resolution.ts';
import { createDirectoryListings } from './directory-listing.ts';
import type { DirectoryListings } from './directory-listing.ts';
import { createDirectoryWatch } from './directory-watch.ts';
import { identityOf, openFlags, readFully, sameIdentity } from './open-file.ts';
import { notFound, note } from './link.ts';
import type { Answer, Link, Lookup } from './link.ts';

export interface LocalOptions {
  readonly root: string;
  /** Asked in order after `root`; at most `alternateRootsMax`. */
  readonly alternates: readonly string[];
  readonly caseInsensitive: boolean;
  readonly rewrite: Rewrite;
  readonly onEvent: EventSink;
  /** Something below a root changed; answers given before may be out of date. */
  readonly onChange: () => void;
}

export interface LocalLink extends Link {
  close(): void;
}

/** Failure `storage-unreadable` when a root is no directory that can be read. Links in the root's own path are followed once, here. */
export async function openLocal(options: LocalOptions): Promise<LocalLink> {
  assert(options.alternates.length <= alternateRootsMax, 'configuration bounds the alternates');
  const roots: Root[] = [];
  for (const [index, path] of [options.root, ...options.alternates].entries()) {
    roots.push({ label: index === 0 ? 'local' : `alternate ${index}`, path: await openRoot(path) });
  }
  const listings = createDirectoryListings();
  const watch = createDirectoryWatch(options);

  const askRoot = async (root: Root, lookup: Lookup, segments: readonly string[]): Promise<Answer> => {
    const exact = join(root.path, ...segments);
    let found = await judge(root.path, segments);
    if (found === undefined && options.caseInsensitive && !lookup.exact) {
      const others = await otherSpellings(listings, root.path, segments);
      for (const path of others.filter((path) => path !== exact)) {
        found ??= await judge(root.path, relative(root.path, path).split(sep));
      }
    }
    if (found === undefined) return notFound;
    if (found.kind !== 'found') return reportTrouble(options.onEvent, root, lookup, found);
    note(lookup, root.label, `found ${found.path}`);
    const freshForMs = await watch.freshFor(dirname(found.path));
    const { content, modifiedMs } = found;
    return { kind: 'served', content, by: root.label, freshForMs, modifiedMs };
  };

  return {
    name: 'local',
    close: () => watch.close(),
    async answer(lookup, below) {
      const segments = rewritten(options.rewrite, lookup);
      for (const root of segments === undefined ? [] : roots) {
        const answer = await askRoot(root, lookup, segments ?? []);
        if (answer.kind !== 'not-found') return answer;
        note(lookup, root.label, 'not found');
      }
      return below(lookup);
    },
  };
}

interface Root {
  readonly label: string;
  /** Absolute and free of links. */
  readonly path: string;
}

type Judged =
  | { readonly kind: 'found'; readonly path: string; readonly content: Content; readonly modifiedMs: number }
  /** It is being written to at this moment. */
  | { readonly kind: 'unsettled'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string };

async function openRoot(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    await (await opendir(real)).close();
    return real;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('storage-unreadable', `cannot read the directory ${path}: ${reason}`, {
      hint: 'files.root and files.alternates name directories that exist and that this user may read.',
      cause: error,
    });
  }
}

/** The segments to look up, or `undefined` where a rule refuses the name or makes an illegal one of it. */
function rewritten(rewrite: Rewrite, lookup: Lookup): readonly string[] | undefined {
  const to = rewrite(lookup.name.asked);
  if (to === lookup.name.asked) return lookup.name.segments;
  const name = to === undefined ? undefined : parseFileName(to);
  if (name?.ok === true) {
    note(lookup, 'rewrite', `to ${name.value.asked}`);
    return name.value.segments;
  }
  note(lookup, 'rewrite', name === undefined ? 'refused by a rule' : `illegal result: ${name.error}`);
  return undefined;
}

function reportTrouble(
  onEvent: EventSink,
  root: Root,
  lookup: Lookup,
  trouble: Exclude<Judged, { kind: 'found' }>,
): Answer {
  if (trouble.kind === 'unsettled') {
    note(lookup, root.label, `${trouble.path} is being written`);
    return { kind: 'retry', reason: 'the file is being written' };
  }
  onEvent({ type: 'link-failed', link: root.label, name: lookup.name.asked, reason: trouble.reason });
  note(lookup, root.label, `cannot read ${trouble.path}: ${trouble.reason}`);
  return notFound;
}

/** Judges one path below a root, and opens it where it is a regular file with no link on the way. */
async function judge(root: string, segments: readonly string[]): Promise<Judged | undefined> {
  const path = join(root, ...segments);
  if (!(await isPlainPath(root, segments))) {
    await access(path).catch(() => undefined); // the call that a file which may be opened costs
    return undefined;
  }
  for (let attempt = 0; attempt < unsettledReadsMax; attempt++) {
    const handle = await openOrReason(path);
    if (typeof handle === 'string') return { kind: 'unreadable', path, reason: handle };
    if (handle === undefined) return undefined;
    try {
      const judged = await judgeOpened(handle, path);
      if (judged !== 'changed') return judged;
    } finally {
      await handle.close();
    }
  }
  return { kind: 'unsettled', path };
}

/** Directories all the way and a regular file at the end. Asks for every part, also when one before it is missing. */
async function isPlainPath(root: string, segments: readonly string[]): Promise<boolean> {
  let plain = true;
  let path = root;
  for (const [index, segment] of segments.entries()) {
    path = join(path, segment);
    const stats = await lstat(path).catch(() => undefined);
    const isLast = index === segments.length - 1;
    plain &&= (isLast ? stats?.isFile() : stats?.isDirectory()) ?? false;
  }
  return plain;
}

async function openOrReason(path: string): Promise<FileHandle | string | undefined> {
  try {
    return await open(path, openFlags);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    // ELOOP and ENXIO: it became a link or a FIFO since lstat.
    return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(code) ? undefined : code;
  }
}

async function judgeOpened(handle: FileHandle, path: string): Promise<Judged | undefined | 'changed'> {
  const stats = await handle.stat();
  if (!stats.isFile()) return undefined;
  const where = await whereIs(handle, path);
  if (where !== path) return where === `${path} (deleted)` ? 'changed' : undefined;
  const identity = identityOf(stats);
  const modifiedMs = stats.mtimeMs;
  if (identity.size > memoryFileBytesMax) {
    return { kind: 'found', path, content: { kind: 'file', path, identity }, modifiedMs };
  }
  const bytes = new Uint8Array(identity.size);
  if ((await readFully(handle, bytes, 0)) !== identity.size) return 'changed';
  if (!sameIdentity(identityOf(await handle.stat()), identity)) return 'changed';
  return { kind: 'found', path, content: { kind: 'memory', bytes }, modifiedMs };
}

/** The path of an open descriptor, as the kernel knows it; without /proc, of what stands at `path` now. */
async function whereIs(handle: FileHandle, path: string): Promise<string | undefined> {
  const known = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);
  return known ?? (await realpath(path).catch(() => undefined));
}

/** Paths that differ from the asked one by case only, best first. */
async function otherSpellings(
  listings: DirectoryListings,
  root: string,
  segments: readonly string[],
): Promise<readonly string[]> {
  let paths: readonly string[] = [root];
  for (const [index, segment] of segments.entries()) {
    const kind = index === segments.length - 1 ? 'file' : 'directory';
    const next: string[] = [];
    for (const path of paths.slice(0, spellingsFollowedMax)) {
      const names = await listings.spellings(path, segment, kind);
      next.push(...names.map((name) => join(path, name)));
    }
    paths = next;
  }
  return paths.slice(0, spellingsFollowedMax);
}

/** A name may stand in several spellings on every level; this many are followed. */
const spellingsFollowedMax = 8;
