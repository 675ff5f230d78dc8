/**
 * The edge as a process of its own: started by edge-supervisor.ts, told its settings through the pipe, asks the back
 * through the pipe, ends when the pipe does. It is the process that the network reaches.
 */
import { assert } from '../base/assert.ts';
import type { EventSink } from '../base/events.ts';
import { Failure } from '../base/errors.ts';
import type { FileRequest, Resolution } from '../core/files/resolution.ts';
import type { Resolver } from '../core/ports.ts';
import { createLineBuffer } from '../telemetry/line-buffer.ts';
import { createLog } from '../telemetry/log.ts';
import { type BackToEdge, type EdgeToBack, resolvesInFlightMax } from './edge-pipe.ts';
import { createHandshakeBundler } from './handshakes.ts';
import { createHeardBundler, type HeardBundler } from './heard.ts';
import { startEdge, type Edge, type EdgeSettings } from './edge.ts';

const waiting = new Map<number, (resolution: Resolution) => void>();
let lastId = 0;
let edge: Edge | undefined;
let write: ((line: string) => void) | undefined;
let log: EventSink | undefined;
let heard: HeardBundler | undefined;
const handshakes = createHandshakeBundler((seen) => tell({ type: 'handshakes', seen }));

/** Above what the back takes at once the asker comes back: silence on TFTP, 503 on HTTP. */
const resolver: Resolver = {
  resolve(request: FileRequest): Promise<Resolution> {
    if (waiting.size >= resolvesInFlightMax)
      return Promise.resolve({ kind: 'retry', reason: 'too many requests wait for the back', trace: [] });
    lastId += 1;
    const id = lastId;
    return new Promise((answered) => {
      waiting.set(id, answered);
      tell({ type: 'resolve', id, request });
    });
  },
};

process.on('message', (message: BackToEdge) => {
  switch (message.type) {
    case 'start':
      void start(message.settings);
      break;
    case 'resolution': {
      const answered = waiting.get(message.id);
      waiting.delete(message.id);
      answered?.(message.resolution);
      break;
    }
    case 'reconfigure':
      log = createLog({ ...message.config.log, write });
      edge?.reconfigure(message.config);
      break;
    case 'changed':
      edge?.changed(message);
      break;
    case 'count':
      edge?.count(message.event);
      break;
    case 'stop':
      void stop();
      break;
  }
});
// Without a back nothing can be answered; a new pair is the supervisor's business.
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole group: the back ends the edge when its own work is done.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('SIGHUP', () => undefined);

async function start(settings: EdgeSettings): Promise<void> {
  assert(edge === undefined, 'an edge is started once');
  write = createLineBuffer(process[settings.logTo]);
  log = createLog({ ...settings.config.log, write });
  const bundler = createHeardBundler((told) => tell({ type: 'heard', heard: told }));
  heard = bundler;
  const onEvent: EventSink = (event) => {
    log?.(event);
    bundler.sink(event);
  };
  try {
    edge = await startEdge({ ...settings, resolver, onEvent, onHandshake: handshakes.sink });
    tell({ type: 'started', listening: edge.listening });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell({ type: 'failed', code: error.code, message: error.message, hint: error.hint });
  }
}

async function stop(): Promise<void> {
  await edge?.close();
  heard?.close();
  handshakes.close();
  tell({ type: 'stopped' });
  process.disconnect();
}

function tell(message: EdgeToBack): void {
  process.send?.(message);
}
