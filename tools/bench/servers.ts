/**
 * The contestants: each a program pinned to one core, started on loopback and asked until it answers.
 * Peers run as their packages ship them, but with the limits that would refuse the load raised; all of them log.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bufferPreload, filesFolder, logFolder, peerFolder, root, workspace } from './workspace.ts';

export const serverCore = 0;
export const loadCore = 1;

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Server extends Place {
  readonly name: string;
  /** User and system time of the program and its children so far, ms. */
  cpuMs(): number;
  /** Resident memory of the program and its children, MiB; shared pages count for each. */
  residentMib(): number;
  stop(): Promise<void>;
}

export type StartServer = () => Promise<Server>;

export type Engine = 'mmsg' | 'dgram';

/** BENCH_MAIN measures another build. */
export const main = process.env['BENCH_MAIN'] ?? join(root, 'dist', 'bin', 'main.js');

/** Ours on the benchmark's folder, limits, logs and metrics as shipped. */
export function product(engine: Engine): StartServer {
  const place = { host: '127.0.0.1', port: engine === 'mmsg' ? 16_069 : 16_070 };
  const tftp = `${place.host}:${place.port}`;
  const args = [main, 'serve', '--root', filesFolder, '--tftp', tftp, '--engine', engine];
  return () => startTftp(engine, place, process.execPath, args);
}

/** `at`: the how-manyth of several that run at once. */
export function productNode(dataFolder: string, probe = 'Ringlist.xml', at = 0): StartServer {
  const place = { host: '127.0.0.1', port: 16_071 + 100 * at };
  const args = [main, 'serve', '--data', dataFolder, '--tftp', `${place.host}:${place.port}`];
  // As root only loopback is served, so the other listeners are named too.
  const [http, https] = [16_974 + 100 * at, 16_975 + 100 * at];
  args.push('--http', `${place.host}:${http}`, '--https', `${place.host}:${https}`);
  return () => startTftp(at === 0 ? 'node' : `node-${at}`, place, process.execPath, args, {}, probe);
}

/** dnsmasq knows no other port than 69, so it gets an address of its own. */
export function dnsmasq(buffers: 'as shipped' | 'equal'): StartServer {
  const place = { host: buffers === 'equal' ? '127.0.0.69' : '127.0.0.68', port: 69 };
  const name = buffers === 'equal' ? 'dnsmasq, equal buffers' : 'dnsmasq';
  const log = join(logFolder, `${buffers === 'equal' ? 'dnsmasq-equal' : 'dnsmasq'}.served.log`);
  const args = ['--keep-in-foreground', '--port=0', '--conf-file=/dev/null', '--user=root', '--pid-file'];
  args.push('--enable-tftp', `--tftp-root=${filesFolder}`, '--tftp-max=10000', `--log-facility=${log}`);
  args.push(`--listen-address=${place.host}`, '--bind-interfaces');
  const environment = buffers === 'equal' ? { LD_PRELOAD: bufferPreload } : {};
  return () => startTftp(name, place, program('dnsmasq'), args, environment);
}

export function atftpd(): StartServer {
  const place = { host: '127.0.0.1', port: 16_072 };
  const args = ['--daemon', '--no-fork', '--port', String(place.port), '--bind-address', place.host];
  args.push('--user', 'root', '--group', 'root', '--maxthread', '2000', '--tftpd-timeout', '3600');
  args.push('--logfile', join(logFolder, 'atftpd.served.log'), filesFolder);
  return () => startTftp('atftpd', place, program('atftpd'), args);
}

export function tftpdHpa(): StartServer {
  const place = { host: '127.0.0.1', port: 16_073 };
  const args = [
    '--foreground',
    '--address',
    `${place.host}:${place.port}`,
    '--secure',
    '--user',
    'root',
    filesFolder,
  ];
  return () => startTftp('tftpd-hpa', place, program('in.tftpd'), args);
}

export function productHttp(): StartServer {
  const place = { host: '127.0.0.1', port: 16_970 };
  const at = `${place.host}:${place.port}`;
  return () =>
    startHttp('node', place, process.execPath, [main, 'serve', '--root', filesFolder, '--http', at]);
}

export function nginx(): StartServer {
  const place = { host: '127.0.0.1', port: 16_971 };
  const folder = join(workspace, 'nginx');
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, 'nginx.conf');
  writeFileSync(
    configuration,
    `user root; worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log ${folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=1000;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server { listen ${place.host}:${place.port}; root ${filesFolder}; }
}
`,
  );
  return () =>
    startHttp('nginx', place, program('nginx'), ['-c', configuration, '-p', folder, '-e', 'stderr']);
}

/** Unpacked by tools/set-up.mjs, or installed. */
function program(name: string): string {
  const unpacked = join(peerFolder, 'usr', 'sbin', name);
  const folders = [unpacked, join('/usr/sbin', name), join('/usr/bin', name)];
  const found = folders.find((path) => isFile(path));
  if (found === undefined) throw new Error(`${name} is missing: node tools/set-up.mjs bench`);
  return found;
}

function isFile(path: string): boolean {
  return readdirSync(join(path, '..')).includes(path.slice(path.lastIndexOf('/') + 1));
}

async function startTftp(
  name: string,
  place: Place,
  command: string,
  args: readonly string[],
  environment: Record<string, string> = {},
  probe = 'small',
): Promise<Server> {
  const child = start(name, command, args, environment);
  await until(name, child, () => answersTftp(place, probe));
  return running(name, place, child);
}

async function startHttp(
  name: string,
  place: Place,
  command: string,
  args: readonly string[],
): Promise<Server> {
  const child = start(`${name}-http`, command, args, {});
  await until(name, child, async () => {
    try {
      return (await fetch(`http://${place.host}:${place.port}/small`)).ok;
    } catch {
      return false; // not listening yet
    }
  });
  return running(name, place, child);
}

function start(
  name: string,
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
): ChildProcess {
  const log = openSync(join(logFolder, `${name.replace(/\W+/g, '-')}.log`), 'w');
  const libraries = [
    'lib/x86_64-linux-gnu',
    'usr/lib/x86_64-linux-gnu',
    'lib/aarch64-linux-gnu',
    'usr/lib/aarch64-linux-gnu',
  ];
  const LD_LIBRARY_PATH = libraries.map((path) => join(peerFolder, path)).join(':');
  return spawn('taskset', ['-c', String(serverCore), command, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...(command.startsWith(peerFolder) && { LD_LIBRARY_PATH }), ...environment },
  });
}

async function until(name: string, child: ChildProcess, ready: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: see var/bench/log`);
    if (await ready()) return;
    await sleep(20);
  }
  child.kill('SIGKILL');
  throw new Error(`${name} does not answer: see var/bench/log`);
}

/** Anything that comes back counts. */
async function answersTftp({ host, port }: Place, name: string): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(300) });
    socket.send(Buffer.from(`\0\x01${name}\0octet\0`), port, host);
    await answer;
    return true;
  } catch {
    return false; // nothing listens yet
  } finally {
    socket.close();
  }
}

function running(name: string, place: Place, child: ChildProcess): Server {
  return {
    name,
    ...place,
    cpuMs: () => familyOf(child.pid ?? 0).reduce((sum, pid) => sum + cpuMsOf(pid), 0),
    residentMib: () => familyOf(child.pid ?? 0).reduce((sum, pid) => sum + residentMibOf(pid), 0),
    async stop() {
      if (child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await gone;
      clearTimeout(killer);
    },
  };
}

function familyOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  const children = readIfThere(path).trim().split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

/** Fields 14 to 17 of /proc/PID/stat: own and waited-for children's user and system time, in ticks of 10 ms. */
function cpuMsOf(pid: number): number {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return [11, 12, 13, 14].reduce((sum, i) => sum + (fields[i] ?? 0), 0) * 10;
}

function residentMibOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readIfThere(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has just ended
  }
}
