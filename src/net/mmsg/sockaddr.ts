/**
 * struct sockaddr_in and sockaddr_in6 in an arena, written and read as text addresses.
 * A record is `sockaddrBytes` long and zero behind its end: equal words are the same peer.
 */
import { isIP } from 'node:net';
import { decodeLatin1 } from '../../base/text.ts';
import type { Arena } from './arena.ts';
import { AF_INET, AF_INET6, type Libc, sockaddr4Bytes, sockaddr6Bytes, sockaddrBytes } from './libc.ts';
import { recordLocal } from './peer-table.ts';

/** INET6_ADDRSTRLEN is 46. */
const addressTextBytesMax = 48;

export class SockaddrCodec {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #text: number;

  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#arena = arena;
    this.#text = arena.reserve(addressTextBytesMax);
  }

  /** Writes a record at `offset` and returns its length; undefined when `address` is not numeric (a zone is a number). */
  write(offset: number, address: string, port: number): number | undefined {
    const { u8, u16, u32 } = this.#arena;
    u8.fill(0, offset, offset + sockaddrBytes);
    const kind = isIP(address);
    if (kind === 0) return undefined;
    const [plain = '', zone] = address.split('%');
    const family = kind === 4 ? AF_INET : AF_INET6;
    const at = this.#arena.address + offset + (kind === 4 ? 4 : 8);
    if (this.#libc.inet_pton(family, plain, at) !== 1) return undefined;
    if (zone !== undefined && !/^\d{1,9}$/.test(zone)) return undefined;
    u32[(offset + 24) >>> 2] = Number(zone ?? 0);
    u16[offset >>> 1] = family;
    u8[offset + 2] = port >>> 8;
    u8[offset + 3] = port & 0xff;
    return kind === 4 ? sockaddr4Bytes : sockaddr6Bytes;
  }

  /** The record's address; a link-local one carries its zone as a number. */
  address(offset: number): string {
    if (this.#arena.u16[offset >>> 1] === AF_INET) return this.address4(offset + 4);
    const scope = this.#arena.u32[(offset + 24) >>> 2] ?? 0;
    const text = this.address6(offset + 8);
    return scope === 0 ? text : `${text}%${scope}`;
  }

  port(offset: number): number {
    return ((this.#arena.u8[offset + 2] ?? 0) << 8) | (this.#arena.u8[offset + 3] ?? 0);
  }

  /** The address that a record's datagram came to, where its socket is at a wildcard; undefined: the socket's own. */
  local(offset: number): string | undefined {
    const at = offset + recordLocal;
    if (this.#arena.u8.subarray(at, at + 16).every((byte) => byte === 0)) return undefined;
    return this.#arena.u16[offset >>> 1] === AF_INET ? this.address4(at) : this.address6(at);
  }

  /** Dotted text of the four bytes at `offset`. */
  address4(offset: number): string {
    const { u8 } = this.#arena;
    return `${u8[offset]}.${u8[offset + 1]}.${u8[offset + 2]}.${u8[offset + 3]}`;
  }

  /** RFC 5952 text of the sixteen bytes at `offset`. */
  address6(offset: number): string {
    const { address, u8 } = this.#arena;
    this.#libc.inet_ntop(AF_INET6, address + offset, address + this.#text, addressTextBytesMax);
    return decodeLatin1(u8.subarray(this.#text, u8.indexOf(0, this.#text)));
  }
}
