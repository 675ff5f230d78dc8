/**
 * The operating system's errors about the data folder, as Failures. What is not an errno of a system call
 * is a bug and is passed on as it is.
 */
import { Failure } from '../base/errors.ts';

/** `doing` is what was attempted: `write keys/ab12.pem`. */
export function storageFailure(error: unknown, doing: string): Error {
  if (!(error instanceof Error)) return new TypeError('thrown what is no error', { cause: error });
  if (!('errno' in error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { code } = error;
  const message = `cannot ${doing}: ${code}`;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new Failure('storage-full', message, {
        cause: error,
        hint: 'Make room on the file system and repeat.',
      });
    case 'EACCES':
    case 'EPERM':
      return new Failure('storage-unreadable', message, {
        cause: error,
        hint: 'Run as the user who owns the data folder.',
      });
    case 'ENOENT':
    case 'ENOTDIR':
      return new Failure('storage-unreadable', message, {
        cause: error,
        hint: 'Check the path given by --data.',
      });
    default:
      return new Failure('storage-unreadable', message, { cause: error });
  }
}
