/**
 * The homes of devices that were asked for, by name (design.md §3). Bounded: names that nobody has are kept apart,
 * so that who guesses names cannot push out who has a home.
 */
import { homesRememberedMax, nowhereNamesMax } from '../../base/limits.ts';
import { Recent } from '../tftp/recent.ts';
import type { RememberedHome, SettledHome } from './home.ts';

export class HomeMemory {
  readonly #homes = new Recent<RememberedHome>(homesRememberedMax);
  readonly #nowhere = new Recent<RememberedHome>(nowhereNamesMax);

  get(device: string): RememberedHome | undefined {
    const home = this.#homes.get(device);
    const nowhere = this.#nowhere.get(device);
    if (home === undefined || nowhere === undefined) return home ?? nowhere;
    return nowhere.confirmedMs > home.confirmedMs ? nowhere : home;
  }

  set(device: string, home: SettledHome, confirmedMs: number): void {
    (home.kind === 'nowhere' ? this.#nowhere : this.#homes).set(device, { home, confirmedMs });
  }
}
