/** `reset-itl` and `reset-ctl`: lists signed by another key, for phones that lost the regular signer. */
import { Failure } from '../../base/errors.ts';
import { defineCommand } from '../command.ts';
import { readRecoveryKey } from '../recovery-key.ts';
import { runTrustOperation, trustOptions, type TrustOptions } from '../run-trust-operation.ts';

interface ResetItlOptions extends TrustOptions {
  readonly key?: string;
  readonly keyPassphraseFile?: string;
  readonly signer?: string;
}

export const resetItlCommand = defineCommand<ResetItlOptions>({
  name: 'reset-itl',
  topic: 'Trust',
  summary: 'publish lists signed by another key, for phones that lost the signer',
  description: [
    "localkey signs the ITL with this node's CallManager key. remotekey signs the ITL, and the CTL where there is one, " +
      'with an ITLRecovery key restored from the file that export-recovery wrote in another folder: phones of that ' +
      'folder take these lists and from then on this one. The restored key is not kept.',
    'keptkey signs both with a key that is retired here, for phones that missed the lists since: ITLRecovery or CallManager, ' +
      'its key still in the folder. A key that --compromised cut off is refused.',
    "Phones that hold this folder's lists and do not know the restored key keep what they hold, which goes on working.",
  ],
  arguments: [
    { syntax: '<signer>', description: 'whose key', choices: ['localkey', 'remotekey', 'keptkey'] },
  ],
  options: [
    {
      flags: '--signer <SHA256>',
      description: 'the retired certificate, or the beginning of its fingerprint, for keptkey',
    },
    { flags: '--key <P12>', description: 'PKCS#12 with the ITLRecovery key, for remotekey' },
    {
      flags: '--key-passphrase-file <FILE>',
      description: 'file whose first line opens the PKCS#12, for remotekey',
    },
    ...trustOptions,
  ],
  examples: [
    {
      says: 'phones know the CallManager certificate, and ITLRecovery is lost',
      command: 'tftp-pki reset-itl localkey --data /var/lib/tftp-pki',
    },
    {
      says: 'phones of a folder that is lost',
      command:
        'tftp-pki reset-itl remotekey --key recovery.p12 --key-passphrase-file recovery.pass --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [which], options) {
    const { resetByKeptKey, resetByLocalKey, resetByRemoteKey } = await import('../../app/reset-lists.ts');
    const { signer: kept } = options;
    if ((which === 'keptkey') !== (kept !== undefined))
      throw new Failure('usage', '--signer names the retired signer of keptkey', {
        hint: 'tftp-pki plan --recover names those that would lead phones back.',
      });
    if (which === 'remotekey') {
      const signer = await readRecoveryKey(context, options.key, options.keyPassphraseFile);
      return runTrustOperation(context, options, (node) => resetByRemoteKey(node, signer));
    }
    if (options.key !== undefined || options.keyPassphraseFile !== undefined)
      throw new Failure('usage', '--key and --key-passphrase-file belong to remotekey');
    if (kept === undefined)
      return runTrustOperation(context, options, (node) => resetByLocalKey(node, 'itl'));
    const { findKeptSigner } = await import('../../app/kept-signers.ts');
    return runTrustOperation(context, options, async (node) =>
      resetByKeptKey(await findKeptSigner(node, kept)),
    );
  },
});

export const resetCtlCommand = defineCommand<TrustOptions>({
  name: 'reset-ctl',
  topic: 'Trust',
  summary: "publish a CTL signed by this node's CallManager key",
  description: [
    'For phones that hold a CTL whose ITLRecovery is lost. update-ctl signs with ITLRecovery again.',
  ],
  arguments: [{ syntax: '<signer>', description: 'whose key', choices: ['localkey'] }],
  options: trustOptions,
  examples: [
    {
      says: 'as "utils ctl reset localkey"',
      command: 'tftp-pki reset-ctl localkey --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const { resetByLocalKey } = await import('../../app/reset-lists.ts');
    return runTrustOperation(context, options, (node) => resetByLocalKey(node, 'ctl'));
  },
});
