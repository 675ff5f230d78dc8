/**
 * All that origin remembers between requests: homes by name, devices by source address, homes of uuid names. It outlives
 * the chain, which is made anew with every change of the database.
 */
import { configGoneMs, configsGivenMax, uuidNamesRememberedMax } from '../../base/limits.ts';
import { Recent } from '../tftp/recent.ts';
import { HomeMemory } from './home-memory.ts';
import type { Home, RememberedHome, SettledHome } from './home.ts';
import type { DeviceHome } from './remote-store.ts';
import type { ClusterId } from './remote.ts';
import { SourceMemory } from './source-memory.ts';

export class OriginMemory {
  readonly homes = new HomeMemory();
  readonly sources = new SourceMemory();
  readonly uuids = new Recent<Home>(uuidNamesRememberedMax);
  readonly #configs = new Recent<GivenConfig>(configsGivenMax);
  #unsaved = new Map<string, DeviceHome>();

  /** A home gave this configuration, by its name as asked. */
  configGiven(name: string, cluster: ClusterId): void {
    const known = this.#configs.get(name);
    if (known?.cluster !== cluster || known.goneMs !== undefined)
      this.#configs.set(name, { cluster, goneMs: undefined });
  }

  /**
   * The home that gave it says not-found, and still has the device under another name. A cluster that is deleting a device
   * says so for a moment; true until it has said so for configGoneMs.
   */
  isConfigGoing(name: string, cluster: ClusterId, nowMs: number): boolean {
    const known = this.#configs.get(name);
    if (known?.cluster !== cluster) return false;
    if (known.goneMs === undefined) this.#configs.set(name, { cluster, goneMs: nowMs });
    return nowMs - (known.goneMs ?? nowMs) < configGoneMs;
  }

  /** `learnt` is to be kept over a restart; what is read from the database is not. */
  remember(device: string, home: SettledHome, confirmedMs: number, learnt: boolean): void {
    const before = this.homes.get(device);
    this.homes.set(device, home, confirmedMs);
    if (!learnt || home.kind !== 'remote') return;
    if (!isSame(before, home) || confirmedMs - before.confirmedMs > savedAgainMs || this.#unsaved.has(device))
      this.#unsaved.set(device, { device, home, confirmedMs });
  }

  /** The database says so. What was learnt here and does not stand there yet is newer. */
  told(device: string, home: SettledHome, confirmedMs: number): void {
    if (!this.#unsaved.has(device)) this.homes.set(device, home, confirmedMs);
  }

  takeUnsaved(): readonly DeviceHome[] {
    const unsaved = [...this.#unsaved.values()];
    this.#unsaved = new Map();
    return unsaved;
  }
}

interface GivenConfig {
  readonly cluster: ClusterId;
  readonly goneMs: number | undefined;
}

/** A confirmation is written again after this long: a restart makes a home older by no more. */
const savedAgainMs = 5 * 60 * 1000;

function isSame(before: RememberedHome | undefined, home: SettledHome): before is RememberedHome {
  return before !== undefined && sameHome(before.home, home);
}

export function sameHome(one: SettledHome, other: SettledHome): boolean {
  if (one.kind !== 'remote' || other.kind !== 'remote') return one.kind === other.kind;
  return one.cluster === other.cluster;
}
