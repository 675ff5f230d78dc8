/**
 * The race of the two transports to one server of a remote cluster: HTTP begins, TFTP follows where HTTP is refused or
 * takes its time, and only one of them ever writes (security.md §4: a dead server costs remoteFirstAnswerMs).
 */
import { remoteFirstAnswerMs, remoteTftpAfterMs } from '../../base/limits.ts';

export type Transport = 'http' | 'tftp';

/** Who may write into the sink, and when the second transport begins. */
export class Race {
  /** HTTP has a connection. */
  connected = false;
  readonly #outer: AbortSignal;
  readonly #startedMs = performance.now();
  #holder: Transport | undefined;
  readonly #losers: Record<Transport, AbortController> = {
    http: new AbortController(),
    tftp: new AbortController(),
  };
  #spoken: () => void = () => undefined;
  readonly #httpSpoke = new Promise<void>((resolve) => (this.#spoken = resolve));

  constructor(outer: AbortSignal) {
    this.#outer = outer;
  }

  /** Aborts when the other transport has the transfer. */
  lost(transport: Transport): AbortSignal {
    return this.#losers[transport].signal;
  }

  /** The first word of a transport: true when the transfer is its own, and then the other one is given up. */
  claim(transport: Transport): boolean {
    this.#holder ??= transport;
    if (transport === 'http') this.#spoken();
    if (this.#holder !== transport) return false;
    this.#losers[transport === 'http' ? 'tftp' : 'http'].abort();
    return true;
  }

  /** HTTP had its say and it was no file: TFTP may have the transfer. */
  yieldHttp(): void {
    if (this.#holder !== 'http') return;
    this.#holder = undefined;
    this.#losers.tftp = new AbortController();
  }

  /** What is left of the time in which a server must say something. */
  get firstAnswerLeftMs(): number {
    return Math.max(1, this.#startedMs + remoteFirstAnswerMs - performance.now());
  }

  /** Waits until TFTP has its turn; false when HTTP has a definite word. `http` tells what it ended with. */
  async turnOfTftp(http: Promise<'definite' | 'open'>): Promise<boolean> {
    let word: 'definite' | 'open' | undefined;
    const done = http.then((said) => (word = said));
    await within(remoteTftpAfterMs, done, this.#httpSpoke);
    // A connection on which nothing is said yet is given the time that a first word may take.
    if (word === undefined && this.connected && this.#holder === undefined)
      await within(this.firstAnswerLeftMs, done, this.#httpSpoke);
    if (this.#holder === 'http') await done;
    return word !== 'definite' && !this.#outer.aborted;
  }
}

/** Until one of them settles, or for `ms`. */
async function within(ms: number, ...events: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([...events, late]);
  clearTimeout(timer);
}

/** One timer that is set anew at each step of a transfer. */
export class Deadline {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.set(ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  set(ms: number): void {
    clearTimeout(this.#timer);
    if (ms <= 0) this.#controller.abort();
    else this.#timer = setTimeout(() => this.#controller.abort(), ms);
  }

  /** Nothing of a transfer that ended goes on. */
  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}
