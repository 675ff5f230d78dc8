import { basename } from 'node:path';
import { userInfo } from 'node:os';
import { Failure } from '../../base/errors.ts';
import { pkcs12BytesMax } from '../../base/limits.ts';
import { bulkTypes, isBulkType, type BulkType } from '../../core/bulk/bulk-type.ts';
import type { CertificateFacts } from '../../core/ports.ts';
import type { OpenNode } from '../../node/open-node.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { withNode } from '../node.ts';
import { namingFileAsync, readInput } from '../read-input.ts';
import { bundlePassphrase, shareForm, shareOptions, withShare, type ShareOptions } from '../share-options.ts';

interface GivenFile {
  readonly type: BulkType;
  readonly file: string;
}

interface ExportOptions extends ShareOptions {
  readonly to: string;
  readonly types?: readonly BulkType[];
  readonly with?: readonly GivenFile[];
  readonly pem?: boolean;
}

export const exportBulkCommand = defineCommand<ExportOptions>({
  name: 'export-bulk',
  topic: 'Certificates',
  summary: 'put this cluster’s certificates on a share for the other clusters',
  description: [
    'Writes one PKCS#12 for each node and type, certificates alone, and a manifest signed by ITLRecovery that names them; ' +
      'never a private key. The manifest is replaced last and at once: an export that is cut off changes nothing that ' +
      'others read, and is repeated with the same command.',
    shareForm,
    'With --pem also PEM files and a list of what an administrator of CUCM does with them: the file names and the ' +
      'password of CUCM’s own bulk files are not public.',
  ],
  options: [
    { flags: '--to <SHARE>', description: 'the share', required: true },
    {
      flags: '--types <TYPES>',
      description: `${bulkTypes.join(', ')} joined by commas, or all (default: all)`,
      parse: parseTypes,
    },
    {
      flags: '--with <TYPE=FILE>',
      description:
        'a certificate that is not kept here, as the call server’s Tomcat; may stand several times',
      many: true,
      parse: parseGiven,
    },
    { flags: '--pem', description: 'PEM files and a list for CUCM too' },
    ...shareOptions,
  ],
  examples: [
    {
      says: 'everything, to the company’s SFTP server',
      command:
        'tftp-pki export-bulk --to sftp://bulk@files.example/exchange --identity ~/.ssh/bulk --data /var/lib/tftp-pki',
    },
    {
      says: 'a proxy for clusters of CUCM',
      command: 'tftp-pki export-bulk --to /mnt/exchange --types tftp --pem --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const { exportBulk } = await import('../../app/export-bulk.ts');
    const { output } = context;
    await withNode(context, async (node) => {
      const given = await readGiven(context, node, options.with ?? []);
      const types = options.types ?? bulkTypes;
      const passphrase = await bundlePassphrase(options);
      const pem = options.pem ?? false;
      const exported = await withShare(context, node, options.to, options, 'files', (share, onStep) =>
        exportBulk(node, share, { types, given, passphrase, pem, by: userInfo().username, onStep }),
      );
      const { cluster, counter, files, signer, certificates, nothingOf, droppedTypes, cucmList } = exported;
      if (output.json)
        output.object({
          cluster,
          counter,
          files,
          signer: `SHA256:${signer}`,
          certificates: certificates.length,
        });
      else {
        output.table(
          ['TYPE', 'NODE', 'SHA-256', 'FILE'],
          certificates.map(({ type, node: name, fingerprint, file }) => [
            type,
            name === '' ? '(cluster)' : name,
            fingerprint.slice(0, 16),
            file,
          ]),
        );
        if (cucmList !== undefined) output.line(`\n${cucmList.trimEnd()}`);
      }
      output.note(`export ${counter} of ${cluster}, signed by SHA256:${signer}`);
      sayNothingOf(context, options, nothingOf);
      if (droppedTypes.length > 0)
        output.warn(
          `the export before this one had ${droppedTypes.join(' and ')} too: whoever imports this one retires them`,
        );
      output.hint(
        'then one cluster runs consolidate-bulk; tell the others the fingerprint above by another way',
      );
    });
    return 0;
  },
});

function sayNothingOf(
  { output }: CommandContext,
  { types }: ExportOptions,
  nothingOf: readonly BulkType[],
): void {
  for (const type of nothingOf) {
    const why = `there is no ${type} certificate in this folder`;
    if (type === 'tomcat') output.hint(`${why}: name the call server’s with --with tomcat=FILE`);
    else if (types !== undefined) output.warn(why);
  }
}

async function readGiven(
  { terminal }: CommandContext,
  node: OpenNode,
  files: readonly GivenFile[],
): Promise<readonly { readonly type: BulkType; readonly certificate: CertificateFacts }[]> {
  const given = [];
  for (const { type, file } of files) {
    const bytes = await readInput(terminal, file, pkcs12BytesMax);
    const { certificates, hasKey } = await namingFileAsync(file, () =>
      node.bundles.read(bytes, { passphrase: '', legacy: false }),
    );
    const [certificate, second] = certificates;
    if (hasKey)
      throw new Failure('refused', `${basename(file)} holds a private key, which must not leave its place`, {
        hint: 'Name a file with the certificate alone.',
      });
    if (certificate === undefined || second !== undefined)
      throw new Failure('refused', `${basename(file)} holds ${certificates.length} certificates, not one`);
    given.push({ type, certificate });
  }
  return given;
}

function parseTypes(word: string): readonly BulkType[] {
  const words = word.split(',');
  if (words.includes('all')) return bulkTypes;
  return words.map(parseType);
}

function parseType(word: string): BulkType {
  if (isBulkType(word)) return word;
  throw new Failure('usage', `'${word}' is no type`, { hint: `${bulkTypes.join(', ')}, or all` });
}

function parseGiven(word: string): GivenFile {
  const at = word.indexOf('=');
  const file = word.slice(at + 1);
  if (at === -1 || file === '') throw new Failure('usage', `'${word}' is not TYPE=FILE`);
  return { type: parseType(word.slice(0, at)), file };
}
