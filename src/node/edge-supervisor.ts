/**
 * Starts the edge process, answers its questions, and keeps it running.
 * Everything that comes through the pipe is read by edge-pipe.ts first; an edge that breaks the protocol is ended.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Failure, isErrorCode } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Resolver } from '../core/ports.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import { type BackToEdge, readEdgeMessage, resolvesInFlightMax } from './edge-pipe.ts';
import type { HandedSocket } from '../net/handed-sockets.ts';
import { keepRunning, type Launched } from './keep-running.ts';
import type { Edge, EdgeSettings, ListeningAt } from './edge.ts';
import type { Heard } from './heard.ts';

export interface SupervisorOptions {
  /** Forked ahead, so that it loads its modules while the back opens its database; it was given the same sockets. */
  readonly first: ChildProcess;
  readonly settings: EdgeSettings;
  readonly resolver: Resolver;
  readonly onEvent: EventSink;
  readonly onHeard: (heard: Heard) => void;
  readonly onHandshakes?: ((seen: readonly SeenHandshake[]) => void) | undefined;
  /** An edge ended without a word. */
  readonly onLost: () => void;
  /** Of this process; little of it reaches the edge. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The same as startEdge, in another process. Failure when the first edge cannot listen. */
export async function superviseEdge(options: SupervisorOptions): Promise<Edge> {
  let { settings } = options;
  const edge = await keepRunning({
    name: 'the edge',
    first: attachEdge(options.first, handedOver(options)),
    launch: () =>
      attachEdge(forkEdge(settings.sockets, options.environment), handedOver({ ...options, settings })),
    onEnd: options.onLost,
    warn: (message) => options.onEvent({ type: 'warning', topic: 'edge', message }),
  });
  return {
    listening: edge.listening,
    changed({ renewing }) {
      settings = { ...settings, renewing };
      edge.current().tell({ type: 'changed', renewing });
    },
    count: (event) => edge.current().tell({ type: 'count', event }),
    reconfigure(config) {
      settings = { ...settings, config };
      edge.current().tell({ type: 'reconfigure', config });
    },
    close: () => edge.stop((last) => last.tell({ type: 'stop' })),
  };
}

export interface RunningEdge extends Launched {
  tell(message: BackToEdge): void;
}

/** Speaks with the edge that runs in `child`, whoever wrote it. */
export function attachEdge(
  child: ChildProcess,
  {
    settings,
    resolver,
    onEvent,
    onHeard,
    onHandshakes,
  }: Omit<SupervisorOptions, 'environment' | 'first' | 'onLost'>,
): RunningEdge {
  const tell = (message: BackToEdge): void => {
    // The channel may close between the check and the call; the edge's end is noticed elsewhere.
    if (child.connected) child.send(message, () => undefined);
  };
  const ended = new Promise<string>((done) => {
    child.once('exit', (code, signal) => done(signal ?? `status ${code}`));
  });
  const started = new Promise<readonly ListeningAt[]>((resolve, reject) => {
    let inFlight = 0;
    child.on('message', (raw) => {
      const message = readEdgeMessage(raw);
      if (message === undefined || inFlight > resolvesInFlightMax) {
        onEvent({ type: 'warning', topic: 'edge', message: 'the edge broke the protocol and is ended' });
        child.kill('SIGKILL');
        return;
      }
      if (message.type === 'started') resolve(message.listening);
      else if (message.type === 'failed') {
        const code = isErrorCode(message.code) ? message.code : 'unreachable';
        reject(new Failure(code, message.message, { hint: message.hint }));
        child.kill('SIGKILL');
      } else if (message.type === 'heard') onHeard(message.heard);
      else if (message.type === 'handshakes') onHandshakes?.(message.seen);
      else if (message.type === 'resolve') {
        inFlight += 1;
        const { id } = message;
        resolver.resolve(message.request).then(
          (resolution) => {
            inFlight -= 1;
            // The trace is for `explain`; it may name folders and stays here.
            tell({ type: 'resolution', id, resolution: { ...resolution, trace: [] } });
          },
          (error: unknown) => {
            inFlight -= 1;
            const message = error instanceof Error ? error.message : String(error);
            onEvent({ type: 'warning', topic: 'back', message });
            tell({ type: 'resolution', id, resolution: { kind: 'retry', reason: 'failed', trace: [] } });
          },
        );
      }
    });
    void ended.then((how) => reject(new Failure('unreachable', `the edge process ended: ${how}`)));
  });
  tell({ type: 'start', settings });
  return { started, ended, tell };
}

/** With an environment that holds nothing of ours: what the edge needs to know comes through the pipe. */
export function forkEdge(
  sockets: readonly HandedSocket[] | undefined,
  { PATH, TZ, LANG, NO_COLOR }: Readonly<Record<string, string | undefined>>,
): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const entry = fileURLToPath(new URL(`./edge-process${extension}`, import.meta.url));
  return fork(entry, [], {
    serialization: 'advanced',
    env: { PATH, TZ, LANG, NO_COLOR },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(sockets ?? []).map(({ fd }) => fd)],
  });
}

/** Descriptors have the numbers of their places in `stdio` there. */
function handedOver(options: SupervisorOptions): SupervisorOptions {
  const { settings } = options;
  const sockets = settings.sockets?.map((socket, index) => ({ ...socket, fd: firstHandedFd + index }));
  return { ...options, settings: { ...settings, sockets } };
}

const firstHandedFd = 4;
