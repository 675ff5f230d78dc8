/**
 * The wire to remote clusters: the 1–3 servers of each in order, those first that answered last time, until one gives
 * a definite word. A server whose circuits are open costs nothing (core/cluster/health.ts).
 */
import type { EventSink } from '../../base/events.ts';
import type { AddressHealth, HealthState } from '../../core/cluster/health.ts';
import { serverKey } from '../../core/cluster/remote-store.ts';
import type { ClusterId, RemoteCluster, RemoteEndpoint, RemoteServer } from '../../core/cluster/remote.ts';
import type { RemoteTransport, RemoteWord } from '../../core/ports.ts';
import { askServer, isDefinite, KnownServer, type Asking } from './ask-server.ts';

export interface TransportOptions extends Omit<Asking, 'signal'> {
  readonly onEvent: EventSink;
}

export function createRemoteTransport(options: TransportOptions): RemoteTransport {
  const closing = new AbortController();
  const asking: Asking = { nodeId: options.nodeId, from: options.from, signal: closing.signal };
  let clusters = new Map<ClusterId, readonly KnownServer[]>();

  const askOne = async (
    cluster: ClusterId,
    known: KnownServer,
    question: Parameters<RemoteTransport['ask']>[1],
  ) => {
    const before = stateOf(known);
    const word = await askServer(known, { ...question, ...asking });
    const after = stateOf(known);
    if (before !== after && (before === 'resting' || after === 'resting'))
      options.onEvent({
        type: 'remote-health',
        cluster,
        server: serverKey(known.server.tftp),
        state: after === 'resting' ? 'silent' : 'answers',
      });
    return word;
  };

  return {
    async ask(cluster, question) {
      let best: { readonly word: RemoteWord; readonly server: RemoteEndpoint } | undefined;
      for (const known of byHealth(clusters.get(cluster) ?? [])) {
        const { tftp: server } = known.server;
        const word = await askOne(cluster, known, question);
        if (isDefinite(word)) return { word, server };
        if (best === undefined || best.word.kind === 'silent') best = { word, server };
        if (closing.signal.aborted) break;
      }
      return best ?? { word: { kind: 'silent', reason: 'no such cluster' }, server: nowhere };
    },
    mayAsk: (cluster) => (clusters.get(cluster) ?? []).some((known) => known.mayAsk(performance.now())),
    setRemotes(remotes) {
      const before = clusters;
      clusters = new Map(
        remotes.map((remote) => [remote.id, knownServers(remote, before.get(remote.id) ?? [])]),
      );
    },
    health() {
      const nowMs = performance.now();
      return [...clusters].flatMap(([cluster, servers]) =>
        servers.map(({ server, http, tftp }) => ({
          cluster,
          server: serverKey(server.tftp),
          http: server.http === undefined ? ('none' as const) : http.state(nowMs),
          tftp: tftp.state(nowMs),
        })),
      );
    },
    close: () => closing.abort(),
  };
}

const nowhere: RemoteEndpoint = { address: '0.0.0.0', port: 0 };

/** What was learnt of a server outlives a change of anything else. */
function knownServers(remote: RemoteCluster, before: readonly KnownServer[]): readonly KnownServer[] {
  return remote.servers.map(
    (server) => before.find((known) => sameServer(known.server, server)) ?? new KnownServer(server),
  );
}

function sameServer(a: RemoteServer, b: RemoteServer): boolean {
  const places = ({ tftp, http }: RemoteServer): string =>
    [tftp, ...(http ? [http] : [])].map(serverKey).join(' ');
  return places(a) === places(b);
}

const order: readonly HealthState[] = ['well', 'unproven', 'doubtful', 'resting'];

function byHealth(servers: readonly KnownServer[]): readonly KnownServer[] {
  return servers.toSorted((a, b) => order.indexOf(stateOf(a)) - order.indexOf(stateOf(b)));
}

/** The better one of its transports. */
function stateOf({ server, http, tftp }: KnownServer): HealthState {
  const nowMs = performance.now();
  const states = (server.http === undefined ? [tftp] : [http, tftp]).map((one: AddressHealth) =>
    one.state(nowMs),
  );
  return order.find((state) => states.includes(state)) ?? 'unproven';
}
