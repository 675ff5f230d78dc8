/** Which endpoints are this node's own: what it is configured to listen on, at every address of this machine. */
import { networkInterfaces } from 'node:os';
import { loadConfig } from '../config/load.ts';
import type { ListenAddress } from '../config/address.ts';
import type { RemoteEndpoint } from '../core/cluster/remote.ts';

export function ownAddresses(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
): (endpoint: RemoteEndpoint) => boolean {
  const { tftp, http, https } = loadConfig({ file: configFile, environment });
  const listening = [...tftp.listen, ...http.listen, ...https.listen, ...https.legacyListen];
  const machine = new Set(
    Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address)),
  );
  return ({ address, port }) => listening.some((at) => at.port === port && isHeardAt(at, address, machine));
}

/** Of loopback only what the machine has configured: 127.0.2.1 is where a second cluster is tried out. */
function isHeardAt({ address: at }: ListenAddress, address: string, machine: ReadonlySet<string>): boolean {
  return at === '0.0.0.0' || at === '::' ? machine.has(address) : at === address;
}
