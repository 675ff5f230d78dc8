/**
 * The few calls of the C library that the batched engine needs, through koffi: no native code of ours.
 * Addresses cross as plain numbers (user space is below 2^48), so no call allocates a BigInt.
 * Refuses every platform whose structure layout was not checked: `auto` then falls back to dgram.
 */
import koffi from 'koffi';
import { assert } from '../../base/assert.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { platformRefusal } from './platform.ts';

export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  listen(fd: number, backlog: number): number;
  getsockname(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  poll(entries: number, count: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  close(fd: number): number;
  inet_pton(family: number, text: string, bytes: number): number;
  inet_ntop(family: number, bytes: number, text: number, size: number): number;
  /** The error number of the last call of this thread; read it at once. */
  errno(): number;
}

/** asm-generic values, equal on x86_64 and arm64. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IP_PKTINFO = 8;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_TCLASS = 67;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;
export const POLLIN = 1;
export const POLLOUT = 4;

export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const EINVAL = 22;
export const EMSGSIZE = 90;

/** struct mmsghdr { struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }, unsigned len }. */
export const messageBytes = 64;
export const messageName = 0;
export const messageNameLength = 8;
export const messageIov = 16;
export const messageIovLength = 24;
export const messageControl = 32;
export const messageControlLength = 40;
export const messageFlags = 48;
export const messageLength = 56;
/** struct iovec { void *base; size_t length }. */
export const iovecBytes = 16;
/** struct pollfd { int fd; short events; short revents }. */
export const pollBytes = 8;
/** sockaddr_in is 16 bytes, sockaddr_in6 28; one record holds either. */
export const sockaddrBytes = 32;
export const sockaddr4Bytes = 16;
export const sockaddr6Bytes = 28;
/** struct cmsghdr { size_t length; int level; int type }; data follows, records are aligned to 8. */
export const controlHeaderBytes = 16;

/** The bindings, or one sentence saying why there are none. */
export function loadLibc(): Outcome<Libc, string> {
  const refusal = platformRefusal();
  if (refusal !== undefined) return bad(refusal);
  try {
    const library = koffi.load(null);
    return good({
      socket: library.func('int socket(int, int, int)'),
      bind: library.func('int bind(int, uint64, uint32)'),
      listen: library.func('int listen(int, int)'),
      getsockname: library.func('int getsockname(int, uint64, uint64)'),
      setsockopt: library.func('int setsockopt(int, int, int, uint64, uint32)'),
      getsockopt: library.func('int getsockopt(int, int, int, uint64, uint64)'),
      recvmmsg: library.func('int recvmmsg(int, uint64, uint32, int, uint64)'),
      sendmmsg: library.func('int sendmmsg(int, uint64, uint32, int)'),
      poll: library.func('int poll(uint64, unsigned long, int)'),
      eventfd: library.func('int eventfd(uint32, int)'),
      close: library.func('int close(int)'),
      inet_pton: library.func('int inet_pton(int, str, uint64)'),
      inet_ntop: library.func('uint64 inet_ntop(int, uint64, uint64, uint32)'),
      errno: () => koffi.errno(),
    });
  } catch (error) {
    return bad(`the C library did not load: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where the bytes of `buffer` lie; they never move while the buffer is referenced. */
export function addressOf(buffer: ArrayBuffer): number {
  const address = Number(koffi.address(buffer));
  assert(Number.isSafeInteger(address) && address > 0, 'an address that a number cannot hold');
  return address;
}
