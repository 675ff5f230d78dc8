/** A share by its address, with what a person gave for it: keys and passwords from files, the agent's socket, known hosts. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { formatShareAddress, parseShareAddress } from '../core/bulk/share-address.ts';
import type { Share } from '../core/bulk/share.ts';
import type { Crypto } from '../core/ports.ts';
import { openDirectoryFiles } from '../net/directory-files.ts';
import { createShare } from '../net/share.ts';
import { openSftp } from '../net/sftp-connect.ts';
import { readPassphraseFile } from './passphrase.ts';
import { storageFailure } from '../store/storage-failure.ts';

export interface ShareRequest {
  readonly address: string;
  /** Pinned host keys, as SHA-256 hex. */
  readonly hostKeys: readonly string[];
  /** Default: the user's own, where there is one. */
  readonly knownHostsFile?: string | undefined;
  readonly identityFile?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** SSH_AUTH_SOCK. */
  readonly agent?: string | undefined;
}

/** Failure `usage` for the address; those of connecting. */
export async function openShare(crypto: Pick<Crypto, 'digest'>, request: ShareRequest): Promise<Share> {
  const parsed = parseShareAddress(request.address);
  if (!parsed.ok)
    throw new Failure('usage', `${printable(withoutPassword(request.address))} is no share: ${parsed.error}`);
  const address = parsed.value;
  if (address.kind === 'directory')
    return createShare(await openDirectoryFiles(address.path), formatShareAddress(address));
  const { identityFile, passwordFile, agent } = request;
  const login = {
    user: address.user ?? userInfo().username,
    identity: identityFile === undefined ? undefined : readText(identityFile),
    password: passwordFile === undefined ? undefined : readPassphraseFile(passwordFile),
    agent,
  };
  const knownHosts = request.hostKeys.length > 0 ? '' : readKnownHosts(request.knownHostsFile);
  const files = await openSftp(crypto, address, login, { pins: request.hostKeys, knownHosts });
  return createShare(files, formatShareAddress(address));
}

function withoutPassword(address: string): string {
  return address.replace(/:[^/@]*@/, ':…@');
}

function readKnownHosts(named: string | undefined): string {
  const own = join(homedir(), '.ssh', 'known_hosts');
  if (named !== undefined) return readText(named);
  return existsSync(own) ? readText(own) : '';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw storageFailure(error, `read ${path}`);
  }
}
