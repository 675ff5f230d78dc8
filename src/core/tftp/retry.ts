/**
 * When to send again: the round trip of one transfer, measured (RFC 6298), with Karn's rule.
 *
 * - Before the first measurement the timeout is retransmitInitialMs.
 * - A measurement counts only if nothing of what it measures was sent twice (Karn); the caller keeps that.
 * - Each expiry doubles the timeout up to retransmitMaxMs; only a new measurement takes the doubling back,
 *   so a path slower than the timeout is measured at last instead of being flooded.
 * - A timeout agreed by option (RFC 2349) replaces all of this.
 * - Without progress for transferIdleMs the transfer ends.
 */
import { retransmitInitialMs, retransmitMaxMs, retransmitMinMs, transferIdleMs } from '../../base/limits.ts';

export class RetryClock {
  /** Smoothed round trip, ms; 0: not measured. */
  srttMs = 0;
  rtoMs: number;
  #varianceMs = 0;
  #progressMs: number;
  readonly #agreed: boolean;

  constructor(nowMs: number, agreedTimeoutMs?: number) {
    this.#progressMs = nowMs;
    this.#agreed = agreedTimeoutMs !== undefined;
    this.rtoMs = agreedTimeoutMs ?? retransmitInitialMs;
  }

  /** A round trip of something that was sent once. RFC 6298 §2. */
  measured(roundTripMs: number): void {
    if (this.srttMs === 0) {
      this.srttMs = Math.max(roundTripMs, 0.001);
      this.#varianceMs = roundTripMs / 2;
    } else {
      this.#varianceMs += (Math.abs(this.srttMs - roundTripMs) - this.#varianceMs) / 4;
      this.srttMs += (roundTripMs - this.srttMs) / 8;
    }
    if (this.#agreed) return;
    const rto = this.srttMs + 4 * this.#varianceMs;
    this.rtoMs = Math.min(Math.max(rto, retransmitMinMs), retransmitMaxMs);
  }

  expired(): void {
    if (!this.#agreed) this.rtoMs = Math.min(this.rtoMs * 2, retransmitMaxMs);
  }

  progressed(nowMs: number): void {
    this.#progressMs = nowMs;
  }

  /** When the transfer ends if nothing more happens. */
  get givesUpMs(): number {
    return this.#progressMs + transferIdleMs;
  }
}
