/**
 * Joins the lines of one turn of the event loop into one write: at thousands of requests a second a system call per
 * line would cost more than the requests. Lines wait for the end of the turn at most, and are written at exit.
 * When nobody reads the stream any more the lines are lost and nothing else: phones are served without a log.
 */
import type { Writable } from 'node:stream';

export function createLineBuffer(stream: Writable): (line: string) => void {
  let waiting: string[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const text = waiting.join('');
    waiting = [];
    if (stream.writable) stream.write(text);
  };
  // EPIPE of a reader that went away, ENOSPC of a file: without a listener it would end the process.
  stream.on('error', () => undefined);
  process.once('exit', flush);
  return (line) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(line);
  };
}
