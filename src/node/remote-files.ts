/**
 * The relay of a running server: wire, quarantine and judgement joined (files/remote/relay.ts), with its state for
 * `status`. Requests leave from the address that the server listens on where it names one, so that peers know us.
 */
import { isIPv6 } from 'node:net';
import type { EventSink } from '../base/events.ts';
import type { Config } from '../config/schema.ts';
import { hopNodeId } from '../core/cluster/hop.ts';
import type { Crypto, RemoteTrust, StreamVerifier, WallClock } from '../core/ports.ts';
import { fileOpener } from '../files/open-file.ts';
import { openQuarantine } from '../files/remote/quarantine.ts';
import { createRelay, type Relay } from '../files/remote/relay.ts';
import { createRemoteTransport } from '../net/remote/transport.ts';
import type { DataFolder } from '../store/data-folder.ts';
import { makeEmptyFolder } from '../store/durable.ts';
import { reportRemotes } from './remote-status.ts';

export interface RemoteFilesOptions {
  readonly folder: DataFolder;
  readonly config: Config;
  readonly crypto: Crypto & StreamVerifier;
  readonly clock: WallClock;
  readonly trust: RemoteTrust;
  readonly onEvent: EventSink;
  /** Of this process; made when absent. */
  readonly nodeId?: string | undefined;
}

/** Failure `storage-unreadable` when the quarantine cannot be had. */
export function openRemoteFiles(options: RemoteFilesOptions): Relay {
  const { folder, config, crypto, clock, trust } = options;
  const nodeId =
    options.nodeId ?? hopNodeId((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));
  makeEmptyFolder(folder.quarantineFolder);
  const quarantine = openQuarantine({ folder: folder.quarantineFolder });
  const status = reportRemotes({
    file: folder.remotesFile,
    clock,
    read: () => ({ servers: transport.health(), quarantineBytes: quarantine.bytes }),
    onEvent: options.onEvent,
  });
  const onEvent: EventSink = (event) => {
    status.count(event);
    options.onEvent(event);
  };
  const transport = createRemoteTransport({ nodeId, from: sourceAddresses(config), onEvent });
  const relay = createRelay({ transport, quarantine, crypto, opener: fileOpener, clock, onEvent, trust });
  return {
    fetch: (cluster, name, ask) => relay.fetch(cluster, name, ask),
    search: (device, ask, among) => relay.search(device, ask, among),
    setRemotes(remotes) {
      relay.setRemotes(remotes);
      status.changed(remotes.length > 0);
    },
    forget: (cluster) => relay.forget(cluster),
    close() {
      status.close();
      relay.close();
    },
  };
}

/** The one address of a family that TFTP listens on; with several, or all, the system chooses. */
export function sourceAddresses({ tftp }: Pick<Config, 'tftp'>): {
  readonly v4: string | undefined;
  readonly v6: string | undefined;
} {
  const addresses = [...new Set(tftp.listen.map(({ address }) => address))];
  const only = (own: readonly string[]): string | undefined => {
    const [first, ...others] = own;
    return others.length > 0 || first === '0.0.0.0' || first === '::' ? undefined : first;
  };
  return {
    v4: only(addresses.filter((address) => !isIPv6(address))),
    v6: only(addresses.filter((address) => isIPv6(address))),
  };
}
