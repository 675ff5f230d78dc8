/** An ITLRecovery key that a command is given for its own duration: the file of export-recovery and its passphrase. */
import { Failure } from '../base/errors.ts';
import { pkcs12BytesMax } from '../base/limits.ts';
import type { Signer } from '../core/ports.ts';
import type { CommandContext } from './command.ts';
import { readInput } from './read-input.ts';

export async function readRecoveryKey(
  { terminal }: CommandContext,
  key: string | undefined,
  keyPassphraseFile: string | undefined,
): Promise<Signer> {
  if (key === undefined || keyPassphraseFile === undefined)
    throw new Failure(
      'usage',
      '--key P12 and --key-passphrase-file FILE are needed, for the key that signs',
      {
        hint: 'both come from export-recovery in the folder whose ITLRecovery signs',
      },
    );
  const [{ openRecoveryKey }, { readPassphraseFile }] = await Promise.all([
    import('../node/recovery-key.ts'),
    import('../node/passphrase.ts'),
  ]);
  const bytes = await readInput(terminal, key, pkcs12BytesMax);
  return openRecoveryKey(bytes, readPassphraseFile(keyPassphraseFile));
}
