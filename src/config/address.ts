/** Addresses and networks in settings: `127.0.0.1:69`, `[::1]:69`, `10.0.0.0/8`. Host names are refused: what is listened on must not depend on a resolver. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** `undefined` for anything but an IPv4 address or a bracketed IPv6 address, a colon and a port (0: any free one). */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const family = match?.[1] === undefined ? 4 : 6;
  return isIP(address) === family && port <= 65_535 ? { address, port } : undefined;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** A network in CIDR notation whose host bits are zero; `undefined` for anything else. */
export function parseNetwork(text: string): string | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  if (Number(bits) > (isIP(address) === 4 ? 32 : 128)) return undefined;
  const network =
    isIP(address) === 4 ? ipaddr.IPv4.networkAddressFromCIDR(text) : ipaddr.IPv6.networkAddressFromCIDR(text);
  return network.toNormalizedString() === ipaddr.parse(address).toNormalizedString() ? text : undefined;
}
