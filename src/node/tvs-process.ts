/**
 * The TVS as a process of its own: started by tvs-supervisor.ts, told its key and its snapshot through the pipe. It has
 * the TVS key and no other, no database, no passphrase.
 *
 * When its back is killed it goes on answering from its last snapshot, says in `/health` that it does, and ends when a
 * successor asks it to (SIGTERM) or after `tvsOrphanMs`, because by then a certificate may have been retired.
 */
import { assert } from '../base/assert.ts';
import type { EventSink } from '../base/events.ts';
import { Failure } from '../base/errors.ts';
import { tvsAskersTellMs, tvsOrphanMs, tvsReportedDevicesMax, tvsReportMs } from '../base/limits-tvs.ts';
import { createLineBuffer } from '../telemetry/line-buffer.ts';
import { createLog } from '../telemetry/log.ts';
import { createHandshakeBundler } from './handshakes.ts';
import type { BackToTvs, TvsToBack } from './tvs-pipe.ts';
import { startTvs, type Tvs } from './tvs.ts';

let tvs: Tvs | undefined;
let write: ((line: string) => void) | undefined;
let log: EventSink | undefined;
let reports: NodeJS.Timeout | undefined;
let askerReports: NodeJS.Timeout | undefined;
let orphan: NodeJS.Timeout | undefined;
let stopping = false;
const handshakes = createHandshakeBundler((seen) => tell({ type: 'handshakes', seen }));

process.on('message', (message: BackToTvs) => {
  switch (message.type) {
    case 'start':
      void start(message);
      break;
    case 'moment':
      tvs?.update(message.moment);
      break;
    case 'reconfigure':
      log = createLog({ ...message.log, write });
      break;
    case 'stop':
      void stop();
      break;
  }
});
process.on('disconnect', () => {
  if (stopping) return;
  if (tvs === undefined) void stop();
  else outlive(tvs);
});
// Ctrl-C reaches the whole group: the back ends the TVS when its own work is done. Who is left alone is asked by SIGTERM.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => {
  if (!process.connected) void stop();
});
// Whoever read the log may have gone with the back.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

async function start({ settings, log: level, logTo }: BackToTvs & { type: 'start' }): Promise<void> {
  assert(tvs === undefined, 'a TVS is started once');
  write = createLineBuffer(process[logTo]);
  log = createLog({ ...level, write });
  try {
    const running = await startTvs({
      ...settings,
      onEvent: (event) => log?.(event),
      onHandshake: handshakes.sink,
    });
    tvs = running;
    tell({ type: 'started', listening: running.listening });
    let told = 0;
    reports = setInterval(() => {
      const total = running.unknownTotal();
      if (total === told) return;
      told = total;
      tell({
        type: 'unknown-signers',
        devices: running.unknownSigners().slice(-tvsReportedDevicesMax),
      });
    }, tvsReportMs);
    askerReports = setInterval(() => tellAskers(running), tvsAskersTellMs);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell({ type: 'failed', code: error.code, message: error.message, hint: error.hint });
  }
}

function tellAskers(running: Tvs): void {
  for (const askers of running.takeAskers()) tell({ type: 'vouched', askers });
}

/** Whom it vouches to now its successor cannot know, and takes it that anybody may have asked. */
function outlive(running: Tvs): void {
  clearInterval(reports);
  clearInterval(askerReports);
  const message = 'the back has gone: answers come from the last snapshot';
  running.setTrouble(message);
  log?.({ type: 'warning', topic: 'tvs', message });
  orphan = setTimeout(() => void stop(), tvsOrphanMs);
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  clearInterval(reports);
  clearInterval(askerReports);
  clearTimeout(orphan);
  await tvs?.close();
  handshakes.close();
  if (tvs !== undefined) tellAskers(tvs);
  if (process.connected) process.disconnect();
}

function tell(message: TvsToBack): void {
  // The channel may close between the check and the call.
  if (process.connected) process.send?.(message, () => undefined);
}
