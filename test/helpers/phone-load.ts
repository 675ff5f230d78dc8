/** Phones that remember their lists and boot all the time from served nodes, with a tally of whatever they did not like. */
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../src/base/errors.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer, FileVerdict } from '../../src/core/phone/phone.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import type { ServedNode } from './served-node.ts';

const crypto = createVerifier();

export interface Tally {
  boots: number;
  /** Transfers that a node which runs did not answer, files that were refused, boots without a configuration. */
  readonly bad: string[];
}

/** A slow machine is no fault of the server: only what gets no answer for so long has failed. */
const answerMs = 15_000;

export async function ask(
  server: ServedNode,
  name: string,
  timeoutMs: number = answerMs,
): Promise<FetchAnswer> {
  try {
    const bytes = await fetchTftp({
      host: '127.0.0.1',
      port: server.port('tftp'),
      name,
      sizeBytesMax: 1_000_000,
      timeoutMs,
    });
    return { kind: 'bytes', bytes };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.code === 'not-found' ? { kind: 'not-found' } : { kind: 'failed', reason: error.message };
  }
}

export class PhoneLoad {
  /** Nodes that do not run: phones still have them in their lists, and go on to the next one. */
  readonly away = new Set<ServedNode>();
  readonly #names: readonly string[];
  readonly #states = new Map<string, PhoneState>();

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Asks the servers of its list in their order until one answers, as a phone with several addresses of option 150. */
  async boot(name: string, list: readonly ServedNode[], tally: Tally): Promise<void> {
    const verdicts: FileVerdict[] = [];
    // It stays with the one that answers.
    const left = [...list];
    const result = await bootPhone({
      crypto,
      state: this.#states.get(name) ?? newPhone(name),
      fetch: async (file) => {
        for (;;) {
          const [server] = left;
          if (server === undefined) return { kind: 'failed', reason: 'nobody answers' };
          const answer = await ask(server, file, this.away.has(server) ? awayMs : answerMs);
          if (answer.kind !== 'failed') return answer;
          // One that was stopped meanwhile is away by now.
          if (!this.away.has(server)) tally.bad.push(`${name} asked for ${file}: ${answer.reason}`);
          left.shift();
        }
      },
      nowSeconds: () => Math.floor(Date.now() / 1000),
      report: (verdict) => verdicts.push(verdict),
    });
    this.#states.set(name, result.state);
    tally.boots += 1;
    if (!result.ok) tally.bad.push(`${name} has no configuration`);
    for (const verdict of verdicts)
      if (verdict.outcome !== 'accepted' && verdict.outcome !== 'not-found')
        tally.bad.push(`${name} ${JSON.stringify(verdict)}`);
  }

  /** Each phone once, all of them at once. */
  async bootAll(list: readonly ServedNode[]): Promise<Tally> {
    const tally: Tally = { boots: 0, bad: [] };
    await Promise.all(this.#names.map((name) => this.boot(name, list, tally)));
    return tally;
  }

  /** All the time, each from another node than before; `servers` may change meanwhile. */
  start(servers: readonly ServedNode[]): { boots(): number; end(): Promise<Tally> } {
    const tally: Tally = { boots: 0, bad: [] };
    const over = new AbortController();
    const readyMs = new Map<string, number>();
    const names = this.#names;
    // Each phone belongs to one line, so that none boots twice at once.
    const linesAtOnce = Math.ceil(names.length / 2);
    const line = async (first: number): Promise<void> => {
      const own = names.filter((_, at) => at % linesAtOnce === first);
      for (let turn = 0; !over.signal.aborted; turn++) {
        const name = own[turn % own.length] ?? '';
        await delay((readyMs.get(name) ?? 0) - performance.now());
        const server = servers[(first + turn + Math.floor(turn / own.length)) % servers.length];
        // The other addresses of its option 150, should this one be away.
        const others = servers.filter((other) => other !== server);
        if (server !== undefined) await this.boot(name, [server, ...others], tally);
        readyMs.set(name, performance.now() + bootAgainMs);
      }
    };
    const lines = Array.from({ length: linesAtOnce }, (_, first) => line(first));
    return {
      boots: () => tally.boots,
      async end() {
        over.abort();
        await Promise.all(lines);
        return tally;
      },
    };
  }
}

/** No phone boots faster; until then what one node served it is served by every node. */
const bootAgainMs = 4_000;
/** A phone gives a silent address up; it need not wait long for one that is known to be silent. */
const awayMs = 2_000;
