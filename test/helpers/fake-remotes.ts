/** Remote clusters in memory behind the `RemoteFiles` port: what they have, who is silent, what they were asked. */
import type { ClusterId, RemoteAnswer, RemoteClaims, RemoteCluster } from '../../src/core/cluster/remote.ts';
import type { RemoteAsk, RemoteFiles } from '../../src/core/ports.ts';

export interface FakeCluster {
  readonly files: Map<string, Uint8Array>;
  silent: boolean;
  /** Holds an answer back after it was decided on. */
  pause?: (name: string) => Promise<void> | undefined;
}

export function remoteCluster(id: ClusterId, change: Partial<RemoteCluster> = {}): RemoteCluster {
  const address = `192.0.2.${id.charCodeAt(0)}`;
  return {
    id,
    servers: [{ tftp: { address, port: 69 }, http: { address, port: 6970 }, tvs: { address, port: 2445 } }],
    secure: true,
    pin: undefined,
    common: 'auto',
    verify: undefined,
    asks: [],
    addedMs: 0,
    ...change,
  };
}

export class FakeRemotes implements RemoteFiles {
  readonly clusters: ReadonlyMap<ClusterId, FakeCluster>;
  readonly asked: string[] = [];

  constructor(ids: readonly ClusterId[]) {
    this.clusters = new Map(ids.map((id) => [id, { files: new Map<string, Uint8Array>(), silent: false }]));
  }

  of(id: ClusterId): FakeCluster {
    const cluster = this.clusters.get(id);
    if (cluster === undefined) throw new Error(`no cluster ${id}`);
    return cluster;
  }

  setRemotes(): void {
    this.asked.push('set');
  }

  async fetch(id: ClusterId, name: string, _ask: RemoteAsk): Promise<RemoteAnswer> {
    this.asked.push(`${id} ${name}`);
    await Promise.resolve();
    const { silent, files, pause } = this.of(id);
    if (silent) return { kind: 'unreachable', reason: 'silent' };
    const server = { address: `192.0.2.${id.charCodeAt(0)}`, port: 69 };
    const bytes = files.get(name);
    await pause?.(name);
    if (bytes === undefined) return { kind: 'not-found', server };
    return { kind: 'have', content: { kind: 'memory', bytes }, server, judgement: undefined };
  }

  async search(device: string, _ask: RemoteAsk, among?: readonly ClusterId[]): Promise<RemoteClaims> {
    this.asked.push(`search ${device} ${(among ?? [...this.clusters.keys()]).join(',')}`);
    await Promise.resolve();
    const claims = (among ?? [...this.clusters.keys()]).map((id) => {
      const { silent, files } = this.of(id);
      const has = files.has(`${device}.cnf.xml.sgn`) || files.has(`${device}.cnf.xml`);
      return [id, silent ? 'silent' : has ? 'have' : 'not-found'] as const;
    });
    return { claims: new Map(claims), finished: true };
  }
}
