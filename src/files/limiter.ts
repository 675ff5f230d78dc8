/** Bounded work: how many tasks run and wait, and the bounds of files that are signed for the first time. */
import { assert } from '../base/assert.ts';
import {
  signingConcurrentMax,
  signingPerAddressMax,
  signingQueueBytesMax,
  signingQueueMax,
  timestampsPerTransactionMax,
} from '../base/limits.ts';

/** Runs a bounded number of asynchronous tasks at once, first come first served, and lets a bounded number wait. */
export interface Limiter {
  /** `undefined` when the queue is full; the task was not started then. */
  run<T>(task: () => Promise<T>): Promise<T> | undefined;
}

export function createLimiter(concurrentMax: number, queueMax: number): Limiter {
  const waiting: (() => void)[] = [];
  let running = 0;

  const start = async <T>(task: () => Promise<T>): Promise<T> => {
    running++;
    try {
      return await task();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };

  return {
    run(task) {
      if (running < concurrentMax) return start(task);
      if (waiting.length >= queueMax) return undefined;
      return new Promise((resolve) => waiting.push(() => resolve(start(task))));
    },
  };
}

/** Of many files that are on their way to a signature, and share their timestamps' transactions, few are signed at once. */
export interface SigningLane {
  /** `undefined` when the queue, or this address' share of it, is full; `bytes` are held as long as it takes. */
  run<T>(address: string, bytes: number, task: () => Promise<T>): Promise<T> | undefined;
  /** Called within a task of `run`. */
  sign<T>(task: () => Promise<T>): Promise<T>;
}

export function createSigningLane(): SigningLane {
  const onTheWay = createLimiter(timestampsPerTransactionMax, signingQueueMax);
  const signing = createLimiter(signingConcurrentMax, timestampsPerTransactionMax);
  const waiting = new Map<string, number>();
  let waitingBytes = 0;
  return {
    run(address, bytes, task) {
      const ofAddress = waiting.get(address) ?? 0;
      if (ofAddress >= signingPerAddressMax || waitingBytes + bytes > signingQueueBytesMax) return undefined;
      const started = onTheWay.run(task);
      if (started === undefined) return undefined;
      waiting.set(address, ofAddress + 1);
      waitingBytes += bytes;
      return started.finally(() => {
        waitingBytes -= bytes;
        const left = (waiting.get(address) ?? 1) - 1;
        if (left === 0) waiting.delete(address);
        else waiting.set(address, left);
      });
    },
    sign(task) {
      const signed = signing.run(task);
      assert(signed !== undefined, 'no more are let in than may wait here');
      return signed;
    },
  };
}
