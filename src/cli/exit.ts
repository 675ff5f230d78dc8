/** The one table that turns error codes into exit statuses (a script's contract, design.md §6). */
import type { ErrorCode } from '../base/errors.ts';

/** 0 done or accepted · 1 refused or rejected · 2 usage · 3 configuration · 4 unreachable · 5 storage. */
export type ExitStatus = 0 | 1 | 2 | 3 | 4 | 5;

/** What each status says, for `--help` and the reference. */
export const exitMeanings: Readonly<Record<ExitStatus, string>> = {
  0: 'done, or the file is accepted',
  1: 'refused, or the file is rejected',
  2: 'usage: unknown command, option or value',
  3: 'configuration is broken, or the passphrase is wrong',
  4: 'a peer is unreachable, or an address or port is not to be had',
  5: 'storage: a file, folder or database cannot be read or written',
};

/** Exhaustive: a new error code does not compile before it has its status. */
export const exitStatusByCode: Readonly<Record<ErrorCode, ExitStatus>> = {
  usage: 2,
  refused: 1,
  'not-found': 1,
  'config-invalid': 3,
  'passphrase-wrong': 3,
  'address-in-use': 4,
  'address-unavailable': 4,
  'permission-denied': 4,
  unreachable: 4,
  'peer-error': 1,
  'storage-unreadable': 5,
  'storage-full': 5,
  'storage-corrupt': 5,
  'storage-busy': 5,
  format: 1,
  interrupted: 1,
};
