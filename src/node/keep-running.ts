/**
 * Keeps a child process running: when one dies another is started (security.md §4: back in < 2 s), later and later while
 * it dies at once. What the child does is its owner's business.
 */
import { childRestartMsMax, childRestartMsMin } from '../base/limits.ts';
import type { ListeningAt } from './edge.ts';

export interface Launched {
  readonly started: Promise<readonly ListeningAt[]>;
  /** Says how. */
  readonly ended: Promise<string>;
}

export interface KeptRunning<T> {
  readonly listening: readonly ListeningAt[];
  current(): T;
  /** Says goodbye by `tell` and waits for the end; no other is started. */
  stop(tell: (current: T) => void): Promise<void>;
}

/** Rejects when the first one cannot start. `name` as in "the edge". */
export async function keepRunning<T extends Launched>(options: {
  readonly name: string;
  readonly first: T;
  readonly launch: () => T;
  /** It ended on its own. */
  readonly onEnd?: () => void;
  readonly warn: (message: string) => void;
}): Promise<KeptRunning<T>> {
  const { name, launch, warn } = options;
  let stopping = false;
  let restartMs = childRestartMsMin;
  let timer: NodeJS.Timeout | undefined;
  let current = options.first;
  const listening = await current.started;

  const watch = (): void => {
    void current.ended.then((how) => {
      if (stopping) return;
      options.onEnd?.();
      warn(`${name} ended (${how}) and is started again`);
      timer = setTimeout(relaunch, restartMs);
      restartMs = Math.min(restartMs * 2, childRestartMsMax);
    });
  };
  const relaunch = (): void => {
    current = launch();
    watch();
    current.started.then(
      () => (restartMs = childRestartMsMin),
      (error: unknown) => warn(error instanceof Error ? error.message : String(error)),
    );
  };
  watch();
  return {
    listening,
    current: () => current,
    async stop(tell) {
      stopping = true;
      clearTimeout(timer);
      tell(current);
      await current.ended;
    },
  };
}
