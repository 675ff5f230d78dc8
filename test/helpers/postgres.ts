/** A real PostgreSQL for one test file: its own cluster in a temporary folder, its socket there, no TCP. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';

export interface PostgresServer {
  /** Of an empty database that nobody has used before. */
  newDatabase(): Promise<string>;
  /** As a power cut would. */
  kill(): void;
  start(): void;
  stop(): void;
}

/** `durable`: with fsync, for tests of what a crash leaves. */
export function startPostgres({ durable = false } = {}): PostgresServer {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-pg-'));
  const data = join(folder, 'data');
  if (isRoot) execFileSync('chown', ['postgres', folder]);
  chmodSync(folder, 0o700);
  run('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync']);
  const settings = `-c listen_addresses='' -c unix_socket_directories='${folder}' -c fsync=${durable ? 'on' : 'off'}`;
  const control = (...args: string[]): void =>
    run('pg_ctl', ['-D', data, '-w', '-s', '-o', settings, '-l', join(folder, 'log'), ...args]);
  control('start');
  let databases = 0;
  const urlOf = (name: string): string =>
    `postgres://postgres@localhost/${name}?host=${encodeURIComponent(folder)}`;
  return {
    async newDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      const client = new Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return urlOf(name);
    },
    kill: () => control('stop', '-m', 'immediate'),
    start: () => control('start'),
    stop() {
      control('stop', '-m', 'fast');
      rmSync(folder, { recursive: true });
    },
  };
}

const isRoot = process.getuid?.() === 0;

/** Debian keeps the server's programs out of PATH; it refuses to run as root. */
function run(program: string, args: readonly string[]): void {
  const [newest] = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  const path = join('/usr/lib/postgresql', newest ?? '', 'bin', program);
  const command = isRoot ? ['runuser', '-u', 'postgres', '--', path] : [path];
  const [file = path, ...before] = command;
  execFileSync(file, [...before, ...args], { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
}
