/** A relay with real sockets and a real quarantine in front of foreign remotes, for one test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Event } from '../../src/base/events.ts';
import type { RemoteCluster, RemoteServer } from '../../src/core/cluster/remote.ts';
import type { Quarantine, RemoteAsk, RemotePhone, RemoteTransport } from '../../src/core/ports.ts';
import type { TvsAnswer } from '../../src/core/trust/judge.ts';
import { fileOpener } from '../../src/files/open-file.ts';
import { openQuarantine, type QuarantineBounds } from '../../src/files/remote/quarantine.ts';
import { createRelay, type Relay } from '../../src/files/remote/relay.ts';
import { createRemoteTransport } from '../../src/net/remote/transport.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { now } from './trust-builder.ts';

export interface RelayWorld {
  readonly relay: Relay;
  readonly transport: RemoteTransport;
  readonly quarantine: Quarantine;
  readonly events: Event[];
  /** How often the relay asked for newer lists of a cluster. */
  readonly refreshes: string[];
}

export interface WorldOptions {
  readonly remotes: readonly RemoteCluster[];
  /** What phones of each cluster hold; may change between calls. */
  readonly phones?: (cluster: string) => readonly RemotePhone[];
  readonly onRefresh?: (cluster: string) => void;
  readonly tvs?: TvsAnswer;
  readonly bounds?: QuarantineBounds;
  readonly budgetMs?: number;
}

export function relayWorld(options: WorldOptions): RelayWorld {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-relay-'));
  const events: Event[] = [];
  const refreshes: string[] = [];
  const onEvent = (event: Event): void => void events.push(event);
  const quarantine = openQuarantine({ folder, ...(options.bounds && { bounds: options.bounds }) });
  const transport = createRemoteTransport({
    nodeId: '00112233445566ff',
    from: { v4: undefined, v6: undefined },
    onEvent,
  });
  const relay = createRelay({
    transport,
    quarantine,
    crypto: createVerifier(),
    opener: fileOpener,
    clock: { nowMs: () => now * 1000 },
    onEvent,
    trust: {
      phonesOf: async (cluster) => options.phones?.(cluster) ?? [],
      refresh: async (cluster) => {
        refreshes.push(cluster);
        options.onRefresh?.(cluster);
      },
      askTvs: async () => options.tvs ?? { kind: 'unreachable' },
    },
    ...(options.budgetMs !== undefined && { budgetMs: options.budgetMs }),
  });
  relay.setRemotes(options.remotes);
  onTestFinished(() => {
    relay.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { relay, transport, quarantine, events, refreshes };
}

export function remoteCluster(
  id: string,
  servers: readonly RemoteServer[],
  more: Partial<RemoteCluster> = {},
): RemoteCluster {
  return {
    id,
    servers,
    secure: true,
    pin: { fingerprint: '00'.repeat(32), pinnedMs: 0 },
    common: 'auto',
    verify: undefined,
    asks: [],
    addedMs: 0,
    ...more,
  };
}

export function asker(address = '10.1.2.3', known = true): RemoteAsk {
  return { address, device: undefined, known };
}
