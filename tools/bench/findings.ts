/** One line of the table, and what every row needs to make it. */
import type { Server, StartServer } from './servers.ts';

export interface Finding {
  readonly target: string;
  readonly what: string;
  readonly ours: string;
  readonly against: string;
  readonly ratio: number | undefined;
  readonly goal: string;
  readonly met: boolean;
}

export interface Effort {
  readonly rounds: number;
  /** Share of the full number of transfers. */
  readonly scale: number;
  readonly quick: boolean;
}

export type Row = (effort: Effort) => Promise<readonly Finding[]>;

/** Starts all, measures, stops all. */
export async function withServers<T>(
  starts: readonly StartServer[],
  measure: (servers: readonly Server[]) => Promise<T>,
): Promise<T> {
  const servers: Server[] = [];
  try {
    for (const start of starts) servers.push(await start());
    return await measure(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

export function finding(
  target: string,
  what: string,
  ours: number,
  peer: number,
  peerName: string,
  unit: string,
  goal: number,
): Finding {
  const ratio = ours / peer;
  return {
    target,
    what,
    ours: `${spell(ours)} ${unit}`,
    against: `${peerName} ${spell(peer)}`,
    ratio,
    goal: `≥ ${goal} ×`,
    met: ratio >= goal,
  };
}

function spell(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function required(server: Server | undefined): Server {
  if (server === undefined) throw new Error('a contestant that was not started');
  return server;
}
