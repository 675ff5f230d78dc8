/**
 * The health of one address of a remote cluster over one transport: a circuit that opens (security.md §4, "remote
 * dead: ≤ 800 ms on at most 2 requests per 30 s, then 0 ms"). Time comes in as an argument.
 *
 * - An address that answered last time is asked without a limit of ours here.
 * - Since its last answer at most remoteFailuresMax requests may be unanswered or still open: who comes then is sent on.
 * - With that many unanswered the circuit is open for remoteRestMs; then one request at a time may try.
 * - Any answer closes it: a "not found", a lie and an error are words too. Only silence is failure.
 */
import { remoteFailuresMax, remoteRestMs } from '../../base/limits.ts';

export type HealthState = 'unproven' | 'well' | 'doubtful' | 'resting';

export class AddressHealth {
  #answered = false;
  #failures = 0;
  #underWay = 0;
  #restUntilMs = 0;

  /** Whether the address may be asked now; if so it counts as asked until `answered`, `failed` or `abandoned`. */
  ask(nowMs: number): boolean {
    if (!this.mayAsk(nowMs)) return false;
    this.#underWay++;
    return true;
  }

  mayAsk(nowMs: number): boolean {
    if (this.#answered && this.#failures === 0) return true;
    if (this.#failures < remoteFailuresMax) return this.#failures + this.#underWay < remoteFailuresMax;
    return nowMs >= this.#restUntilMs && this.#underWay === 0;
  }

  answered(): void {
    this.#underWay--;
    this.#answered = true;
    this.#failures = 0;
  }

  failed(nowMs: number): void {
    this.#underWay--;
    this.#failures++;
    if (this.#failures >= remoteFailuresMax) this.#restUntilMs = nowMs + remoteRestMs;
  }

  /** We gave up before it could be judged: another address answered, or the server stops. */
  abandoned(): void {
    this.#underWay--;
  }

  state(nowMs: number): HealthState {
    if (this.#failures >= remoteFailuresMax) return nowMs < this.#restUntilMs ? 'resting' : 'doubtful';
    if (this.#failures > 0) return 'doubtful';
    return this.#answered ? 'well' : 'unproven';
  }
}
