import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';

export const exportRecoveryCommand = defineCommand<{ readonly exportPassphraseFile: string }>({
  name: 'export-recovery',
  topic: 'Trust',
  summary: 'write the ITLRecovery key and certificate to a PKCS#12 file',
  description: [
    'Whoever has the file and its passphrase can sign trust lists for every phone of the cluster: keep both offline and ' +
      'apart. With it "reset-itl remotekey" leads phones to another folder when this one is lost. ' +
      'AES-256, PBKDF2 and SHA-256, mode 0600; an existing file is not replaced.',
    'The passphrase is one of its own: that of this folder may be lost with the folder.',
  ],
  arguments: [{ syntax: '<file>', description: 'the new file' }],
  options: [
    {
      flags: '--export-passphrase-file <FILE>',
      description: 'file whose first line protects the PKCS#12 (printable ASCII)',
      required: true,
    },
  ],
  examples: [
    {
      says: 'on the day the cluster is made',
      command:
        'tftp-pki export-recovery recovery.p12 --export-passphrase-file recovery.pass --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [file = ''], { exportPassphraseFile }) {
    const [{ exportRecovery }, { readPassphraseFile }, { writeDurably }] = await Promise.all([
      import('../../app/export-recovery.ts'),
      import('../../node/passphrase.ts'),
      import('../../store/durable.ts'),
    ]);
    if (existsSync(file)) throw new Failure('refused', `${file} exists and is not replaced`);
    const passphrase = readPassphraseFile(exportPassphraseFile);
    await withNode(context, async (node) => {
      const { certificate, bytes } = await exportRecovery(node, { passphrase, by: userInfo().username });
      writeDurably(file, bytes, 0o600);
      const { subject, fingerprint } = certificate;
      if (context.output.json) context.output.object({ file, subject, fingerprint, bytes: bytes.length });
      else context.output.note(`${printable(subject)} and its key are in ${file}`);
    });
    context.output.hint(
      'keep the file and its passphrase offline and apart: together they sign for every phone',
    );
    return 0;
  },
});
