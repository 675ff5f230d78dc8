/**
 * `serve`: sockets bound, privileges given away, back and edge joined and running. With `--root` there is no node
 * behind it: files as they are, no database, no signature, one process.
 */
import type { ChildProcess } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { readClusterView, thisNodeOf, trustInputOf } from '../app/cluster-view.ts';
import { Failure } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { GivenSetting } from '../config/source.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import type { TvsAsker } from '../core/tvs/asker.ts';
import { activatedSockets, closeSockets, openSockets, type HandedSocket } from '../net/handed-sockets.ts';
import { openDataFolder, type DataFolder } from '../store/data-folder.ts';
import { createLineBuffer } from '../telemetry/line-buffer.ts';
import { createLog } from '../telemetry/log.ts';
import { startBack } from './back.ts';
import { startBeliefWatch, type ServedMoment } from './belief-watch.ts';
import {
  startEdge,
  wantedSockets,
  type Edge,
  type EdgeIdentity,
  type ListeningAt,
  type LogStream,
} from './edge.ts';
import { forkEdge, superviseEdge } from './edge-supervisor.ts';
import { watchDatabase } from './database-watch.ts';
import { watchExpiry } from './expiry-watch.ts';
import { openServingNode, type NodeOptions, type OpenNode } from './open-node.ts';
import { becomeUser, refuseRootOnNetwork } from './privileges.ts';
import type { RemoteSide } from './remote-side.ts';
import { startRemotes } from './start-remotes.ts';
import type { Heard } from './heard.ts';
import { removeRunFile, writeRunFile } from './run-file.ts';
import { superviseTvs, type SupervisedTvs } from './tvs-supervisor.ts';

export interface ServeOptions {
  /** The node's folder; undefined for `serve --root`. */
  readonly node: NodeOptions | undefined;
  /** Who the process becomes when its sockets are bound. */
  readonly user?: string | undefined;
  /** What the command line says; wins over environment and file. */
  readonly settings: readonly GivenSetting[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the lines of both processes go. */
  readonly logTo: LogStream;
}

export interface RunningNode {
  readonly listening: readonly ListeningAt[];
  /** A configuration that is wrong is a Failure, and the old one stays in force. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

export async function serve(options: ServeOptions): Promise<RunningNode> {
  const folder = options.node && openDataFolder(options.node.dataDir);
  const readConfig = (): Config => {
    const { settings, environment } = options;
    return loadConfig({ file: folder?.configFile, environment, options: settings });
  };
  const config = readConfig();
  const sockets = bindSockets(options, config);
  const closeOurs = (): void => closeSockets(sockets ?? []);
  // In one process the engines close them.
  const opened: Opened = options.node ? [closeOurs] : [];
  try {
    if (options.user !== undefined) becomeUser(options.user);
    const firstEdge = options.node && forkEdge(sockets, options.environment);
    if (firstEdge) opened.push(() => void firstEdge.kill('SIGKILL'));
    const node = options.node && (await openServingNode(options.node));
    if (node) opened.push(() => node.close());
    const { environment, logTo } = options;
    return await join({ node, firstEdge, folder, config, sockets, readConfig, environment, logTo, opened });
  } catch (error) {
    await closeAll(opened);
    if (!options.node) closeOurs();
    throw error;
  }
}

/** How to end what was begun, in the order it was begun. */
type Opened = (() => void | Promise<void> | undefined)[];

/** The last first: nothing loses what it stands on. */
async function closeAll(opened: Opened): Promise<void> {
  for (const close of opened.splice(0).toReversed()) await close();
}

/** Undefined: the edge binds for itself, where nothing has to happen between binding and serving. */
function bindSockets(
  { node, user, environment }: ServeOptions,
  config: Config,
): readonly HandedSocket[] | undefined {
  const activated = activatedSockets(environment, process.pid);
  const services = new Set(activated.map(({ service }) => service));
  const wanted = wantedSockets(config).filter(({ service }) => !services.has(service));
  if (wanted.length + activated.length === 0)
    throw new Failure('config-invalid', 'no address is configured to listen on', {
      hint: 'serve --tftp 127.0.0.1:6969, or set tftp.listen.',
    });
  refuseRootOnNetwork([...activated, ...wanted, ...config.tvs.listen, ...config.tvs.legacyListen], user);
  if (node === undefined && user === undefined && activated.length === 0) return undefined;
  const opened = openSockets(wanted);
  if (opened.ok) return [...activated, ...opened.value];
  if (user === undefined) return undefined;
  throw new Failure('refused', `--user cannot be had here: ${opened.error}`, {
    hint: 'Start the server as that user, with CAP_NET_BIND_SERVICE for port 69.',
  });
}

interface Parts {
  readonly node: OpenNode | undefined;
  /** Where there is a node there is an edge beside it. */
  readonly firstEdge: ChildProcess | undefined;
  readonly folder: DataFolder | undefined;
  readonly config: Config;
  readonly sockets: readonly HandedSocket[] | undefined;
  readonly readConfig: () => Config;
  readonly environment: ServeOptions['environment'];
  readonly logTo: LogStream;
  readonly opened: Opened;
}

async function join(parts: Parts): Promise<RunningNode> {
  const { node, firstEdge, folder, config, sockets, logTo, environment, opened } = parts;
  const write = createLineBuffer(process[logTo]);
  let log: EventSink = createLog({ ...config.log, write });
  const onEvent: EventSink = (event) => log(event);
  let edge: Edge | undefined;
  let tvs: SupervisedTvs | undefined;
  const runsTvs = config.tvs.listen.length + config.tvs.legacyListen.length > 0;
  const beliefs = node && (await startBeliefWatch(node, onEvent, { runsTvs }));
  if (beliefs) opened.push(() => beliefs.close());
  const onServing =
    beliefs &&
    (async (moment: ServedMoment): Promise<void> => {
      await beliefs.serving(moment);
      node.subscription?.serving(moment.version);
    });
  const onChange = (): void => {
    edge?.changed(back);
    tvs?.refresh();
  };
  const remote =
    node &&
    startRemotes({
      node,
      config,
      onEvent(event) {
        onEvent(event);
        edge?.count(event);
      },
      beliefsAccept: (device, signer) => beliefs?.accepts(device, signer) ?? 'unknown',
    });
  if (remote) opened.push(() => remote.close());
  if (node?.subscription)
    opened.push(watchDatabase(node.subscription, onEvent, (event) => edge?.count(event)));
  const back = await startBack({ node, remote, config, onEvent, onServing, onChange });
  opened.push(() => back.close());
  const onHandshakes = (seen: readonly SeenHandshake[]): void => beliefs?.shookHands(seen);
  const onVouched = (askers: readonly TvsAsker[]): void => beliefs?.vouched(askers);
  tvs = node && (await superviseTvs({ node, config, logTo, onEvent, onHandshakes, onVouched, environment }));
  opened.push(() => tvs?.close());
  const identity = node && (await readIdentity(node, config, sockets));
  const settings = { config, sockets, logTo, identity, renewing: back.renewing };
  // Without keys there is nothing to keep from the edge: one process.
  const running = firstEdge
    ? await superviseEdge({
        first: firstEdge,
        settings,
        resolver: back,
        onEvent,
        environment,
        onHeard(heard) {
          beliefs?.heard(heard);
          if (remote) tellDeliveries(remote, heard);
        },
        onHandshakes,
        onLost: () => beliefs?.lost(),
      })
    : await startEdge({ ...settings, resolver: back, onEvent });
  edge = running;
  // What changed while it started.
  edge.changed(back);
  opened.push(() => running.close());
  if (node) opened.push(await watchExpiry(node, onEvent));
  const told = folder && reportRun(folder);
  return {
    listening: [...running.listening, ...(tvs?.listening ?? [])],
    async reload() {
      try {
        const next = parts.readConfig();
        warnOfRestart(config, next, onEvent);
        await back.reconfigure(next);
        running.reconfigure(next);
        tvs?.reconfigure(next);
        log = createLog({ ...next.log, write });
        told?.reloaded(null);
      } catch (error) {
        told?.reloaded(error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
    async close() {
      await closeAll(opened);
      if (folder) removeRunFile(folder);
    },
  };
}

/** Who is behind an address is known by what reached it whole. */
function tellDeliveries(remote: RemoteSide, { seen }: Heard): void {
  for (const { kind, name, address, transport, proved } of seen)
    if (kind === 'delivered')
      remote.delivered(
        name,
        address,
        transport !== 'tftp' ? 'tcp' : proved ? 'transfer-port' : 'single-port',
      );
}

function reportRun(folder: DataFolder): { reloaded(problem: string | null): void } {
  const run = { pid: process.pid, startedMs: Date.now() };
  let reloads = 0;
  writeRunFile(folder, { ...run, reloads, problem: null });
  return {
    reloaded(problem) {
      reloads += 1;
      writeRunFile(folder, { ...run, reloads, problem });
    },
  };
}

/** Sockets and engines stay: what is about them waits for the next start, and says so. */
function warnOfRestart(running: Config, next: Config, onEvent: EventSink): void {
  const fixed = ({ tftp, http, https, tvs, metrics }: Config) => ({
    'tftp.listen': tftp.listen,
    'tftp.ports': tftp.ports,
    'tftp.proofPorts': tftp.proofPorts,
    'tftp.engine': tftp.engine,
    'tftp.dscp': tftp.dscp,
    'http.listen': http.listen,
    'https.listen': https,
    tvs,
    'metrics.listen': metrics.listen,
  });
  const after = fixed(next);
  const changed = Object.entries(fixed(running)).filter(
    ([name, value]) => !isDeepStrictEqual(value, after[name as keyof typeof after]),
  );
  if (changed.length === 0) return;
  const message = `changed, in force after the next start: ${changed.map(([name]) => name).join(', ')}`;
  onEvent({ type: 'warning', topic: 'reload', message });
}

/** The key of 6971 leaves the back only when something listens there. */
async function readIdentity(
  node: OpenNode,
  config: Config,
  sockets: readonly HandedSocket[] | undefined,
): Promise<EdgeIdentity | undefined> {
  const speaksTls = (sockets ?? wantedSockets(config)).some(({ service }) => service.startsWith('https'));
  if (!speaksTls) return undefined;
  const view = await readClusterView(node.store, node.crypto);
  const certificate = inUse(trustInputOf(view), 'tftp-ec', thisNodeOf(view).name);
  return node.openTlsIdentity(certificate);
}
