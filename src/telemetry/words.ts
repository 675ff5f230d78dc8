/**
 * One event as a severity and words. Whatever came from outside is escaped here (base/text.ts), once for every format:
 * no name, address or reason can begin a line, end one, or move a terminal's cursor.
 */
import type { Event } from '../base/events.ts';
import { printable } from '../base/text.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Most severe first. */
export const logLevels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export function severityOf(event: Event): LogLevel {
  if (event.type === 'file-not-served') return severityOfMiss(event);
  if (event.type === 'database') return event.state === 'away' ? 'error' : 'info';
  if (event.type === 'certificate-expiry') return event.daysLeft < 0 ? 'error' : 'warn';
  return severities[event.type] ?? 'info';
}

/** The event's own fields, text escaped and numbers of milliseconds cut to what a clock can tell. */
export function fieldsOf(event: Event): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(event)) fields[key] = shown(value);
  return fields;
}

/** One line without the time: what happened first, the rest as `key=value`. */
export function sentenceOf(event: Event): string {
  const { type, ...facts } = fieldsOf(event);
  const words = Object.entries(facts).map(([key, value]) => `${key}=${quoted(value)}`);
  return [type, ...words].join(' ');
}

const severities: Partial<Record<Event['type'], LogLevel>> = {
  'packet-malformed': 'debug',
  'tvs-rejected': 'debug',
  'unknown-signer': 'warn',
  'secret-in-clear': 'warn',
  'link-failed': 'error',
  'names-guessed': 'warn',
  'relay-refused': 'warn',
  'relay-answered': 'debug',
  'relay-lint': 'debug',
  'remote-health': 'warn',
  'passed-on': 'warn',
  warning: 'warn',
  'write-refused': 'warn',
};

/** Phones ask for lists of their own that mostly do not exist: noise, marked by who met it (domain.md §3). */
function severityOfMiss(event: Extract<Event, { type: 'file-not-served' }>): LogLevel {
  if (event.quiet) return 'debug';
  return event.outcome === 'busy' || event.outcome === 'not-allowed' ? 'warn' : 'info';
}

function shown(value: unknown): unknown {
  // Most text is a plain word; to know that costs a third of escaping it.
  if (typeof value === 'string') return plainWord.test(value) ? value : printable(value);
  return typeof value === 'number' && !Number.isInteger(value) ? Math.round(value * 1000) / 1000 : value;
}

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return plainWord.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

const plainWord = /^[\w./:@+-]+$/;
