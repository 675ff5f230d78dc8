/** The signer that a person names by files, for commands that sign without a node: `--key` and `--certificate`. */
import type { Signer } from '../core/ports.ts';
import type { CommandContext } from './command.ts';
import { namingFile, readInput } from './read-input.ts';

/** `certificateFile` undefined: the certificate stands in the key's file. */
export async function readSignerKey(
  context: CommandContext,
  keyFile: string,
  certificateFile: string | undefined,
): Promise<Signer> {
  const [{ readPrivateKeyPem }, { readCertificateFile }] = await Promise.all([
    import('../pki/signer.ts'),
    import('../pki/certificate.ts'),
  ]);
  const pem = Buffer.from(await readInput(context.terminal, keyFile)).toString('latin1');
  const given =
    certificateFile === undefined ? undefined : await readInput(context.terminal, certificateFile);
  const certificate = given && namingFile(certificateFile ?? '', () => readCertificateFile(given)[0]);
  const passphrase = await readKeyPassphrase(context);
  return namingFile(keyFile, () => readPrivateKeyPem(pem, passphrase, certificate));
}

/** Of the global `--passphrase-file`; undefined when none is named. */
export async function readKeyPassphrase({ global }: CommandContext): Promise<string | undefined> {
  if (global.passphraseFile === undefined) return undefined;
  const { readPassphraseFile } = await import('../node/passphrase.ts');
  return readPassphraseFile(global.passphraseFile);
}
