/** The packet engines that must all pass every conformance test: a new engine joins by one line. */
import type { EngineName } from '../../src/net/tftp-server.ts';

/** `transferPorts`: it can give each transfer a port of its own (RFC 1350 §4); `auto` falls back to one that can. */
export const engines: readonly { readonly engine: EngineName; readonly transferPorts: boolean }[] = [
  { engine: 'dgram', transferPorts: true },
  { engine: 'mmsg', transferPorts: false },
];
