/**
 * All that origin remembers between requests: homes by name, devices by source address, homes of uuid names. It outlives
 * the chain, which is made anew with every change of the database.
 */
import { uuidNamesRememberedMax } from '../../base/limits.ts';
import { Recent } from '../tftp/recent.ts';
import { HomeMemory } from './home-memory.ts';
import type { Home, RememberedHome, SettledHome } from './home.ts';
import type { DeviceHome } from './remote-store.ts';
import { SourceMemory } from './source-memory.ts';

export class OriginMemory {
  readonly homes = new HomeMemory();
  readonly sources = new SourceMemory();
  readonly uuids = new Recent<Home>(uuidNamesRememberedMax);
  #unsaved = new Map<string, DeviceHome>();

  /** `learnt` is to be kept over a restart; what is read from the database is not. */
  remember(device: string, home: SettledHome, confirmedMs: number, learnt: boolean): void {
    const before = this.homes.get(device);
    this.homes.set(device, home, confirmedMs);
    if (!learnt || home.kind !== 'remote') return;
    if (!isSame(before, home) || confirmedMs - before.confirmedMs > savedAgainMs || this.#unsaved.has(device))
      this.#unsaved.set(device, { device, home, confirmedMs });
  }

  takeUnsaved(): readonly DeviceHome[] {
    const unsaved = [...this.#unsaved.values()];
    this.#unsaved = new Map();
    return unsaved;
  }
}

/** A confirmation is written again after this long: a restart makes a home older by no more. */
const savedAgainMs = 5 * 60 * 1000;

function isSame(before: RememberedHome | undefined, home: SettledHome): before is RememberedHome {
  return before?.home.kind === 'remote' && home.kind === 'remote' && before.home.cluster === home.cluster;
}
