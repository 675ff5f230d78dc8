/**
 * Joins the lines of one turn of the event loop into one write: at thousands of requests a second a system call per
 * line would cost more than the requests. Lines wait for the end of the turn at most, and are written at exit.
 */
import type { Writable } from 'node:stream';

export function createLineBuffer(stream: Writable): (line: string) => void {
  let waiting: string[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const text = waiting.join('');
    waiting = [];
    stream.write(text);
  };
  process.once('exit', flush);
  return (line) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(line);
  };
}
