/**
 * `remotes.json` in the data folder: how the remote clusters do, for `status`, written while something changes and
 * gone when the server ends. It may be lost at any time; nothing is decided by it.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { remoteStatusEveryMs } from '../base/limits.ts';
import type { Event, EventSink } from '../base/events.ts';
import type { ClusterId } from '../core/cluster/remote.ts';
import type { ServerHealth, WallClock } from '../core/ports.ts';

export interface RefusedFile {
  readonly atMs: number;
  readonly server: string;
  readonly name: string;
  readonly code: string;
  readonly reason: string;
  readonly blocked: boolean;
}

export interface RemoteCounts {
  /** Answers of the cluster's servers, by what they were. */
  readonly have: number;
  readonly notFound: number;
  readonly failed: number;
  /** Files that a phone would refuse: not passed on, and passed on because nothing is enforced. */
  readonly blocked: number;
  readonly refusedAndPassed: number;
  /** Requests that were told to come back, because a limit of ours was reached or a large file is on its way. */
  readonly busy: number;
  readonly lastRefused: RefusedFile | null;
}

export interface RemoteStatus {
  readonly atMs: number;
  readonly servers: readonly ServerHealth[];
  readonly quarantineBytes: number;
  readonly clusters: Readonly<Record<ClusterId, RemoteCounts>>;
}

export interface RemoteReporter {
  count(event: Event): void;
  /** Remotes were added or removed; without any there is nothing to tell. */
  changed(any: boolean): void;
  close(): void;
}

export interface RemoteReporterOptions {
  readonly file: string;
  readonly clock: WallClock;
  readonly read: () => Pick<RemoteStatus, 'servers' | 'quarantineBytes'>;
  readonly onEvent: EventSink;
}

const nothing: RemoteCounts = {
  have: 0,
  notFound: 0,
  failed: 0,
  blocked: 0,
  refusedAndPassed: 0,
  busy: 0,
  lastRefused: null,
};

export function reportRemotes({ file, clock, read, onEvent }: RemoteReporterOptions): RemoteReporter {
  const clusters = new Map<ClusterId, RemoteCounts>();
  let timer: NodeJS.Timeout | undefined;
  let failed = false;
  const write = (): void => {
    timer = undefined;
    const status: RemoteStatus = { atMs: clock.nowMs(), ...read(), clusters: Object.fromEntries(clusters) };
    try {
      writeFileSync(`${file}.new`, `${JSON.stringify(status)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
      failed = false;
    } catch (error) {
      if (!failed)
        onEvent({ type: 'warning', topic: 'remotes', message: `cannot write ${file}: ${String(error)}` });
      failed = true;
    }
  };
  const soon = (): void => void (timer ??= setTimeout(write, remoteStatusEveryMs).unref());
  return {
    count(event) {
      if (event.type === 'remote-health') soon();
      if (event.type !== 'relay-answered' && event.type !== 'relay-refused') return;
      clusters.set(event.cluster, counted(clusters.get(event.cluster) ?? nothing, event, clock.nowMs()));
      soon();
    },
    changed(any) {
      if (any) soon();
      else rmSync(file, { force: true });
    },
    close() {
      clearTimeout(timer);
      rmSync(file, { force: true });
    },
  };
}

function counted(
  counts: RemoteCounts,
  event: Extract<Event, { type: 'relay-answered' | 'relay-refused' }>,
  atMs: number,
): RemoteCounts {
  if (event.type === 'relay-refused') {
    const { server, name, code, reason, blocked } = event;
    return {
      ...counts,
      blocked: counts.blocked + (blocked ? 1 : 0),
      refusedAndPassed: counts.refusedAndPassed + (blocked ? 0 : 1),
      lastRefused: { atMs, server, name, code, reason, blocked },
    };
  }
  switch (event.outcome) {
    case 'have':
      return { ...counts, have: counts.have + 1 };
    case 'not-found':
      return { ...counts, notFound: counts.notFound + 1 };
    case 'busy':
      return { ...counts, busy: counts.busy + 1 };
    case 'lied':
    case 'silent':
    case 'no-room':
      return { ...counts, failed: counts.failed + 1 };
  }
}

/** What the running server wrote last; `undefined` without one, or before it asked anybody. */
export function readRemoteStatus(file: string): RemoteStatus | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RemoteStatus;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
