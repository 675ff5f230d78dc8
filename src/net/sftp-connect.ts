/**
 * An SSH connection to a share. The host key is judged before anything is sent (core/bulk/host-key.ts), and one that
 * nobody vouched for is refused with its fingerprint, never accepted silently (ssh2 alone would take any).
 * Refuses host keys by pin or known_hosts, users by their key, agent or password.
 */
import type { Client, ConnectConfig, SFTPWrapper, ServerHostKeyAlgorithm } from 'ssh2';
import { Failure } from '../base/errors.ts';
import { shareAnswerMsMax } from '../base/limits.ts';
import {
  formatHostKey,
  judgeHostKey,
  keyTypeOf,
  knownKeyTypes,
  type HostKeyTrust,
} from '../core/bulk/host-key.ts';
import { formatShareAddress, type ShareAddress } from '../core/bulk/share-address.ts';
import type { Crypto } from '../core/ports.ts';
import { openSftpFiles } from './sftp-files.ts';
import type { ShareFiles } from './share-files.ts';

export interface SftpLogin {
  readonly user: string;
  /** What a private key file holds. */
  readonly identity?: string | undefined;
  readonly password?: string | undefined;
  /** Path of an agent's socket. */
  readonly agent?: string | undefined;
}

type SftpAddress = ShareAddress & { readonly kind: 'sftp' };

/** Failure `unreachable`, `permission-denied`, or `refused` for the host key. */
export async function openSftp(
  crypto: Pick<Crypto, 'digest'>,
  address: SftpAddress,
  login: SftpLogin,
  trust: HostKeyTrust,
): Promise<ShareFiles> {
  const { Client: SshClient } = (await import('ssh2')).default;
  const client = new SshClient();
  const place = formatShareAddress(address);
  const sftp = await connect(crypto, client, { address, place, login, trust });
  return openSftpFiles(client, sftp, address.path, place);
}

interface Wanted {
  readonly address: SftpAddress;
  readonly place: string;
  readonly login: SftpLogin;
  readonly trust: HostKeyTrust;
}

function connect(
  crypto: Pick<Crypto, 'digest'>,
  client: Client,
  { address, place, login, trust }: Wanted,
): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    let hostKey: Failure | undefined;
    const fail = (error: Error): void => {
      // A second error of a connection that is being torn down has nobody to hear it.
      client.on('error', () => undefined);
      client.end();
      reject(hostKey ?? whyNotConnected(place, login, error));
    };
    client.on('error', fail);
    client.on('close', () => fail(new Error('the server closed the connection')));
    client.on('ready', () => {
      // Requests are small and wait for each other's answers: 40 ms each with Nagle's algorithm.
      client.setNoDelay(true);
      client.sftp((error, sftp) => {
        if (error)
          fail(
            new Failure('peer-error', `${place} offers no SFTP: ${error.message}`, {
              cause: error,
              hint: 'Enable the sftp subsystem for this user on the server.',
            }),
          );
        else {
          client.removeAllListeners('error');
          client.removeAllListeners('close');
          resolve(sftp);
        }
      });
    });
    const password = login.password ?? '';
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) =>
      finish(prompts.map(() => password)),
    );
    try {
      client.connect({
        ...configOf(crypto, address, login, trust),
        hostVerifier: (blob: Buffer) => {
          hostKey = refusalOf(crypto, address, trust, Uint8Array.from(blob));
          return hostKey === undefined;
        },
      });
    } catch (error) {
      fail(error instanceof Error ? error : new TypeError('thrown what is no error', { cause: error }));
    }
  });
}

function configOf(
  crypto: Pick<Crypto, 'digest'>,
  { host, port }: SftpAddress,
  { user, identity, password, agent }: SftpLogin,
  { pins, knownHosts }: HostKeyTrust,
): ConnectConfig {
  const types = pins.length > 0 ? [] : knownKeyTypes(crypto, knownHosts, { host, port });
  const serverHostKey = types.flatMap((type) => signaturesOf[type] ?? []);
  return {
    host,
    port,
    username: user,
    readyTimeout: shareAnswerMsMax,
    keepaliveInterval: shareAnswerMsMax / 4,
    ...(identity !== undefined && { privateKey: identity }),
    ...(password !== undefined && { password, tryKeyboard: true }),
    ...(identity === undefined && password === undefined && agent !== undefined && { agent }),
    // As ssh(1): ask for the kind of key that is known, or a server with several would show another one.
    ...(serverHostKey.length > 0 && { algorithms: { serverHostKey } }),
  };
}

/** Key type → how it may sign (RFC 8332 for RSA). */
const signaturesOf: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

function refusalOf(
  crypto: Pick<Crypto, 'digest'>,
  { host, port }: SftpAddress,
  trust: HostKeyTrust,
  blob: Uint8Array,
): Failure | undefined {
  const verdict = judgeHostKey(crypto, trust, { host, port }, blob);
  if (verdict === 'trusted') return undefined;
  const shown = `${formatHostKey(crypto, blob)} (${keyTypeOf(blob)})`;
  const sentence = {
    unknown: `nobody vouched for the host key of ${host}: ${shown}`,
    changed: `the host key of ${host} is not the one that is trusted: ${shown}`,
    revoked: `the host key of ${host} is revoked: ${shown}`,
  }[verdict];
  return new Failure('refused', sentence, {
    hint: 'Compare it with ssh-keygen -l -f on the server itself, then name the right one with --host-key.',
  });
}

function whyNotConnected(place: string, login: SftpLogin, error: Error): Failure {
  if (error instanceof Failure) return error;
  const { level, code } = error as { level?: unknown; code?: unknown };
  if (level === 'client-authentication') return notLetIn(place, login, error);
  if (/privateKey/.test(error.message))
    return new Failure('format', `the private key cannot be used: ${error.message}`, {
      cause: error,
      hint: 'An encrypted key belongs into an agent: ssh-add FILE, then without --identity.',
    });
  const why = typeof code === 'string' ? code : error.message;
  return new Failure('unreachable', `cannot connect to ${place}: ${why}`, {
    cause: error,
    hint: 'Check host, port and firewall; then repeat the command.',
  });
}

function notLetIn(place: string, { user, identity, password, agent }: SftpLogin, cause: Error): Failure {
  const means = [
    ...(identity === undefined ? [] : ['key']),
    ...(password === undefined ? [] : ['password']),
    ...(identity === undefined && password === undefined && agent !== undefined ? ['keys of the agent'] : []),
  ];
  const shown = means.length === 0 ? 'nothing to show' : `this ${means.join(' or ')}`;
  return new Failure('permission-denied', `${place} does not let ${user} in with ${shown}`, {
    cause,
    hint: 'Name a key with --identity or a password with --password-file, or load the key into an agent.',
  });
}
