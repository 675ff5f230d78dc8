/**
 * A real OpenSSH server on loopback with keys of its own: `internal-sftp` in a chroot, one user, no password right.
 * It needs root, as tools/set-up.mjs says, since only root may chroot.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freeTcpPort } from './free-port.ts';

export interface Sshd {
  readonly port: number;
  /** What clients see as `/share`. */
  readonly share: string;
  /** Private keys that are let in and not. */
  readonly identity: string;
  readonly stranger: string;
  /** `SHA256:…` as ssh-keygen prints it. */
  readonly hostKey: string;
  /** A known_hosts file that names this server. */
  readonly knownHosts: string;
  readonly folder: string;
  address(path?: string): string;
  /** Ends every session, not the server. */
  killSessions(): void;
  stop(): Promise<void>;
}

const patienceMs = 20_000;

/** `sizeKiB` bounds the file system of the share, where the test may mount one; a memory file system is also quick. */
export async function startSshd({ sizeKiB = 262_144 } = {}): Promise<Sshd> {
  const folder = mkdtempSync('/tmp/tftp-pki-sshd-');
  // sshd refuses a chroot that anybody but root can write to, on the whole way up.
  const chroot = mkdtempSync('/run/tftp-pki-sshd-');
  const isMounted = mountMemory(chroot, sizeKiB);
  chmodSync(chroot, 0o755);
  const share = join(chroot, 'share');
  mkdirSync(share);
  mkdirSync('/run/sshd', { recursive: true });
  const key = (name: string, ...more: readonly string[]): string => {
    const path = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path, ...more]);
    return path;
  };
  const [host, identity, stranger] = [key('host'), key('identity'), key('stranger')];
  writeFileSync(join(folder, 'authorized'), readFileSync(`${identity}.pub`), { mode: 0o600 });
  const port = await freeTcpPort();
  const child = await start(folder, { port, host, chroot });
  const known = readFileSync(`${host}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${known}\n`);
  const listed = execFileSync('ssh-keygen', ['-l', '-f', `${host}.pub`], { encoding: 'utf8' });
  return {
    port,
    share,
    identity,
    stranger,
    hostKey: listed.split(' ')[1] ?? '',
    knownHosts,
    folder,
    address: (path = '/share') => `sftp://root@127.0.0.1:${port}${path}`,
    killSessions: () => sessionsOf(child).forEach((pid) => killQuietly(pid)),
    async stop() {
      for (const pid of sessionsOf(child)) killQuietly(pid);
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      if (isMounted) execFileSync('umount', ['--lazy', chroot]);
      for (const each of [folder, chroot]) rmSync(each, { recursive: true });
    },
  };
}

/** False where this root may not mount: then the share lies on the disk, slow and not bounded. */
export function mountMemory(path: string, sizeKiB: number): boolean {
  const options = ['-t', 'tmpfs', '-o', `size=${sizeKiB}k,mode=755`, 'tmpfs', path];
  return spawnSync('mount', options, { stdio: 'ignore' }).status === 0;
}

interface ServerKeys {
  readonly port: number;
  readonly host: string;
  readonly chroot: string;
}

async function start(folder: string, { port, host, chroot }: ServerKeys): Promise<ChildProcess> {
  const config = join(folder, 'sshd_config');
  const settings = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${host}`,
    `PidFile ${join(folder, 'pid')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PermitRootLogin yes',
    'PasswordAuthentication yes',
    'UsePAM no',
    'StrictModes no',
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
    `ChrootDirectory ${chroot}`,
    'ForceCommand internal-sftp',
  ];
  writeFileSync(config, `${settings.join('\n')}\n`);
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const endMs = performance.now() + patienceMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > endMs)
      throw new Error(`sshd does not start:\n${said}`);
    await delay(10);
  }
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** sshd starts one process for each connection. */
function sessionsOf({ pid = 0, exitCode }: ChildProcess): readonly number[] {
  if (exitCode !== null) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself in between.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
