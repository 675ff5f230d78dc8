/**
 * The place where clusters lay down what they exchange: an SFTP directory or a plain one (src/net). Nobody trusts it:
 * who writes there may be anybody, so whatever is read is judged by its signatures (verify-source.ts).
 *
 * Paths are relative, `/` between folders, and never begin with a dot: such names are unfinished writes and locks.
 */

export interface Share {
  /** As a person names it, without secrets: for messages. */
  readonly place: string;
  /** Sorted names in a folder (`''` is the share itself), those with a dot left out; empty where there is no folder. */
  list(folder: string): Promise<readonly string[]>;
  /** `undefined` when there is no such file; Failure `format` when it is longer than `bytesMax`. */
  read(path: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /**
   * The name holds the old bytes or the new ones, wholly: written beside it, synced where that is offered, renamed.
   * Folders on the way are made. Failure `storage-full` where the share can tell.
   */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** No error when it is not there. */
  remove(path: string): Promise<void>;
  /** Takes away what interrupted writes left in a folder. Only its one writer may call it. */
  tidy(folder: string): Promise<void>;
  /**
   * Keeps other holders of the same lock out until it is released; Failure `refused` names who has it. A lock that a
   * cut connection left is taken over by its own holder at once, by others when it is older than shareLockMsMax.
   */
  lock(name: string, holder: string): Promise<ShareLock>;
  close(): Promise<void>;
}

export interface ShareLock {
  release(): Promise<void>;
}

/** Hidden names: nobody reads them. */
export function isHidden(name: string): boolean {
  return name.startsWith('.');
}

/** Names that stay within a share and that every file system takes, `/` between folders. */
export function isSharePath(path: string): boolean {
  return path.split('/').every((part) => segment.test(part));
}

const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;

/** Unfinished writes: `.NAME.RANDOM.unfinished`. */
export const unfinishedSuffix = '.unfinished';
