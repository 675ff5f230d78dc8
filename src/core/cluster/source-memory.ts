/**
 * Who is behind a source address (design.md §3); it serves only names that carry no device.
 *
 * An address holds a *set* of devices, each with the strongest thing it did: `proved` (HTTP, or ACKs at a random
 * transfer port), `weak` (a transfer at the single port, where a sender can be forged), `asked` (a request, which
 * anybody can forge). An entry only ages out; nothing overwrites or weakens it. Proved beats weak, and `asked` is
 * never a reason to serve: it only says that somebody of another home may be there.
 */
import {
  sourceAskedMs,
  sourceDevicesMax,
  sourceRememberedMs,
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

interface Entry {
  /** When each proof was last given. */
  provedMs: number;
  weakMs: number;
  askedMs: number;
}

interface Source {
  readonly devices: Map<string, Entry>;
  /** More devices than are told apart: nobody knows any more who is not there. */
  overflowMs: number;
}

export interface Candidates {
  readonly devices: readonly Candidate[];
  /** Others may be there that are not in the list. */
  readonly more: boolean;
}

export class SourceMemory {
  readonly #sources = new Recent<Source>(sourcesRememberedMax);

  note(address: string, device: string, proof: Proof, nowMs: number): void {
    const source = this.#sources.get(address) ?? { devices: new Map<string, Entry>(), overflowMs: -Infinity };
    this.#sources.set(address, source);
    const known = source.devices.get(device);
    if (known === undefined && !makeRoom(source, proof, nowMs)) {
      source.overflowMs = nowMs;
      return;
    }
    const entry = known ?? { provedMs: -Infinity, weakMs: -Infinity, askedMs: -Infinity };
    if (proof === 'proved') entry.provedMs = nowMs;
    else if (proof === 'weak') entry.weakMs = nowMs;
    else entry.askedMs = nowMs;
    source.devices.set(device, entry);
  }

  candidates(address: string, nowMs: number): Candidates {
    const source = this.#sources.get(address);
    if (source === undefined) return { devices: [], more: false };
    const devices = [...source.devices].flatMap(([device, entry]): Candidate[] => {
      const proof = proofAt(entry, nowMs);
      return proof === undefined ? [] : [{ device, proof }];
    });
    return { devices, more: nowMs - source.overflowMs < sourceRememberedMs };
  }
}

function proofAt(entry: Entry, nowMs: number): Proof | undefined {
  if (nowMs - entry.provedMs < sourceRememberedMs) return 'proved';
  if (nowMs - entry.weakMs < sourceRememberedMs) return 'weak';
  return nowMs - entry.askedMs < sourceAskedMs ? 'asked' : undefined;
}

/** The aged leave first; then one that only asked makes room for one that did more. */
function makeRoom({ devices }: Source, proof: Proof, nowMs: number): boolean {
  if (devices.size < sourceDevicesMax) return true;
  for (const [device, entry] of devices) if (proofAt(entry, nowMs) === undefined) devices.delete(device);
  if (devices.size < sourceDevicesMax) return true;
  if (proof === 'asked') return false;
  for (const [device, entry] of devices) {
    if (proofAt(entry, nowMs) !== 'asked') continue;
    devices.delete(device);
    return true;
  }
  return false;
}
