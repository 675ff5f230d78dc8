/** Strangers decide how much noise there is: only so many events a second are told, counters count all. */
import { noiseEventsPerSecondMax } from '../base/limits.ts';

export class NoiseGate {
  #second = 0;
  #count = 0;

  /** May one more event be told now? */
  admits(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    return this.#count++ < noiseEventsPerSecondMax;
  }
}
