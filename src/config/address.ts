/** Addresses in settings: `127.0.0.1:69`, `[::1]:69`. Host names are refused: what is listened on must not depend on a resolver. */
import { isIP } from 'node:net';
import * as network from '../core/tftp/network.ts';

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
  const parsed = network.parseAddress(address);
  return parsed !== undefined && network.isLoopback(parsed);
}
