/** Whether a time service keeps the kernel's clock: adjtimex(2), asked without setting anything. */
import koffi from 'koffi';
import { addressOf } from './libc.ts';
import { platformRefusal } from './platform.ts';

export type KernelClock = 'synchronized' | 'unsynchronized';

/** struct timex is 208 bytes on x86_64 and arm64; `modes`, first in it, stays 0: only read. */
const timexBytes = 208;
/** The clock is not synchronised to a reliable server. */
const TIME_ERROR = 5;

/** Undefined where the kernel does not say. */
export function readKernelClock(): KernelClock | undefined {
  if (platformRefusal() !== undefined) return undefined;
  const adjtimex = koffi.load(null).func('int adjtimex(uint64)') as (timex: number) => number;
  const timex = new ArrayBuffer(timexBytes);
  const state = adjtimex(addressOf(timex));
  if (state < 0) return undefined;
  return state === TIME_ERROR ? 'unsynchronized' : 'synchronized';
}
