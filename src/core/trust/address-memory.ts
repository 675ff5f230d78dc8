/** What the book of beliefs remembers of an address (belief-book.ts): who was named from there, and what went there. */
import { addressMemoryMs } from '../../base/limits.ts';
import type { Delivery } from './belief-book.ts';

export interface AddressMemory {
  /** Phones that were named from here. */
  readonly devices: Map<string, Resident>;
  /** `kind sha256` → last delivered, and how. */
  readonly lists: Map<string, Delivery>;
}

export interface Resident {
  lastMs: number;
  /** Last time the sender was proved; anybody can forge the other requests. */
  provedMs: number | undefined;
}

/** Who speaks for a phone alone; `address` is undefined while two of them do. */
export interface Claim {
  readonly address: string | undefined;
  readonly atMs: number;
}

/** The phone was named from here, by who was proved, and no other phone was within a day. */
export function isAlone({ devices }: AddressMemory, device: string, nowMs: number): boolean {
  if (devices.get(device)?.provedMs === undefined) return false;
  for (const [name, { provedMs }] of devices)
    if (name !== device && provedMs !== undefined && nowMs - provedMs <= addressMemoryMs) return false;
  return true;
}
