/** What a share needs of a file system, near or far; `createShare` makes the rest of it (share.ts). */

export interface ShareFiles {
  /** Names in a folder, whatever they are; `undefined` when there is no such folder. */
  list(folder: string): Promise<readonly string[] | undefined>;
  /** `undefined` when there is no such file; Failure `format` above `bytesMax`. */
  read(path: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /** A new file, written and synced where that is offered, or none; false when the name is taken. */
  create(path: string, bytes: Uint8Array): Promise<boolean>;
  /** Replaces `to`, in one step where that is offered; false when there is no `from`. */
  rename(from: string, to: string): Promise<boolean>;
  /** No error when it is not there. */
  remove(path: string): Promise<void>;
  /** No error when it is there. */
  makeFolder(path: string): Promise<void>;
  /** By the clock of the file system. */
  modifiedMs(path: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** `bytesMax` bytes are enough for whatever is read from a share. */
export const tooLongWords = (path: string, bytesMax: number): string =>
  `${path} is longer than ${bytesMax} bytes`;
