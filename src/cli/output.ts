/**
 * The terminal's manners, stated once: data on stdout, talk on stderr in the form `tftp-pki: error: …`;
 * colour only on a terminal and without NO_COLOR; a reader that went away (EPIPE) is no error;
 * text from outside is made printable before it reaches a terminal.
 */
import { styleText } from 'node:util';
import type { Writable } from 'node:stream';
import type { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';

/** What a process offers; main.ts passes the real one. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Used only by commands that run until they are stopped: a signal that nobody listens to ends the process. */
  onSignal(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): void;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

export class Output {
  readonly json: boolean;
  readonly #terminal: Terminal;
  readonly #closed = new Set<Writable>();
  #broken: Error | undefined;

  constructor(terminal: Terminal, json: boolean) {
    this.json = json;
    this.#terminal = terminal;
    for (const stream of [terminal.stdout, terminal.stderr])
      stream.on('error', (error: NodeJS.ErrnoException) => {
        this.#closed.add(stream);
        if (error.code !== 'EPIPE') this.#broken ??= error;
      });
  }

  get stdoutIsTerminal(): boolean {
    return this.#terminal.stdout.isTTY === true;
  }

  /** One line of data, or several. */
  line(text = ''): void {
    this.#write(this.#terminal.stdout, `${text}\n`);
  }

  bytes(bytes: Uint8Array): void {
    this.#write(this.#terminal.stdout, bytes);
  }

  /** The whole answer of a command under `--json`. */
  object(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  /** One of many: a value per line. */
  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** Columns as wide as their widest cell; the last one is free. No frame: it can be cut and pasted. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = head.map((cell, column) =>
      Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
    );
    const format = (row: readonly string[]): string =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd();
    this.line(this.style('bold', format(head)));
    for (const row of rows) this.line(format(row));
  }

  error(message: string): void {
    this.#talk('red', 'error', message);
  }

  /** An expected failure: what went wrong, line by line, and the next step where one is known. */
  failure({ message, hint }: Failure): void {
    for (const line of message.split('\n')) this.error(shown(line));
    if (hint !== undefined) this.hint(shown(hint));
  }

  warn(message: string): void {
    this.#talk('yellow', 'warning', message);
  }

  hint(message: string): void {
    this.#talk('dim', 'hint', message);
  }

  note(message: string): void {
    this.#write(this.#terminal.stderr, `tftp-pki: ${message}\n`);
  }

  /** Styles text that goes to stdout. */
  style(style: Style, text: string): string {
    return this.#paint(this.#terminal.stdout, style, text);
  }

  /** Resolves when everything written has left the process; rejects when it could not (a full disk behind `>`). */
  async flush(): Promise<void> {
    for (const stream of [this.#terminal.stdout, this.#terminal.stderr])
      if (!this.#closed.has(stream) && stream.writable)
        await new Promise<void>((resolve) => {
          stream.write('', () => resolve());
        });
    if (this.#broken !== undefined) throw this.#broken;
  }

  #talk(style: Style, word: string, message: string): void {
    const { stderr } = this.#terminal;
    this.#write(stderr, `tftp-pki: ${this.#paint(stderr, style, `${word}:`)} ${message}\n`);
  }

  #paint(stream: Writable & { readonly isTTY?: boolean }, style: Style, text: string): string {
    const { NO_COLOR: noColour, TERM: term } = this.#terminal.env;
    // https://no-color.org: present and not empty.
    const plain =
      stream.isTTY !== true || (noColour !== undefined && noColour !== '') || term === 'dumb' || text === '';
    return plain ? text : styleText(style, text, { validateStream: false });
  }

  #write(stream: Writable, data: string | Uint8Array): void {
    if (!this.#closed.has(stream)) stream.write(data);
  }
}

/** Printable, once: messages may hold names that were escaped where they came in. */
function shown(text: string): string {
  return printable(text).replaceAll('\\\\', '\\');
}
