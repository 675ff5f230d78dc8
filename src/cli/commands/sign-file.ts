import { basename } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { SignedContent } from '../../app/sign-content.ts';
import type { HashName } from '../../wire/algorithm.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { contentSecondsOf, readInput } from '../read-input.ts';
import { readSignerKey } from '../signer-key.ts';
import { parseTimeSeconds } from '../words.ts';
import { outputOption, writeOutput } from '../write-output.ts';

interface SignOptions {
  readonly as?: string;
  readonly key?: string;
  readonly certificate?: string;
  readonly hash?: HashName;
  readonly at?: number;
  readonly allowRsa4096?: boolean;
  readonly output?: string;
}

export const signFileCommand = defineCommand<SignOptions>({
  name: 'sign',
  topic: 'Files',
  summary: 'sign a file as phones check it (.sgn)',
  description: [
    "Puts a signed header before the file. The key is the cluster's CallManager key of --data, or the one of --key; " +
      'with --data the timestamp never falls behind what was published under that name.',
    'Refuses a file that already carries a signed header, firmware and trust lists, names that do not end in .sgn, ' +
      'EC keys and RSA-3072.',
  ],
  arguments: [{ syntax: '<file>', description: 'the content, or - for stdin' }],
  options: [
    {
      flags: '--as <NAME>',
      description: "the name that phones will ask for (default: the file's own name and .sgn)",
    },
    { flags: '--key <PEM>', description: "sign with this private key instead of the cluster's" },
    { flags: '--certificate <PEM>', description: 'its certificate, when it is not in the same file' },
    {
      flags: '--hash <HASH>',
      description: "hash of the signature (default: the cluster's; with --key sha1, which every phone takes)",
      choices: ['sha1', 'sha512'],
    },
    {
      flags: '--at <TIME>',
      description: 'timestamp with --key, epoch seconds or ISO 8601 (default: now)',
      parse: parseTimeSeconds,
    },
    {
      flags: '--allow-rsa-4096',
      description: 'with --key: sign with RSA-4096, which breaks some phone models',
    },
    outputOption,
  ],
  examples: [
    {
      says: "with the cluster's key",
      command: 'tftp-pki sign Ringlist.xml --data /var/lib/tftp-pki -o Ringlist.xml.sgn',
    },
    {
      says: 'with a key of your own, under another name',
      command: 'tftp-pki sign phone.xml --as SEP001122334455.cnf.xml.sgn --key callmanager.pem -o phone.sgn',
    },
  ],
  async run(context, [file = ''], options) {
    if (file === '-' && options.as === undefined)
      throw new Failure('usage', 'content from stdin has no name', {
        hint: 'say the signed name with --as NAME',
      });
    const fileName = options.as ?? `${basename(file)}.sgn`;
    const content = await readInput(context.terminal, file);
    const signed = await (options.key === undefined
      ? signByCluster(context, file, fileName, content, options)
      : signByKey(context, options.key, fileName, content, options));
    const { bytes, ...facts } = signed;
    await writeOutput(context.output, options.output, bytes, { name: fileName, ...facts });
    return 0;
  },
});

async function signByCluster(
  context: CommandContext,
  file: string,
  fileName: string,
  content: Uint8Array,
  { hash, at, certificate }: SignOptions,
): Promise<SignedContent> {
  if (at !== undefined || certificate !== undefined)
    throw new Failure(
      'usage',
      '--at and --certificate belong to --key; the cluster keeps its own timestamps',
    );
  const { signContent } = await import('../../app/sign-content.ts');
  const contentSeconds = await contentSecondsOf(file);
  return withNode(context, (node) => signContent(node, { fileName, content, contentSeconds, hash }));
}

async function signByKey(
  context: CommandContext,
  keyFile: string,
  fileName: string,
  content: Uint8Array,
  { hash = 'sha1', at, certificate, allowRsa4096 }: SignOptions,
): Promise<SignedContent> {
  const [{ refuseUnsignable }, { signFile }] = await Promise.all([
    import('../../app/sign-content.ts'),
    import('../../core/signing/sign-file.ts'),
  ]);
  refuseUnsignable(fileName, content);
  const signer = await readSignerKey(context, keyFile, certificate);
  const timestamp = at ?? Math.floor(Date.now() / 1000);
  const bytes = await signFile({ content, fileName, timestamp, hash, signer, allowRsa4096 });
  return { bytes, signer: signer.certificate.fingerprint, timestamp, hash };
}
