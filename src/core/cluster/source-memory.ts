/**
 * Who is behind a source address (design.md §3); it serves only names that carry no device.
 *
 * An address holds a *set* of devices, each with the strongest thing it did: `proved` (HTTP, or ACKs at a random
 * transfer port), `weak` (a transfer at the single port, where a sender can be forged), `asked` (a request, which
 * anybody can forge). An entry only ages out; nothing overwrites or weakens it. Proved beats weak, and `asked` is
 * never a reason to serve: it only says that somebody of another home may be there.
 *
 * What requests alone leave behind is kept apart, so that who forges them pushes out nobody who completed something;
 * where it had to be forgotten early that is said, as `moreAsked`.
 */
import {
  sourceAskedMs,
  sourceDevicesAskedMax,
  sourceDevicesMax,
  sourceRememberedMs,
  sourcesAskedDevicesMax,
  sourcesRememberedMax,
} from '../../base/limits.ts';
import { Recent } from '../tftp/recent.ts';

export type Proof = 'proved' | 'weak' | 'asked';

export interface Candidate {
  readonly device: string;
  readonly proof: Proof;
}

/** How a delivery went: over TCP, from a port of its own, or from the port that everybody knows. */
export type DeliveryPath = 'tcp' | 'transfer-port' | 'single-port';

export function proofOf(path: DeliveryPath): Proof {
  return path === 'single-port' ? 'weak' : 'proved';
}

export interface Candidates {
  readonly devices: readonly Candidate[];
  /** Others completed a transfer there that are not in the list. */
  readonly more: boolean;
  /** Others may have asked there that are not in the list. */
  readonly moreAsked: boolean;
}

/** When each proof was last given. */
interface Completed {
  provedMs: number;
  weakMs: number;
}

interface Source {
  readonly devices: Map<string, Completed>;
  /** More devices than are told apart: nobody knows any more who is not there. */
  overflowMs: number;
}

export class SourceMemory {
  readonly #sources = new Recent<Source>(sourcesRememberedMax);
  readonly #asked = new AskedMemory();

  note(address: string, device: string, proof: Proof, nowMs: number): void {
    if (proof === 'asked') {
      this.#asked.note(address, device, nowMs);
      return;
    }
    const source = this.#sources.get(address) ?? { devices: new Map(), overflowMs: -Infinity };
    this.#sources.set(address, source);
    const known = source.devices.get(device);
    if (known === undefined && !hasRoom(source.devices, nowMs)) {
      source.overflowMs = nowMs;
      return;
    }
    const entry = known ?? { provedMs: -Infinity, weakMs: -Infinity };
    if (proof === 'proved') entry.provedMs = nowMs;
    else entry.weakMs = nowMs;
    source.devices.set(device, entry);
  }

  candidates(address: string, nowMs: number): Candidates {
    const source = this.#sources.get(address);
    const completed = [...(source?.devices ?? [])].flatMap(([device, entry]): Candidate[] => {
      const proof = proofAt(entry, nowMs);
      return proof === undefined ? [] : [{ device, proof }];
    });
    const known = new Set(completed.map(({ device }) => device));
    const asked = this.#asked.at(address, nowMs);
    return {
      devices: [
        ...completed,
        ...asked.devices.flatMap((device): Candidate[] =>
          known.has(device) ? [] : [{ device, proof: 'asked' }],
        ),
      ],
      more: nowMs - (source?.overflowMs ?? -Infinity) < sourceRememberedMs,
      moreAsked: asked.more,
    };
  }
}

function proofAt(entry: Completed, nowMs: number): Proof | undefined {
  if (nowMs - entry.provedMs < sourceRememberedMs) return 'proved';
  return nowMs - entry.weakMs < sourceRememberedMs ? 'weak' : undefined;
}

/** The aged leave first. */
function hasRoom(devices: Map<string, Completed>, nowMs: number): boolean {
  if (devices.size < sourceDevicesMax) return true;
  for (const [device, entry] of devices) if (proofAt(entry, nowMs) === undefined) devices.delete(device);
  return devices.size < sourceDevicesMax;
}

interface Asked {
  /** When each device asked last. */
  readonly devices: Map<string, number>;
  overflowMs: number;
}

/**
 * Requests of the last sourceAskedMs, in two generations that are bounded by their devices: who forges a million of
 * them costs no more memory, and makes others be forgotten early, which counts as if somebody had asked everywhere.
 */
class AskedMemory {
  #young = new Map<string, Asked>();
  #old = new Map<string, Asked>();
  #youngDevices = 0;
  #newestOfOldMs = -Infinity;
  #newestMs = -Infinity;
  #forgotMs = -Infinity;

  note(address: string, device: string, nowMs: number): void {
    if (this.#youngDevices >= sourcesAskedDevicesMax / 2) this.#turn();
    const source = this.#young.get(address) ?? { devices: new Map(), overflowMs: -Infinity };
    this.#young.set(address, source);
    this.#newestMs = nowMs;
    const isNew = !source.devices.has(device);
    if (isNew && source.devices.size >= sourceDevicesAskedMax) {
      source.overflowMs = nowMs;
      return;
    }
    if (isNew) this.#youngDevices++;
    source.devices.set(device, nowMs);
  }

  at(address: string, nowMs: number): { readonly devices: readonly string[]; readonly more: boolean } {
    const generations = [this.#young.get(address), this.#old.get(address)].filter(
      (source) => source !== undefined,
    );
    const isFresh = (ms: number): boolean => nowMs - ms < sourceAskedMs;
    const devices = new Set(
      generations.flatMap((source) =>
        [...source.devices].flatMap(([name, ms]) => (isFresh(ms) ? [name] : [])),
      ),
    );
    const more = isFresh(this.#forgotMs) || generations.some(({ overflowMs }) => isFresh(overflowMs));
    return { devices: [...devices], more };
  }

  #turn(): void {
    this.#forgotMs = this.#newestOfOldMs;
    this.#old = this.#young;
    this.#newestOfOldMs = this.#newestMs;
    this.#young = new Map();
    this.#youngDevices = 0;
  }
}
