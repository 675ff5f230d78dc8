/**
 * Starts the TVS process, tells it what the database says, and keeps it running. The database is read here, one version
 * at a time, with the one key it needs; while it cannot be read the TVS answers from what it was told last.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readClusterView, thisNodeOf, trustInputOf } from '../app/cluster-view.ts';
import { Failure, isErrorCode } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import { tvsRefreshAgainMs } from '../base/limits-tvs.ts';
import type { Config } from '../config/schema.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import type { UnknownSigner } from '../core/tvs/unknown-signers.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { anybodyAsked, type TvsAsker } from '../core/tvs/asker.ts';
import type { TvsIdentity, TvsListen } from '../net/tvs-server.ts';
import type { ListeningAt, LogStream } from './edge.ts';
import { keepRunning, type Launched } from './keep-running.ts';
import type { OpenNode } from './open-node.ts';
import { relieveOrphan, writeTvsFile } from './tvs-file.ts';
import { createTvsReportShare } from './tvs-reports.ts';
import { readTvsMessage, type BackToTvs } from './tvs-pipe.ts';
import type { TvsMoment } from './tvs.ts';

export interface TvsSupervisorOptions {
  readonly node: OpenNode;
  readonly config: Config;
  readonly logTo: LogStream;
  readonly onEvent: EventSink;
  readonly onHandshakes: (seen: readonly SeenHandshake[]) => void;
  /** Whom it vouched to for signers of files. */
  readonly onVouched: (askers: readonly TvsAsker[]) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface SupervisedTvs {
  readonly listening: readonly ListeningAt[];
  /** The database may have changed. */
  refresh(): void;
  reconfigure(config: Config): void;
  close(): Promise<void>;
}

/** Undefined where the configuration wants none. Failure when it cannot listen or has no certificate. */
export async function superviseTvs(options: TvsSupervisorOptions): Promise<SupervisedTvs | undefined> {
  const { node, config, logTo, onEvent, onVouched } = options;
  // A port that the kernel chose is kept: the next process is found where the first one was.
  let listen: readonly TvsListen[] = [
    ...config.tvs.listen.map((address) => ({ ...address, legacy: false })),
    ...config.tvs.legacyListen.map((address) => ({ ...address, legacy: true })),
  ];
  if (listen.length === 0) return undefined;
  const warn = (message: string): void => onEvent({ type: 'warning', topic: 'tvs', message });
  const moments = createMoments(node);
  let moment = await moments.read();
  let log = config.log;
  await relieveOrphan(node.folder);
  const share = createTvsReportShare(node, warn);
  const onUnknownSigners = (pid: number, unknownSigners: readonly UnknownSigner[]): void => {
    writeTvsFile(node.folder, { pid, unknownSigners });
    share.add(unknownSigners);
  };
  const launch = (): RunningTvs => {
    const child = forkTvs(options.environment);
    onUnknownSigners(child.pid ?? 0, []);
    const running = attachTvs(child, { ...options, warn, onUnknownSigners });
    const settings = { moment, listen, metrics: config.tvs.metricsListen };
    running.tell({ type: 'start', settings, log, logTo });
    return running;
  };
  const kept = await keepRunning({
    name: 'the TVS',
    first: launch(),
    launch,
    // It may have answered somebody and not told.
    onEnd: () => onVouched([anybodyAsked]),
    warn,
  });
  const bound = kept.listening.filter(({ service }) => service === 'tvs');
  listen = listen.map((wanted, index) => ({ ...wanted, port: bound[index]?.port ?? wanted.port }));

  let reading = false;
  let again: NodeJS.Timeout | undefined;
  const refresh = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    clearTimeout(again);
    try {
      const next = await moments.read();
      if (next === moment) return;
      moment = next;
      kept.current().tell({ type: 'moment', moment });
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
      again = setTimeout(() => void refresh(), tvsRefreshAgainMs);
    } finally {
      reading = false;
    }
  };
  return {
    listening: kept.listening,
    refresh: () => void refresh(),
    reconfigure(next) {
      ({ log } = next);
      kept.current().tell({ type: 'reconfigure', log });
    },
    async close() {
      clearTimeout(again);
      share.close();
      await kept.stop((last) => last.tell({ type: 'stop' }));
    },
  };
}

/** One value per version of the database; the key is opened again only for another certificate. */
function createMoments(node: OpenNode): { read(): Promise<TvsMoment> } {
  let version: number | undefined;
  let moment: TvsMoment | undefined;
  let identity: { readonly fingerprint: string; readonly pem: TvsIdentity } | undefined;
  return {
    async read() {
      for (;;) {
        const seen = await node.store.version();
        if (moment !== undefined && seen === version) return moment;
        const view = await readClusterView(node.store, node.crypto);
        const rows = await node.store.listCertificates();
        const thisNode = thisNodeOf(view).name;
        const certificate = inUse(trustInputOf(view), 'tvs', thisNode);
        if (identity?.fingerprint !== certificate.fingerprint)
          identity = {
            fingerprint: certificate.fingerprint,
            pem: await node.openTlsIdentity(certificate),
          };
        // Somebody changed it while it was read: again.
        if ((await node.store.version()) !== seen) continue;
        version = seen;
        return (moment = { rows, thisNode, identity: identity.pem });
      }
    },
  };
}

interface RunningTvs extends Launched {
  tell(message: BackToTvs): void;
}

interface TvsListener extends Pick<TvsSupervisorOptions, 'onHandshakes' | 'onVouched'> {
  readonly warn: (message: string) => void;
  readonly onUnknownSigners: (pid: number, unknownSigners: readonly UnknownSigner[]) => void;
}

function attachTvs(
  child: ChildProcess,
  { onHandshakes, onUnknownSigners, onVouched, warn }: TvsListener,
): RunningTvs {
  const tell = (message: BackToTvs): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  const ended = new Promise<string>((done) => {
    child.once('exit', (code, signal) => done(signal ?? `status ${code}`));
  });
  const started = new Promise<readonly ListeningAt[]>((resolve, reject) => {
    child.on('message', (raw) => {
      const message = readTvsMessage(raw);
      if (message === undefined) {
        warn('the TVS broke the protocol and is ended');
        child.kill('SIGKILL');
      } else if (message.type === 'started') resolve(message.listening);
      else if (message.type === 'failed') {
        const code = isErrorCode(message.code) ? message.code : 'unreachable';
        reject(new Failure(code, message.message, { hint: message.hint }));
        child.kill('SIGKILL');
      } else if (message.type === 'handshakes') onHandshakes(message.seen);
      else if (message.type === 'vouched') onVouched(message.askers);
      else {
        try {
          onUnknownSigners(child.pid ?? 0, message.devices);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          warn(error.message);
        }
      }
    });
    void ended.then((how) => reject(new Failure('unreachable', `the TVS process ended: ${how}`)));
  });
  return { started, ended, tell };
}

/** With an environment that holds nothing of ours: no folder, no passphrase. */
function forkTvs({ PATH, TZ, LANG, NO_COLOR }: TvsSupervisorOptions['environment']): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const entry = fileURLToPath(new URL(`./tvs-process${extension}`, import.meta.url));
  return fork(entry, [], {
    serialization: 'advanced',
    env: { PATH, TZ, LANG, NO_COLOR },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}
