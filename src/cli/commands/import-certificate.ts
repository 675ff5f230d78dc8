import { userInfo } from 'node:os';
import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import { certificatePurposes, type CertificatePurpose } from '../../core/cluster/model.ts';
import { trustStores } from '../../core/trust/power.ts';
import {
  certificateInputOptions,
  readCertificates,
  sourceOf,
  type CertificateInputOptions,
} from '../certificate-input.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { yesOption } from '../confirm.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';
import { trustAll, type TrustStore } from '../trust-certificates.ts';

interface ImportOptions extends CertificateInputOptions {
  readonly store?: TrustStore;
  readonly yes?: boolean;
}

export const importCertificateCommand = defineCommand<ImportOptions>({
  name: 'import-cert',
  topic: 'Certificates',
  summary: 'take the answer of a CA, a key with its certificate, or certificates of others',
  description: [
    'With a purpose: one of the certificates belongs to a key that "issue-cert --csr" made here, or a PKCS#12 brings ' +
      'its key. Key, allowed use and the path to a root are checked; the root comes with it or is in the store already. ' +
      'Where a certificate is in use the new one waits beside it: publish it with "update-itl" and "update-ctl", then ' +
      '"renew-cert PURPOSE --switch".',
    'With --store: every certificate of the files goes to that store, as "trust-cert" does with one.',
    'Files are PEM, DER, .p7b or PKCS#12; their bytes say which.',
  ],
  arguments: [
    {
      syntax: '<words...>',
      description: `the purpose (${certificatePurposes.join(', ')}) and files; with --store only files`,
    },
  ],
  options: [
    {
      flags: '--store <STORE>',
      description: 'certificates of others, into this store',
      choices: trustStores,
    },
    ...certificateInputOptions,
    yesOption,
  ],
  examples: [
    {
      says: 'the answer of the company’s CA with its chain',
      command: 'tftp-pki import-cert tvs tvs.pem chain.p7b --data /var/lib/tftp-pki',
    },
    {
      says: 'the servers of another cluster',
      command: 'tftp-pki import-cert --store callmanager-trust cluster-b.p7b --data /var/lib/tftp-pki',
    },
  ],
  async run(context, words, options) {
    const names = words.flatMap((word) => word ?? []);
    await (options.store === undefined
      ? importOwn(context, names, options)
      : trustAll(context, options.store, names, options));
    return 0;
  },
});

async function importOwn(
  context: CommandContext,
  [word = '', ...files]: readonly string[],
  options: ImportOptions,
): Promise<void> {
  const purpose = certificatePurposes.find((known) => known === word);
  if (purpose === undefined)
    throw new Failure('usage', `'${printable(word)}' is no purpose`, {
      hint: `${certificatePurposes.join(', ')}; or say --store STORE`,
    });
  if (files.length === 0) throw new Failure('usage', 'no file is named');
  const { importCertificate } = await import('../../app/import-certificate.ts');
  await withNode(context, async (node) => {
    const entries = await readCertificates(context, node, files, options);
    const source = sourceOf(files);
    const imported = await importCertificate(node, { purpose, entries, source, by: userInfo().username });
    const { id, certificate, path, warnings, waits } = imported;
    const { output } = context;
    const root = path.at(-1) ?? certificate;
    if (output.json)
      output.object({
        id,
        purpose,
        subject: certificate.subject,
        fingerprint: certificate.fingerprint,
        path: path.map(({ subject, fingerprint }) => ({ subject, fingerprint })),
        warnings,
        waits,
      });
    else {
      output.note(`imported certificate ${id}: ${printable(certificate.subject)}`);
      output.note(`its root is ${printable(root.subject)}, SHA256:${root.fingerprint}: compare it`);
    }
    for (const warning of warnings) output.warn(printable(warning));
    sayNext(output, purpose, waits);
  });
}

function sayNext(output: Output, purpose: CertificatePurpose, waits: boolean): void {
  const next = `tftp-pki renew-cert ${purpose} --switch`;
  if (purpose === 'callmanager-ec') {
    if (waits) output.hint(next);
    return;
  }
  output.hint('tftp-pki update-itl and update-ctl publish it');
  if (waits) output.hint(`when all phones were reset: ${next}`);
}
