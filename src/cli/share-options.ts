/** Options of the commands that work on a share, and the share they name: opened, its progress shown, closed. */
import { Failure } from '../base/errors.ts';
import { parseAcceptance } from '../core/bulk/acceptance.ts';
import { bundlePassphraseDefault } from '../core/bulk/bundles.ts';
import { parseHostKeyPin } from '../core/bulk/host-key.ts';
import type { Share } from '../core/bulk/share.ts';
import type { OpenNode } from '../node/open-node.ts';
import type { CommandContext, OptionDefinition } from './command.ts';
import { createSteps } from './progress.ts';

export interface ShareOptions {
  /** SHA-256 as hex. */
  readonly hostKey?: readonly string[];
  readonly knownHosts?: string;
  readonly identity?: string;
  readonly passwordFile?: string;
  readonly bundlePassphraseFile?: string;
}

export const shareForm =
  'The share is sftp://USER@HOST[:PORT]/DIR or the path of a directory. An SFTP server’s host key is believed by ' +
  '--host-key or a known_hosts file, and never on first sight; the user is let in by a key, a password, or the keys of ' +
  'the agent at SSH_AUTH_SOCK.';

export const shareOptions: readonly OptionDefinition[] = [
  {
    flags: '--host-key <SHA256:…>',
    description: 'the server’s host key, as ssh-keygen -l prints it; may stand several times',
    many: true,
    parse: (word) => {
      const pin = parseHostKeyPin(word);
      if (pin === undefined)
        throw new Failure('usage', `'${word}' is not SHA256:… as ssh-keygen -l prints it`);
      return pin;
    },
  },
  { flags: '--known-hosts <FILE>', description: 'known_hosts file (default: ~/.ssh/known_hosts)' },
  {
    flags: '--identity <FILE>',
    description: 'private key of the user; an encrypted one belongs into an agent',
  },
  { flags: '--password-file <FILE>', description: 'file whose first line is the user’s password' },
  {
    flags: '--bundle-passphrase-file <FILE>',
    description: `file whose first line protects the PKCS#12 files (default: ${bundlePassphraseDefault}, which is no secret: certificates are public)`,
  },
];

export const acceptOption: OptionDefinition = {
  flags: '--accept <ID=SHA256:…>',
  description: 'believe the cluster ID by this ITLRecovery, from now on; may stand several times',
  many: true,
  parse: (word) => {
    const accepted = parseAcceptance(word);
    if (accepted === undefined)
      throw new Failure('usage', `'${word}' is not ID=SHA256: and 64 hex digits`, {
        hint: 'ask the people of that cluster: tftp-pki export-cert itlrecovery | openssl x509 -noout -fingerprint -sha256',
      });
    return accepted;
  },
};

/** `what` names the steps in the progress bar. */
export async function withShare<T>(
  { terminal }: CommandContext,
  node: OpenNode,
  address: string,
  options: ShareOptions,
  what: string,
  work: (share: Share, step: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const { openShare } = await import('../node/open-share.ts');
  const share = await openShare(node.crypto, {
    address,
    hostKeys: options.hostKey ?? [],
    knownHostsFile: options.knownHosts,
    identityFile: options.identity,
    passwordFile: options.passwordFile,
    agent: terminal.env['SSH_AUTH_SOCK'],
  });
  const steps = await createSteps(terminal, what);
  try {
    return await work(share, steps.step);
  } finally {
    steps.stop();
    await share.close();
  }
}

export async function bundlePassphrase({ bundlePassphraseFile }: ShareOptions): Promise<string> {
  if (bundlePassphraseFile === undefined) return bundlePassphraseDefault;
  const { readPassphraseFile } = await import('../node/passphrase.ts');
  return readPassphraseFile(bundlePassphraseFile);
}
