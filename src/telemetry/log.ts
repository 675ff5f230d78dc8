/**
 * The log: one line per event, JSON by pino or words for people. Lines are written to standard error unless told
 * otherwise; standard output belongs to the data of commands.
 */
import { pino } from 'pino';
import type { Event, EventSink } from '../base/events.ts';
import { createLineBuffer } from './line-buffer.ts';
import { fieldsOf, logLevels, sentenceOf, severityOf } from './words.ts';
import type { LogLevel } from './words.ts';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'human' | 'json';
  /** Takes whole lines with their line feed. Default: standard error. */
  readonly write?: ((line: string) => void) | undefined;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs?: (() => number) | undefined;
}

export function createLog(options: LogOptions): EventSink {
  const wanted = new Set(logLevels.slice(0, logLevels.indexOf(options.level) + 1));
  const write = options.write ?? createLineBuffer(process.stderr);
  const nowMs = options.nowMs ?? (() => Date.now());
  const time = isoTime(nowMs);
  const line = options.format === 'json' ? jsonLine(write, time) : humanLine(write, time);
  return (event) => {
    const level = severityOf(event);
    if (wanted.has(level)) line(level, event);
  };
}

type WriteEvent = (level: LogLevel, event: Event) => void;

function jsonLine(write: (line: string) => void, time: () => string): WriteEvent {
  const log = pino(
    {
      level: 'debug',
      base: null,
      timestamp: () => `,"time":"${time()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return (level, event) => log[level](fieldsOf(event));
}

function humanLine(write: (line: string) => void, time: () => string): WriteEvent {
  return (level, event) => {
    write(`${time()} ${level.padEnd(5)} ${sentenceOf(event)}\n`);
  };
}

/** Many events share a millisecond; its text is made once. */
function isoTime(nowMs: () => number): () => string {
  let [known, text] = [Number.NaN, ''];
  return () => {
    const now = nowMs();
    if (now !== known) [known, text] = [now, new Date(now).toISOString()];
    return text;
  };
}
