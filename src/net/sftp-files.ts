/**
 * An SFTP directory as a share (draft-ietf-secsh-filexfer-02, version 3, with OpenSSH's extensions where the server has
 * them: fsync, rename that replaces, free space). Every request has a limit of time, and a cut connection fails all of
 * them at once. Refuses whatever is no regular file, and more bytes than were asked for.
 */
import type { Client, FileEntry, SFTPWrapper, Stats } from 'ssh2';
import { Failure } from '../base/errors.ts';
import { shareAnswerMsMax, shareEntriesMax, shareRequestsMax } from '../base/limits.ts';
import { tooLongWords, type ShareFiles } from './share-files.ts';

/** Status codes of version 3. */
const endOfFile = 1;
const noSuchFile = 2;
const permissionDenied = 3;
const operationUnsupported = 8;

/** What every server takes in one request. */
const chunkBytes = 32 * 1024;

type Callback<T> = (error: Error | null | undefined, value: T) => void;

/** `root` is absolute and exists. Takes the client over: `close` ends it. */
export async function openSftpFiles(
  client: Client,
  sftp: SFTPWrapper,
  root: string,
  place: string,
): Promise<ShareFiles> {
  const session = new Session(client, sftp, place);
  const at = (path: string): string => (root === '/' ? `/${path}` : path === '' ? root : `${root}/${path}`);
  try {
    const found = await session.stat(root === '' ? '/' : root);
    if (found?.isDirectory() !== true)
      throw new Failure('storage-unreadable', `${place} is no directory on its server`, {
        hint: 'Make it there first; with a chroot the path begins inside of it.',
      });
  } catch (error) {
    // A connection that nobody holds would keep the process.
    await session.close();
    throw error;
  }
  return {
    list: (folder) => session.list(at(folder)),
    read: (path, bytesMax) => session.read(at(path), bytesMax),
    create: (path, bytes) => session.create(at(path), bytes),
    rename: (from, to) => session.rename(at(from), at(to)),
    async remove(path) {
      await session.maybe(() => session.call<void>((done) => sftp.unlink(at(path), done)));
    },
    async makeFolder(path) {
      if ((await session.stat(at(path)))?.isDirectory() === true) return;
      try {
        await session.call<void>((done) => sftp.mkdir(at(path), done));
      } catch (error) {
        // Somebody made it in between: version 3 has no word for that.
        if ((await session.stat(at(path)))?.isDirectory() !== true) throw error;
      }
    },
    modifiedMs: async (path) => {
      const stats = await session.stat(at(path));
      return stats && stats.mtime * 1000;
    },
    close: () => session.close(),
  };
}

class Session {
  readonly #client: Client;
  readonly #sftp: SFTPWrapper;
  readonly #place: string;
  readonly #pending = new Set<(error: Error) => void>();
  #lost: Error | undefined;

  constructor(client: Client, sftp: SFTPWrapper, place: string) {
    this.#client = client;
    this.#sftp = sftp;
    this.#place = place;
    // ssh2 tells the requests on their way nothing when the line is cut.
    const lose = (cause?: unknown): void => {
      this.#lost ??= new Failure('unreachable', `the connection to ${place} was lost`, {
        cause,
        hint: 'Repeat the command: nothing half was left visible.',
      });
      for (const reject of this.#pending) reject(this.#lost);
    };
    client.on('error', lose);
    client.on('close', () => lose());
    sftp.on('error', lose);
    sftp.on('close', () => lose());
  }

  /** One request and its answer. */
  call<T>(send: (done: Callback<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const timer = setTimeout(() => fail(this.#silent()), shareAnswerMsMax);
      const end = (): void => {
        clearTimeout(timer);
        this.#pending.delete(fail);
      };
      const fail = (error: Error): void => {
        end();
        reject(this.#lost ?? this.#told(error));
      };
      this.#pending.add(fail);
      try {
        send((error, value) => {
          // The end of the stream fails what is on its way before the connection says why.
          if (error) setImmediate(fail, error);
          else {
            end();
            resolve(value);
          }
        });
      } catch (error) {
        // An extension that the server does not have.
        end();
        reject(error instanceof Error ? error : new TypeError('thrown what is no error', { cause: error }));
      }
    });
  }

  /** `undefined` where there is no such file. */
  async maybe<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Failure && statusOf(error.cause) === noSuchFile) return undefined;
      throw error;
    }
  }

  stat(path: string): Promise<Stats | undefined> {
    return this.maybe(() => this.call<Stats>((done) => this.#sftp.stat(path, done)));
  }

  async read(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const handle = await this.maybe(() => this.call<Buffer>((done) => this.#sftp.open(path, 'r', done)));
    if (handle === undefined) return undefined;
    try {
      const stats = await this.call<Stats>((done) => this.#sftp.fstat(handle, done));
      if (!stats.isFile()) throw new Failure('format', `${path} is no regular file`);
      if (stats.size > bytesMax) throw new Failure('format', tooLongWords(path, bytesMax));
      const bytes = Buffer.alloc(stats.size);
      await inChunks(stats.size, (from, length) => this.#readChunk(handle, path, bytes, from, length));
      return Uint8Array.from(bytes);
    } finally {
      await this.#closeHandle(handle);
    }
  }

  /** No more than one answer above shareEntriesMax: whoever asks refuses that. */
  async list(path: string): Promise<readonly string[] | undefined> {
    const handle = await this.maybe(() => this.call<Buffer>((done) => this.#sftp.opendir(path, done)));
    if (handle === undefined) return undefined;
    const names: string[] = [];
    try {
      while (names.length <= shareEntriesMax) {
        const some = await this.#someNames(handle);
        if (some === undefined) break;
        for (const { filename } of some) names.push(filename);
      }
      return names;
    } finally {
      await this.#closeHandle(handle);
    }
  }

  /** `undefined` at the end. */
  async #someNames(handle: Buffer): Promise<readonly FileEntry[] | undefined> {
    try {
      return await this.call<FileEntry[]>((done) => this.#sftp.readdir(handle, done));
    } catch (error) {
      if (error instanceof Failure && statusOf(error.cause) === endOfFile) return undefined;
      throw error;
    }
  }

  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    let handle: Buffer;
    try {
      handle = await this.call<Buffer>((done) => this.#sftp.open(path, 'wx', done));
    } catch (error) {
      // Version 3 has no word for "it exists".
      if (this.#lost === undefined && (await this.stat(path)) !== undefined) return false;
      throw await this.#whyNotWritten(path, error);
    }
    try {
      const content = Buffer.from(bytes);
      await inChunks(content.length, (from, length) =>
        this.call<void>((done) => this.#sftp.write(handle, content, from, length, from, done)),
      );
      await this.#offered((done) => this.#sftp.ext_openssh_fsync(handle, (error) => done(error)));
    } catch (error) {
      await this.#closeHandle(handle);
      throw await this.#takenBack(path, error);
    }
    try {
      // Some servers tell of a full disk here first.
      await this.call<void>((done) => this.#sftp.close(handle, done));
    } catch (error) {
      throw await this.#takenBack(path, error);
    }
    return true;
  }

  async rename(from: string, to: string): Promise<boolean> {
    const done = await this.maybe(async () => {
      if (await this.#offered((done) => this.#sftp.ext_openssh_rename(from, to, (error) => done(error))))
        return true;
      // Version 3 replaces nothing: for a moment the name is gone, and readers ask again.
      await this.maybe(() => this.call<void>((done) => this.#sftp.unlink(to, done)));
      await this.call<void>((done) => this.#sftp.rename(from, to, done));
      return true;
    });
    return done ?? false;
  }

  /** False when the server does not have it. */
  async #offered(send: (done: (error: Error | null | undefined) => void) => void): Promise<boolean> {
    try {
      await this.call<void>((done) => send((error) => done(error, undefined)));
      return true;
    } catch (error) {
      const cause = error instanceof Failure ? error.cause : error;
      const unknown = statusOf(cause) === operationUnsupported;
      // ssh2's word for an extension that the server did not name.
      if (unknown || (cause instanceof Error && /does not support/.test(cause.message))) return false;
      throw error;
    }
  }

  async #readChunk(handle: Buffer, path: string, into: Buffer, from: number, length: number): Promise<void> {
    for (let done = 0; done < length;) {
      const read = await this.call<number>((told) =>
        this.#sftp.read(handle, into, from + done, length - done, from + done, (error, bytes) =>
          told(error, bytes),
        ),
      );
      if (read <= 0) throw new Failure('peer-error', `${path} became shorter while it was read`);
      done += read;
    }
  }

  async #closeHandle(handle: Buffer): Promise<void> {
    // The connection may be gone, and with it the handle.
    await this.call<void>((done) => this.#sftp.close(handle, done)).catch(() => undefined);
  }

  /** Half a lock would keep everybody out. */
  async #takenBack(path: string, error: unknown): Promise<unknown> {
    const why = await this.#whyNotWritten(path, error);
    // The first failure is the one to tell; a connection that is gone takes nothing back.
    await this.call<void>((done) => this.#sftp.unlink(path, done)).catch(() => undefined);
    return why;
  }

  /** Version 3 calls a full disk "Failure", as everything else; the free space tells it apart. */
  async #whyNotWritten(path: string, error: unknown): Promise<unknown> {
    if (this.#lost !== undefined || !(error instanceof Failure) || error.code !== 'peer-error') return error;
    const folder = path.slice(0, path.lastIndexOf('/')) || '/';
    const space = await this.call<{ f_bavail?: number; f_favail?: number }>((done) =>
      this.#sftp.ext_openssh_statvfs(folder, done),
    ).catch(() => undefined);
    const hint = 'Make room on the share, or raise its quota, and repeat.';
    if (space?.f_bavail === 0 || space?.f_favail === 0)
      return new Failure('storage-full', `${this.#place} is full`, { cause: error, hint });
    return new Failure('peer-error', `${this.#place} takes no file: ${error.message}`, {
      cause: error,
      hint,
    });
  }

  #silent(): Failure {
    this.#client.end();
    return new Failure('unreachable', `${this.#place} does not answer`, {
      hint: 'Look at the server, then repeat the command.',
    });
  }

  #told(error: Error): Failure {
    if (error instanceof Failure) return error;
    if (statusOf(error) === permissionDenied)
      return new Failure('permission-denied', `${this.#place}: permission denied`, {
        cause: error,
        hint: 'The user of the share must be allowed to read and write in it.',
      });
    return new Failure('peer-error', error.message, { cause: error });
  }

  async close(): Promise<void> {
    if (this.#lost !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#client.once('close', () => resolve());
      this.#client.end();
    });
  }
}

/** Many on their way at once, each to its own place. */
async function inChunks(size: number, one: (from: number, length: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < size) {
      const from = next;
      next = Math.min(size, from + chunkBytes);
      await one(from, next - from);
    }
  };
  await Promise.all(Array.from({ length: shareRequestsMax }, work));
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
