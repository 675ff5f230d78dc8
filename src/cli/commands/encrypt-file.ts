import { basename } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { SignedContent } from '../../app/sign-content.ts';
import type { CertificateFacts } from '../../core/ports.ts';
import type { HashName } from '../../wire/algorithm.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { contentSecondsOf, namingFile, readInput } from '../read-input.ts';
import { readSignerKey } from '../signer-key.ts';
import { parseTimeSeconds } from '../words.ts';
import { outputOption, writeOutput } from '../write-output.ts';

interface EncryptOptions {
  readonly as?: string;
  readonly for?: string;
  readonly key?: string;
  readonly certificate?: string;
  readonly hash?: HashName;
  readonly at?: number;
  readonly output?: string;
}

type Encrypted = SignedContent & { readonly recipient: string };

export const encryptFileCommand = defineCommand<EncryptOptions>({
  name: 'encrypt',
  topic: 'Files',
  summary: 'encrypt a configuration so that one phone can read it, and sign it (.enc.sgn)',
  description: [
    "Encrypts to the phone's certificate: the one that the database holds for the device in the name, or the one of --for. " +
      "It is signed by the cluster's CallManager key of --data, or by the key of --key.",
    'Each run makes another file, since content key and IV are new. Refuses names that do not end in .cnf.xml.enc.sgn, ' +
      'content that carries a signed header, and certificates without an RSA key.',
  ],
  arguments: [{ syntax: '<file>', description: 'the plain configuration, or - for stdin' }],
  options: [
    {
      flags: '--as <NAME>',
      description: "the name that the phone will ask for (default: the file's own name and .enc.sgn)",
    },
    { flags: '--for <PEM>', description: "the phone's certificate (default: that of the device)" },
    { flags: '--key <PEM>', description: "sign with this private key instead of the cluster's" },
    { flags: '--certificate <PEM>', description: 'its certificate, when it is not in the same file' },
    {
      flags: '--hash <HASH>',
      description: "hash of signature and content (default: the cluster's; with --key sha1)",
      choices: ['sha1', 'sha512'],
    },
    {
      flags: '--at <TIME>',
      description: 'timestamp with --key, epoch seconds or ISO 8601 (default: now)',
      parse: parseTimeSeconds,
    },
    outputOption,
  ],
  examples: [
    {
      says: 'to the certificate of the device, by the cluster',
      command:
        'tftp-pki encrypt SEP001122334455.cnf.xml --data /var/lib/tftp-pki -o SEP001122334455.cnf.xml.enc.sgn',
    },
    {
      says: 'with keys of your own',
      command:
        'tftp-pki encrypt phone.xml --as SEP001122334455.cnf.xml.enc.sgn --for phone.pem --key callmanager.pem -o phone.enc.sgn',
    },
  ],
  async run(context, [file = ''], options) {
    if (file === '-' && options.as === undefined)
      throw new Failure('usage', 'content from stdin has no name', {
        hint: 'say the name that the phone asks for with --as NAME',
      });
    const fileName = options.as ?? `${basename(file)}.enc.sgn`;
    const content = await readInput(context.terminal, file);
    const recipient = options.for === undefined ? undefined : await readRecipient(context, options.for);
    const encrypted = await (options.key === undefined
      ? encryptByCluster(context, file, fileName, content, recipient, options)
      : encryptByKey(context, options.key, fileName, content, recipient, options));
    const { bytes, ...facts } = encrypted;
    await writeOutput(context.output, options.output, bytes, { name: fileName, ...facts });
    return 0;
  },
});

async function readRecipient({ terminal }: CommandContext, file: string): Promise<CertificateFacts> {
  const { readCertificateFile } = await import('../../pki/certificate.ts');
  const bytes = await readInput(terminal, file);
  const [certificate] = namingFile(file, () => readCertificateFile(bytes));
  if (certificate === undefined) throw new Failure('format', `${file} holds no certificate`);
  return certificate;
}

async function encryptByCluster(
  context: CommandContext,
  file: string,
  fileName: string,
  content: Uint8Array,
  recipient: CertificateFacts | undefined,
  { hash, at, certificate }: EncryptOptions,
): Promise<Encrypted> {
  if (at !== undefined || certificate !== undefined)
    throw new Failure(
      'usage',
      '--at and --certificate belong to --key; the cluster keeps its own timestamps',
    );
  const [{ encryptContent }, { createEncryptor }] = await Promise.all([
    import('../../app/encrypt-content.ts'),
    import('../../pki/encryptor.ts'),
  ]);
  const contentSeconds = await contentSecondsOf(file);
  return withNode(context, (node) =>
    encryptContent(
      { ...node, encryptor: createEncryptor() },
      { fileName, content, contentSeconds, hash, recipient },
    ),
  );
}

async function encryptByKey(
  context: CommandContext,
  keyFile: string,
  fileName: string,
  content: Uint8Array,
  recipient: CertificateFacts | undefined,
  { hash = 'sha1', at, certificate }: EncryptOptions,
): Promise<Encrypted> {
  if (recipient === undefined)
    throw new Failure('usage', "with --key the phone's certificate is named with --for PEM");
  const [{ encryptFile }, { createEncryptor }, { createVerifier }] = await Promise.all([
    import('../../core/signing/encrypt-file.ts'),
    import('../../pki/encryptor.ts'),
    import('../../pki/verifier.ts'),
  ]);
  const signer = await readSignerKey(context, keyFile, certificate);
  const timestamp = at ?? Math.floor(Date.now() / 1000);
  const bytes = await encryptFile({
    content,
    fileName,
    timestamp,
    hash,
    signer,
    recipient,
    encryptor: createEncryptor(),
    crypto: createVerifier(),
  });
  const { fingerprint } = signer.certificate;
  return { bytes, signer: fingerprint, timestamp, hash, recipient: recipient.fingerprint };
}
