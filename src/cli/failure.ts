/**
 * Anything thrown, as a Failure with a closed code: the operating system's errors are translated here,
 * once, for every command. What is neither is a bug of this program and is answered `undefined`.
 */
import type { ErrorCode } from '../base/errors.ts';
import { Failure } from '../base/errors.ts';

const codeByErrno: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['storage-unreadable', 'no such file or folder'],
  EACCES: ['storage-unreadable', 'permission denied'],
  EPERM: ['storage-unreadable', 'operation not permitted'],
  EISDIR: ['storage-unreadable', 'it is a folder'],
  ENOTDIR: ['storage-unreadable', 'a part of the path is not a folder'],
  ELOOP: ['storage-unreadable', 'too many links'],
  ENAMETOOLONG: ['storage-unreadable', 'the name is too long'],
  EROFS: ['storage-unreadable', 'the file system is read-only'],
  EIO: ['storage-unreadable', 'input/output error'],
  EMFILE: ['storage-unreadable', 'too many open files'],
  ENOSPC: ['storage-full', 'no space left'],
  EDQUOT: ['storage-full', 'quota exceeded'],
  EADDRINUSE: ['address-in-use', 'the address is already in use'],
  EADDRNOTAVAIL: ['address-unavailable', 'the address is not one of this machine'],
  EAFNOSUPPORT: ['address-unavailable', 'the address family is not supported here'],
  ECONNREFUSED: ['unreachable', 'connection refused'],
  ECONNRESET: ['unreachable', 'connection reset'],
  ETIMEDOUT: ['unreachable', 'no answer'],
  EHOSTUNREACH: ['unreachable', 'no route to the host'],
  ENETUNREACH: ['unreachable', 'no route to the network'],
  ENOTFOUND: ['unreachable', 'the host name is not known'],
  EAI_AGAIN: ['unreachable', 'the name server does not answer'],
};

/** `subject` says what was being done, as in `cannot read phones.csv`. */
export function asFailure(thrown: unknown, subject?: string): Failure | undefined {
  if (thrown instanceof Failure) return thrown;
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return undefined;
  const known = codeByErrno[thrown.code];
  if (known === undefined) return undefined;
  const [code, words] = known;
  return new Failure(code, `${subject ?? subjectOf(thrown)}: ${words}`, { cause: thrown });
}

/** `open '/x'` or `listen 127.0.0.1:69`, out of what Node tells. */
function subjectOf(error: Error): string {
  const facts = error as {
    syscall?: unknown;
    path?: unknown;
    address?: unknown;
    port?: unknown;
    hostname?: unknown;
  };
  const what = [facts.path, facts.address, facts.hostname].find((fact) => typeof fact === 'string');
  const port = typeof facts.port === 'number' ? ` port ${facts.port}` : '';
  const call = typeof facts.syscall === 'string' ? facts.syscall : 'operation';
  return what === undefined ? call : `cannot ${call} ${what}${port}`;
}
