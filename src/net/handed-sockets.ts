/**
 * Listening sockets that are opened by one process and used by another: `serve` binds them, gives its privileges
 * away and hands them to each edge it starts, so an edge that died costs no packet that waits in a buffer.
 * The service manager may have bound them already (systemd socket activation, sd_listen_fds(3)).
 * Linux on x64 and arm64; elsewhere the edge binds for itself.
 */
import { Failure } from '../base/errors.ts';
import { listenFailure } from '../base/listen-failure.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import type { ListenAddress } from './engine.ts';
import { Arena } from './mmsg/arena.ts';
import { loadLibc, SOCK_DGRAM, SOCK_STREAM } from './mmsg/libc.ts';
import { SockaddrCodec } from './mmsg/sockaddr.ts';
import { SocketOpener } from './mmsg/sockets.ts';

export type HandedService = 'tftp' | 'http' | 'https' | 'https-legacy';

export interface WantedSocket extends ListenAddress {
  readonly service: HandedService;
}

export interface HandedSocket extends WantedSocket {
  readonly fd: number;
}

const scratchBytes = 4_096;
/** sd_listen_fds(3): the first handed descriptor. */
const firstActivatedFd = 3;
const activatedMax = 64;

/** All of them or, after a Failure, none; a sentence where sockets cannot be handed over. */
export function openSockets(wanted: readonly WantedSocket[]): Outcome<readonly HandedSocket[], string> {
  const opener = createOpener();
  if (!opener.ok) return opener;
  const opened: HandedSocket[] = [];
  for (const { service, address, port } of wanted) {
    const bound = opener.value.bind({ address, port }, service === 'tftp' ? SOCK_DGRAM : SOCK_STREAM);
    if (!bound.ok) {
      for (const { fd } of opened) opener.value.close(fd);
      const shown = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
      const error = Object.assign(new Error(bound.error.call), { code: bound.error.code });
      throw listenFailure(error, service === 'tftp' ? 'TFTP' : service, shown);
    }
    opened.push({ service, address, port: opener.value.portOf(bound.value), fd: bound.value });
  }
  return good(opened);
}

export function closeSockets(sockets: readonly HandedSocket[]): void {
  const opener = sockets.length > 0 ? createOpener() : undefined;
  if (opener?.ok) for (const { fd } of sockets) opener.value.close(fd);
}

/**
 * What the service manager bound for process `pid`; empty without activation. A socket is named `tftp`, `http`,
 * `https` or `https-legacy` by FileDescriptorName=; without such a name datagrams are TFTP and streams HTTP.
 */
export function activatedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly HandedSocket[] {
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  if (environment['LISTEN_PID'] !== String(pid) || !(count > 0)) return [];
  const opener = createOpener();
  if (!Number.isInteger(count) || count > activatedMax || !opener.ok)
    throw new Failure(
      'config-invalid',
      `socket activation cannot be used: ${opener.ok ? `${count} sockets` : opener.error}`,
    );
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: count }, (_, index) => {
    const fd = firstActivatedFd + index;
    const type = opener.value.typeOf(fd);
    const service = serviceOf(names[index], type);
    if (service === undefined || (service === 'tftp') !== (type === SOCK_DGRAM))
      throw new Failure(
        'config-invalid',
        `the activated socket ${fd} (${names[index] ?? 'no name'}) serves nothing here`,
        {
          hint: 'Set FileDescriptorName= to tftp, http, https or https-legacy.',
        },
      );
    return { service, ...opener.value.addressOf(fd), fd };
  });
}

function serviceOf(name: string | undefined, type: number): HandedService | undefined {
  if (name === 'tftp' || name === 'http' || name === 'https' || name === 'https-legacy') return name;
  if (type === SOCK_DGRAM) return 'tftp';
  return type === SOCK_STREAM ? 'http' : undefined;
}

function createOpener(): Outcome<SocketOpener, string> {
  const libc = loadLibc();
  if (!libc.ok) return bad(libc.error);
  const arena = new Arena(scratchBytes);
  return good(new SocketOpener(libc.value, arena, new SockaddrCodec(libc.value, arena)));
}
