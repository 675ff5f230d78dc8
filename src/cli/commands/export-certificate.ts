import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { CertificateFacts } from '../../core/ports.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { outputOption, writeOutput } from '../write-output.ts';

const formats = ['pem', 'der', 'p7b', 'p12'] as const;
type Format = (typeof formats)[number];

interface ExportOptions {
  readonly format?: Format;
  readonly exportPassphraseFile?: string;
  readonly output?: string;
}

export const exportCertificateCommand = defineCommand<ExportOptions>({
  name: 'export-cert',
  topic: 'Certificates',
  summary: 'write a certificate, never its private key',
  description: [
    'By its id, or by the purpose of an own certificate: the one in use. A PKCS#12 holds the certificate alone, marked ' +
      'as trusted so that Java’s keytool lists it; its passphrase protects its integrity, not a secret.',
  ],
  arguments: [{ syntax: '<certificate>', description: 'an id as list-certs shows it, or a purpose' }],
  options: [
    { flags: '--format <FORMAT>', description: 'of the file', choices: formats, default: 'pem' },
    {
      flags: '--export-passphrase-file <FILE>',
      description: 'file whose first line protects a PKCS#12 (printable ASCII)',
    },
    outputOption,
  ],
  examples: [
    {
      says: 'for a neighbour',
      command: 'tftp-pki export-cert itlrecovery -o itlrecovery.pem --data /var/lib/tftp-pki',
    },
    {
      says: 'for a Java key store',
      command:
        'tftp-pki export-cert tvs --format p12 --export-passphrase-file tvs.pass -o tvs.p12 --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [word = ''], { format = 'pem', exportPassphraseFile, output: target }) {
    const { listCertificates } = await import('../../app/list-certificates.ts');
    await withNode(context, async (node) => {
      const all = await listCertificates(node, Math.floor(node.clock.nowMs() / 1000));
      // Of several nodes each says "callmanager" and means its own.
      const { thisNode } = node.store;
      const isHere = (of: string | undefined): boolean =>
        thisNode === undefined || (of ?? thisNode) === thisNode;
      const row = all.find(
        (each) => String(each.id) === word || (each.isInUse && each.purpose === word && isHere(each.node)),
      );
      const stored = (await node.store.listCertificates()).find(({ id }) => id === row?.id);
      const certificate = stored && node.crypto.readCertificate(stored.der);
      if (!certificate)
        throw new Failure('not-found', `there is no certificate '${printable(word)}'`, {
          hint: 'tftp-pki list-certs',
        });
      const bytes = await encode(certificate, format, exportPassphraseFile);
      const { subject, fingerprint } = certificate;
      await writeOutput(context.output, target, bytes, { format, subject, fingerprint });
    });
    return 0;
  },
});

async function encode(
  certificate: CertificateFacts,
  format: Format,
  passphraseFile: string | undefined,
): Promise<Uint8Array> {
  if (format === 'der') return certificate.der;
  if (format === 'pem') {
    const { writePem } = await import('../../pki/pem.ts');
    return Buffer.from(writePem('CERTIFICATE', certificate.der));
  }
  if (format === 'p7b') {
    const { writeCmsCertificates } = await import('../../pki/cms-certificates.ts');
    return writeCmsCertificates([certificate]);
  }
  if (passphraseFile === undefined)
    throw new Failure('usage', 'a PKCS#12 file has a passphrase', {
      hint: 'name it with --export-passphrase-file FILE',
    });
  const [{ writePkcs12 }, { readPassphraseFile }] = await Promise.all([
    import('../../pki/pkcs12-write.ts'),
    import('../../node/passphrase.ts'),
  ]);
  return writePkcs12(
    [{ certificate, friendlyName: certificate.subject }],
    readPassphraseFile(passphraseFile),
  );
}
