/** A progress bar on stderr, where a person looks at it; nothing at all anywhere else. */
import type { Terminal } from './output.ts';

export interface Progress {
  start(total: number): void;
  increment(): void;
  /** For lines of a report that comes meanwhile: the bar stands below them. */
  above(print: () => void): void;
  stop(): void;
}

const silent: Progress = {
  start: () => undefined,
  increment: () => undefined,
  above: (print) => print(),
  stop: () => undefined,
};

export async function createProgress(terminal: Terminal, what: string): Promise<Progress> {
  if (terminal.stderr.isTTY !== true) return silent;
  const { SingleBar, Presets } = (await import('cli-progress')).default;
  const bar = new SingleBar(
    {
      format: `{bar} {value}/{total} ${what}, {eta_formatted} left`,
      stream: terminal.stderr,
      etaBuffer: 500,
    },
    Presets.shades_classic,
  );
  const sharesLines = terminal.stdout.isTTY === true;
  return {
    start: (total) => bar.start(total, 0),
    increment: () => bar.increment(),
    above(print) {
      if (sharesLines) terminal.stderr.write(clearLine);
      print();
    },
    stop: () => bar.stop(),
  };
}

/** To the first column, and everything behind it away (ECMA-48 EL); the bar draws itself again. */
const clearLine = '\r\u001B[K';

/** A bar with its rate, for work whose report comes afterwards: on a terminal's stderr, whatever stdout is. */
export interface Steps {
  /** The bar appears with the first one. */
  readonly step: (done: number, total: number) => void;
  stop(): void;
}

export async function createSteps(terminal: Terminal, what: string): Promise<Steps> {
  if (terminal.stderr.isTTY !== true) return { step: () => undefined, stop: () => undefined };
  const { SingleBar, Presets } = (await import('cli-progress')).default;
  const bar = new SingleBar(
    {
      format: `{bar} {value}/{total} ${what}, {rate} a second`,
      stream: terminal.stderr,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  const startMs = performance.now();
  return {
    step(done, total) {
      const rate = Math.round(done / Math.max((performance.now() - startMs) / 1000, 0.001));
      if (!bar.isActive) bar.start(total, 0, { rate });
      bar.setTotal(total);
      bar.update(done, { rate });
    },
    stop: () => bar.stop(),
  };
}
