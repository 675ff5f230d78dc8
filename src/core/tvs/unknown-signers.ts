/**
 * Questions for signers that the TVS does not know, counted per device: the best alarm that a phone is about to be
 * stranded (security.md §5). Bounded: the device that asked longest ago makes room, and what it counted stays in the
 * total. A name that is no device's (anybody may connect) is counted under none.
 */
import { tvsUnknownDevicesMax } from '../../base/limits-tvs.ts';
import { toHex } from '../../base/text.ts';
import { parseDeviceName } from '../files/file-name.ts';
import type { TvsRequest } from '../../wire/tvs-message.ts';

export interface UnknownSigner {
  /** `SEP<MAC>`. */
  readonly device: string;
  readonly count: number;
  readonly lastMs: number;
  /** Who was asked for last, as asked; undefined after a *verify*, which names nobody. */
  readonly signer: { readonly issuer: string; readonly serial: string } | undefined;
}

/** What the TVS of one node was asked for in vain. */
export interface TvsReport {
  readonly node: string;
  /** Who asked last comes last. */
  readonly unknownSigners: readonly UnknownSigner[];
}

/** What several TVS were asked for in vain, by device; who asked last comes last. */
export function togetherAsked(reports: readonly (readonly UnknownSigner[])[]): readonly UnknownSigner[] {
  const byDevice = new Map<string, UnknownSigner>();
  for (const asked of reports.flat().toSorted((a, b) => a.lastMs - b.lastMs)) {
    const count = (byDevice.get(asked.device)?.count ?? 0) + asked.count;
    byDevice.delete(asked.device);
    byDevice.set(asked.device, { ...asked, count });
  }
  return [...byDevice.values()];
}

export class UnknownSigners {
  readonly #byDevice = new Map<string, UnknownSigner>();
  readonly #devicesMax: number;
  #total = 0;

  constructor(devicesMax: number = tvsUnknownDevicesMax) {
    this.#devicesMax = devicesMax;
  }

  /** Of all askers, forgotten and nameless ones too. */
  get total(): number {
    return this.#total;
  }

  /** The device as it is counted; undefined when the request names none. */
  count(request: TvsRequest, nowMs: number): string | undefined {
    this.#total += 1;
    const device = deviceOf(request.device);
    if (device === undefined) return undefined;
    const signer =
      request.command === 'query-request'
        ? { issuer: request.issuer, serial: toHex(request.serial, ':') }
        : undefined;
    const count = (this.#byDevice.get(device)?.count ?? 0) + 1;
    this.#byDevice.delete(device); // Set again, it is the youngest of the map.
    this.#byDevice.set(device, { device, count, lastMs: nowMs, signer });
    const [oldest] = this.#byDevice.keys();
    if (this.#byDevice.size > this.#devicesMax && oldest !== undefined) this.#byDevice.delete(oldest);
    return device;
  }

  find(device: string): UnknownSigner | undefined {
    return this.#byDevice.get(device);
  }

  /** Who asked last comes last. */
  list(): readonly UnknownSigner[] {
    return [...this.#byDevice.values()];
  }
}

/** Phones name themselves with their model: `CP-8861-SEPB000B4BA0AEE`. */
export function deviceOf(named: string): string | undefined {
  return parseDeviceName(named.slice(named.lastIndexOf('-') + 1));
}
