/**
 * The engine's listening sockets: one per configured address, bound exclusively (no SO_REUSEADDR and no
 * SO_REUSEPORT, which on UDP would hide a port that is taken), so that a reply leaves from the address asked.
 * A wildcard address asks the kernel for the destination of each datagram (IP_PKTINFO, RFC 1123 §4.2.3.3 is
 * about the port; NAT needs the address too). An IPv6 socket is IPv6 only: peers never look like `::ffff:…`.
 */
import { getSystemErrorName } from 'node:util';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import type { Arena } from './arena.ts';
import {
  AF_INET6,
  EINVAL,
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_V6ONLY,
  AF_INET,
  type Libc,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  sockaddrBytes,
  SOL_SOCKET,
} from './libc.ts';
import type { SockaddrCodec } from './sockaddr.ts';

/** Node's default; the kernel caps it at net.core.somaxconn. */
const tcpBacklog = 511;

export interface SocketOptions {
  readonly address: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Differentiated services code point of every reply, 0–63 (RFC 2474). */
  readonly dscp: number;
  readonly receiveBufferBytes: number;
  /** A socket that somebody else bound (net/handed-sockets.ts); it is only configured. */
  readonly fd?: number | undefined;
}

export interface UdpSocket {
  readonly fd: number;
  readonly family: typeof AF_INET | typeof AF_INET6;
  readonly address: string;
  readonly port: number;
  /** Bound to all addresses: each datagram carries the address it was sent to. */
  readonly wildcard: boolean;
  /** What the kernel granted (it doubles the number asked; this is the number asked for). */
  readonly receiveBufferBytes: number;
}

/** The call that failed and the system's name of its error: `bind`, `EADDRINUSE`. */
export interface SocketRefusal {
  readonly call: string;
  readonly code: string;
}

export class SocketOpener {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #codec: SockaddrCodec;
  readonly #scratch: number;
  readonly #value: number;

  constructor(libc: Libc, arena: Arena, codec: SockaddrCodec) {
    this.#libc = libc;
    this.#arena = arena;
    this.#codec = codec;
    this.#scratch = arena.reserve(sockaddrBytes);
    this.#value = arena.reserve(8);
  }

  open(options: SocketOptions): Outcome<UdpSocket, SocketRefusal> {
    const bound = options.fd === undefined ? this.bind(options, SOCK_DGRAM) : good(options.fd);
    if (!bound.ok) return bound;
    const fd = bound.value;
    const family = options.address.includes(':') ? AF_INET6 : AF_INET;
    const wildcard = options.address === '0.0.0.0' || /^[0:]+$/.test(options.address);
    this.#configure(fd, family, wildcard, options);
    return good({
      fd,
      family,
      address: options.address,
      port: this.portOf(fd),
      wildcard,
      receiveBufferBytes: this.#get(fd, SOL_SOCKET, SO_RCVBUF) / 2,
    });
  }

  /** A new socket at the address, which nobody else has; TCP may take a port whose old connections still wait. */
  bind(
    { address, port }: Pick<SocketOptions, 'address' | 'port'>,
    type: number,
  ): Outcome<number, SocketRefusal> {
    const length = this.#codec.write(this.#scratch, address, port);
    if (length === undefined) return bad(this.#refusal('parse', EINVAL));
    const family = this.#arena.u16[this.#scratch >>> 1] === AF_INET6 ? AF_INET6 : AF_INET;
    const fd = this.#libc.socket(family, type | SOCK_CLOEXEC, 0);
    if (fd < 0) return bad(this.#refusal('socket', this.#libc.errno()));
    if (family === AF_INET6) this.#set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (type === SOCK_STREAM) this.#set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    const failed =
      this.#libc.bind(fd, this.#arena.address + this.#scratch, length) !== 0
        ? 'bind'
        : type === SOCK_STREAM && this.#libc.listen(fd, tcpBacklog) !== 0
          ? 'listen'
          : undefined;
    if (failed === undefined) return good(fd);
    const refusal = this.#refusal(failed, this.#libc.errno());
    this.#libc.close(fd);
    return bad(refusal);
  }

  /** SOCK_DGRAM or SOCK_STREAM; 0 when `fd` is no socket. */
  typeOf(fd: number): number {
    return this.#get(fd, SOL_SOCKET, SO_TYPE);
  }

  #configure(fd: number, family: number, wildcard: boolean, options: SocketOptions): void {
    this.#widen(fd, SO_RCVBUF, SO_RCVBUFFORCE, options.receiveBufferBytes);
    this.#widen(fd, SO_SNDBUF, SO_SNDBUFFORCE, options.receiveBufferBytes);
    if (wildcard && family === AF_INET) this.#set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (wildcard && family === AF_INET6) this.#set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    if (options.dscp !== 0 && family === AF_INET) this.#set(fd, IPPROTO_IP, IP_TOS, options.dscp << 2);
    if (options.dscp !== 0 && family === AF_INET6)
      this.#set(fd, IPPROTO_IPV6, IPV6_TCLASS, options.dscp << 2);
  }

  /** A socket that was handed over may have more than this process could ask for. */
  #widen(fd: number, name: number, force: number, bytes: number): void {
    if (this.#get(fd, SOL_SOCKET, name) / 2 >= bytes) return;
    // FORCE needs CAP_NET_ADMIN and passes net.core.rmem_max; without it the kernel caps silently.
    if (!this.#set(fd, SOL_SOCKET, force, bytes)) this.#set(fd, SOL_SOCKET, name, bytes);
  }

  #set(fd: number, level: number, name: number, value: number): boolean {
    this.#arena.u32[this.#value >>> 2] = value;
    return this.#libc.setsockopt(fd, level, name, this.#arena.address + this.#value, 4) === 0;
  }

  #get(fd: number, level: number, name: number): number {
    const { u32, address } = this.#arena;
    const at = this.#value;
    u32[at >>> 2] = 0;
    u32[(at + 4) >>> 2] = 4;
    this.#libc.getsockopt(fd, level, name, address + at, address + at + 4);
    return u32[at >>> 2] ?? 0;
  }

  /** The address and port that a bound socket has. */
  addressOf(fd: number): { readonly address: string; readonly port: number } {
    const { u32, address } = this.#arena;
    u32[this.#value >>> 2] = sockaddrBytes;
    this.#libc.getsockname(fd, address + this.#scratch, address + this.#value);
    return { address: this.#codec.address(this.#scratch), port: this.#codec.port(this.#scratch) };
  }

  close(fd: number): void {
    this.#libc.close(fd);
  }

  portOf(fd: number): number {
    return this.addressOf(fd).port;
  }

  #refusal(call: string, errno: number): SocketRefusal {
    return { call, code: getSystemErrorName(-errno) };
  }
}
