/** Who has a port: /proc/net lists sockets by inode, /proc/PID/fd the processes by socket. Linux; elsewhere nobody knows. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortHolder {
  readonly pid: number;
  /** Of the program, at most 15 characters. */
  readonly name: string;
}

const tcpListening = '0A';

/** The first process with a socket bound to `port`; undefined when there is none or it may not be seen. */
export function findPortHolder(protocol: 'udp' | 'tcp', port: number): PortHolder | undefined {
  const inodes = [protocol, `${protocol}6`].flatMap((table) => socketsAt(table, port));
  if (inodes.length === 0) return undefined;
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  for (const pid of entries('/proc').map(Number).filter(Number.isInteger))
    for (const fd of entries(`/proc/${pid}/fd`))
      if (wanted.has(readLink(`/proc/${pid}/fd/${fd}`)))
        return { pid, name: readText(`/proc/${pid}/comm`).trim() };
  return undefined;
}

/** Inodes of the sockets in one table of /proc/net (proc(5)): local address as HEX:PORT, state, …, inode. */
function socketsAt(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readText(`/proc/net/${table}`)
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/))
    .filter(
      ([, local, , state]) => local?.endsWith(suffix) && (table.startsWith('udp') || state === tcpListening),
    )
    .flatMap((fields) => fields[9] ?? []);
}

/** Processes come and go, and most belong to others: what cannot be read is not there. */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return otherwise;
    throw error;
  }
}

const entries = (path: string): readonly string[] => readable(() => readdirSync(path), []);
const readLink = (path: string): string => readable(() => readlinkSync(path), '');
const readText = (path: string): string => readable(() => readFileSync(path, 'utf8'), '');
