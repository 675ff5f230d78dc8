/**
 * The trust lists of remote clusters: fetched from each server as its phones would, judged against pin and predecessors,
 * kept with the evidence about our signer, and told to the relay as what phones there believe.
 */
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf } from '../app/cluster-view.ts';
import { remoteRefreshMinMs, tvsWordsKeptMs, trustListBytesMax } from '../base/limits.ts';
import { toHex } from '../base/text.ts';
import type { EventSink } from '../base/events.ts';
import { hopNodeId } from '../core/cluster/hop.ts';
import type { Evidence } from '../core/cluster/evidence.ts';
import {
  judgeProbe,
  listName,
  wordOfTvs,
  wordsOfLists,
  type FetchedList,
  type PerKind,
} from '../core/cluster/probe.ts';
import type { ServerProbe } from '../core/cluster/server-probe.ts';
import { isProbeDue, trustChangedMs } from '../core/cluster/probe-due.ts';
import { serverKey, type ProbedServer, type RemoteList } from '../core/cluster/remote-store.ts';
import type { ClusterId, RemoteCluster, RemoteServer } from '../core/cluster/remote.ts';
import type { CertificateFacts, FileSink, RemotePhone, RemoteTrust } from '../core/ports.ts';
import type { TrustListKind } from '../core/cluster/model.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';
import { Recent } from '../core/tftp/recent.ts';
import { querySigner } from '../net/query-signer.ts';
import { createRemoteTransport } from '../net/remote/transport.ts';
import type { OpenNode } from './open-node.ts';

export interface RemoteLists extends RemoteTrust {
  /** All servers of a cluster, now; what was found is in the database. */
  probe(remote: RemoteCluster): Promise<readonly ServerProbe[]>;
  /** The same without a memory: what was accepted before counts not, and nothing is kept. */
  look(remote: RemoteCluster): Promise<readonly ServerProbe[]>;
  /** Servers of pinned clusters of which something new may be heard (core/cluster/probe-due.ts). */
  probeDue(): Promise<void>;
  /** Our file signer: what evidence is about. */
  signer(): Promise<CertificateFacts>;
  close(): void;
}

export interface RemoteListsOptions {
  readonly node: Pick<OpenNode, 'store' | 'crypto' | 'clock'>;
  /** Of this process, so that a loop back to it is known; made when absent. */
  readonly nodeId?: string;
  readonly onEvent: EventSink;
}

export function createRemoteLists(options: RemoteListsOptions): RemoteLists {
  return new Lists(options);
}

/** As phones call themselves; no phone has this address. */
const probeDevice = 'SEP000000000000';

class Lists implements RemoteLists {
  readonly #options: RemoteListsOptions;
  readonly #nodeId: string;
  readonly #tvsWords = new Recent<{ readonly answer: TvsAnswer; readonly untilMs: number }>(1_024);
  readonly #refreshes = new Map<ClusterId, { readonly atMs: number; readonly done: Promise<unknown> }>();
  readonly #closers = new Set<() => void>();

  constructor(options: RemoteListsOptions) {
    this.#options = options;
    this.#nodeId =
      options.nodeId ?? hopNodeId((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));
  }

  async signer(): Promise<CertificateFacts> {
    const { store, crypto } = this.#options.node;
    const input = trustInputOf(await readClusterView(store, crypto));
    return inUse(input, 'callmanager', input.thisNode);
  }

  /** Ours first, then those of the other nodes: one node asks for all. */
  async #signers(): Promise<Signers> {
    const { store, crypto } = this.#options.node;
    const view = await readClusterView(store, crypto);
    const input = trustInputOf(view);
    const others = view.nodes.filter(({ name }) => name !== input.thisNode);
    return [
      inUse(input, 'callmanager', input.thisNode),
      ...others.map(({ name }) => inUse(input, 'callmanager', name)),
    ];
  }

  async probe(remote: RemoteCluster): Promise<readonly ServerProbe[]> {
    const signers = await this.#signers();
    const { store } = this.#options.node;
    const [lists, probes] = [await store.listRemoteLists(), await store.listProbes()];
    return Promise.all(
      remote.servers.map((server) => {
        const key = serverKey(server.tftp);
        const isOwn = (row: { readonly cluster: ClusterId; readonly server: string }): boolean =>
          row.cluster === remote.id && row.server === key;
        return this.#probeServer(remote, server, signers, lists.filter(isOwn), probes.find(isOwn));
      }),
    );
  }

  async look(remote: RemoteCluster): Promise<readonly ServerProbe[]> {
    const signers = await this.#signers();
    const forgotten = { ...remote, pin: undefined };
    return Promise.all(
      remote.servers.map((server) => this.#probeServer(forgotten, server, signers, [], undefined)),
    );
  }

  async probeDue(): Promise<void> {
    const { store, clock } = this.#options.node;
    const remotes = await store.listRemotes();
    if (remotes.every(({ pin }) => pin === undefined)) return;
    const changedMs = trustChangedMs(await store.listCertificates(), await store.currentLists());
    const signers = (await this.#signers()).map(({ fingerprint }) => fingerprint);
    const probes = await store.listProbes();
    for (const remote of remotes)
      if (isProbeDue(remote, probes, { signers, changedMs, nowMs: clock.nowMs() }))
        await this.refresh(remote.id);
  }

  async phonesOf(cluster: ClusterId): Promise<readonly RemotePhone[]> {
    const lists = (await this.#options.node.store.listRemoteLists()).filter(
      (list) => list.cluster === cluster,
    );
    return [...new Set(lists.map(({ server }) => server))].map((server) => {
      const held = knownOf(lists.filter((list) => list.server === server));
      return { server, trust: { ctl: held.ctl, itl: held.itl } };
    });
  }

  async refresh(cluster: ClusterId): Promise<void> {
    const nowMs = performance.now();
    const last = this.#refreshes.get(cluster);
    if (last !== undefined && nowMs - last.atMs < remoteRefreshMinMs) return void (await last.done);
    const remote = (await this.#options.node.store.listRemotes()).find(({ id }) => id === cluster);
    if (remote?.pin === undefined) return;
    const done = this.probe(remote);
    this.#refreshes.set(cluster, { atMs: nowMs, done });
    await done;
  }

  async askTvs(cluster: ClusterId, issuer: string, serial: Uint8Array): Promise<TvsAnswer> {
    const key = `${cluster}\n${issuer}\n${toHex(serial)}`;
    const nowMs = performance.now();
    const kept = this.#tvsWords.get(key);
    if (kept !== undefined && kept.untilMs > nowMs) return kept.answer;
    const remote = (await this.#options.node.store.listRemotes()).find(({ id }) => id === cluster);
    let answer: TvsAnswer = { kind: 'unreachable' };
    for (const { tvs } of remote?.servers ?? []) {
      answer = await askServer(tvs, { subject: issuer, issuer, serial });
      if (answer.kind !== 'unreachable') break;
    }
    this.#tvsWords.set(key, { answer, untilMs: nowMs + tvsWordsKeptMs });
    return answer;
  }

  close(): void {
    for (const close of this.#closers) close();
  }

  async #probeServer(
    remote: RemoteCluster,
    server: RemoteServer,
    signers: Signers,
    lists: readonly RemoteList[],
    before: ProbedServer | undefined,
  ): Promise<ServerProbe> {
    const { store, crypto, clock } = this.#options.node;
    const key = serverKey(server.tftp);
    const atMs = clock.nowMs();
    const fetched = await this.#fetchLists(server);
    const judged = judgeProbe(crypto, {
      fetched,
      known: knownOf(lists),
      pin: remote.pin?.fingerprint,
      nowSeconds: Math.floor(atMs / 1000),
    });
    const frozen = before?.frozen ?? judged.frozen;
    const accepted = frozen === undefined ? judged.accepted : undefined;
    const evidence: Evidence[] = [];
    for (const signer of signers) {
      if (accepted === undefined) break;
      evidence.push({
        cluster: remote.id,
        server: key,
        signer: signer.fingerprint,
        seenMs: atMs,
        ...wordsOfLists(crypto, accepted, signer),
        tvs:
          accepted.itl === undefined
            ? 'unknown'
            : wordOfTvs(crypto, accepted, signer, await askServer(server.tvs, signer)),
      });
    }
    if (frozen !== undefined && before?.frozen === undefined)
      this.#options.onEvent({
        type: 'warning',
        topic: 'remote lists',
        message: `${remote.id} at ${key} is frozen: ${frozen}`,
      });
    // A server that was not reached is no news: what is known of it grows old by itself.
    if (remote.pin !== undefined && judged.unreadable === undefined)
      await store.saveProbe({
        cluster: remote.id,
        server: key,
        atMs,
        frozen,
        evidence,
        lists: accepted && this.#rows(remote.id, key, accepted, atMs),
      });
    return { ...judged, accepted, frozen, server: key, evidence: evidence[0] };
  }

  #rows(
    cluster: ClusterId,
    server: string,
    accepted: PerKind<Uint8Array | undefined>,
    seenMs: number,
  ): RemoteList[] {
    const { crypto } = this.#options.node;
    return (['itl', 'ctl'] as const).flatMap((kind) => {
      const bytes = accepted[kind];
      return bytes === undefined
        ? []
        : [{ cluster, server, kind, bytes, sha256: toHex(crypto.digest('sha256', bytes)), seenMs }];
    });
  }

  /** By the same wire as files of phones, with our mark: a peer of ours answers with what is its own. */
  async #fetchLists(server: RemoteServer): Promise<PerKind<FetchedList>> {
    const transport = createRemoteTransport({
      nodeId: this.#nodeId,
      from: { v4: undefined, v6: undefined },
      onEvent: () => undefined,
    });
    const close = (): void => transport.close();
    this.#closers.add(close);
    try {
      transport.setRemotes([{ ...soleServer, servers: [server] }]);
      const fetch = async (kind: TrustListKind): Promise<FetchedList> => {
        const sink = new ListSink();
        const { word } = await transport.ask(soleServer.id, {
          name: listName(kind),
          sink,
          sizeBytesMax: trustListBytesMax,
          timeoutMs: listTimeoutMs,
        });
        if (word.kind === 'whole') return { kind: 'bytes', bytes: sink.bytes(word.sizeBytes) };
        return word.kind === 'not-found' ? { kind: 'absent' } : { kind: 'unknown', reason: word.reason };
      };
      return { itl: await fetch('itl'), ctl: await fetch('ctl') };
    } finally {
      close();
      this.#closers.delete(close);
    }
  }
}

type Signers = readonly [CertificateFacts, ...CertificateFacts[]];

const listTimeoutMs = 10_000;

const soleServer: RemoteCluster = {
  id: 'probed',
  servers: [],
  secure: true,
  pin: undefined,
  common: 'auto',
  verify: undefined,
  asks: [],
  addedMs: 0,
};

/** A list in memory: at most trustListBytesMax, which the transport holds the server to. */
class ListSink implements FileSink {
  readonly #bytes = new Uint8Array(trustListBytesMax);

  announce(): undefined {
    return undefined;
  }

  write(bytes: Uint8Array, offset: number): undefined {
    this.#bytes.set(bytes, offset);
    return undefined;
  }

  bytes(size: number): Uint8Array {
    return this.#bytes.slice(0, size);
  }
}

function knownOf(lists: readonly RemoteList[]): PerKind<Uint8Array | undefined> {
  const find = (wanted: TrustListKind): Uint8Array | undefined =>
    lists.find(({ kind }) => kind === wanted)?.bytes;
  return { itl: find('itl'), ctl: find('ctl') };
}

async function askServer(
  { address: host, port }: RemoteServer['tvs'],
  { subject, issuer, serial }: Pick<CertificateFacts, 'subject' | 'issuer' | 'serial'>,
): Promise<TvsAnswer> {
  const { answer } = await querySigner({ host, port, device: probeDevice }, { subject, issuer, serial });
  return answer;
}
