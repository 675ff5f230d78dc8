import { Readable, Writable } from 'node:stream';
import type { Terminal } from '../../src/cli/output.ts';
import { refuseSecrets } from './secrets.ts';

/** A stream that keeps what is written to it. */
export class Sink extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    refuseSecrets(chunk);
    done();
  }
}

export interface FakeTerminal extends Terminal {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/** A terminal without a person: for commands run in the test's own process. */
export function fakeTerminal(isTTY = false, env: Terminal['env'] = {}): FakeTerminal {
  return {
    stdin: Readable.from([]),
    stdout: new Sink(isTTY),
    stderr: new Sink(isTTY),
    env,
    onSignal: () => undefined,
  };
}
