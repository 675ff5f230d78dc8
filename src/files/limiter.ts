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
