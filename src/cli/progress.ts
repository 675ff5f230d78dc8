/** A progress bar on stderr, where a person looks at it; nothing at all anywhere else. */
import type { Terminal } from './output.ts';

export interface Progress {
  start(total: number): void;
  increment(): void;
  stop(): void;
}

const silent: Progress = { start: () => undefined, increment: () => undefined, stop: () => undefined };

/** With a terminal on stdout too the lines of the report are the progress. */
export async function createProgress(terminal: Terminal, what: string): Promise<Progress> {
  if (terminal.stderr.isTTY !== true || terminal.stdout.isTTY === true) return silent;
  const { SingleBar, Presets } = (await import('cli-progress')).default;
  const bar = new SingleBar(
    {
      format: `{bar} {value}/{total} ${what}, {eta_formatted} left`,
      stream: terminal.stderr,
      etaBuffer: 500,
    },
    Presets.shades_classic,
  );
  return {
    start: (total) => bar.start(total, 0),
    increment: () => bar.increment(),
    stop: () => bar.stop(),
  };
}
