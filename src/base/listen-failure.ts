/** Why a socket could not be opened, as the Failure a person can act on; used by every listener. */
import { Failure } from './errors.ts';
import type { ErrorCode } from './errors.ts';

const causes: Readonly<Record<string, readonly [code: ErrorCode, words: string, hint: string]>> = {
  EADDRINUSE: [
    'address-in-use',
    'is taken by another program',
    'Stop it (ss -lntup shows it) or choose another port.',
  ],
  EADDRNOTAVAIL: ['address-unavailable', 'is not an address of this machine', '`ip address` lists them.'],
  EAFNOSUPPORT: [
    'address-unavailable',
    'belongs to an address family this machine does not have',
    'Listen on IPv4.',
  ],
  EACCES: [
    'permission-denied',
    'may not be opened by this user',
    'Ports below 1024 need CAP_NET_BIND_SERVICE.',
  ],
  EPERM: [
    'permission-denied',
    'may not be opened by this user',
    'Ports below 1024 need CAP_NET_BIND_SERVICE.',
  ],
};

/** `address` as a person wrote it: `127.0.0.1:69`. Anything that is not about the address is given back as it is. */
export function listenFailure(error: unknown, service: string, address: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const cause = causes[code];
  if (cause === undefined) return error;
  const [failure, words, hint] = cause;
  return new Failure(failure, `${service} ${address} ${words}`, { hint, cause: error });
}
