import { basename } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { Role } from '../../wire/role.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { namingFile, readInput } from '../read-input.ts';
import { readAnchors, readLists } from '../read-trust.ts';
import { readKeyPassphrase } from '../signer-key.ts';
import { parseTrustAnchor } from '../words.ts';
import { outputOption, writeOutput } from '../write-output.ts';

interface DecryptOptions {
  readonly key: string;
  readonly as?: string;
  readonly trustList?: readonly string[];
  readonly trust?: readonly { readonly role: Role; readonly file: string }[];
  readonly output?: string;
}

export const decryptFileCommand = defineCommand<DecryptOptions>({
  name: 'decrypt',
  topic: 'Files',
  summary: "open an encrypted configuration with the phone's private key",
  description: [
    'Writes the plain configuration of a .enc.sgn, byte for byte. With --trust-list or --trust the file must first pass ' +
      'as in "verify"; without them nobody says who signed it, and stderr says so.',
    'Refuses a file for another key, and any whose content is not the one of the digest in its header.',
  ],
  arguments: [{ syntax: '<file>', description: 'the encrypted configuration, or - for stdin' }],
  options: [
    { flags: '--key <PEM>', description: "the phone's private key, RSA", required: true },
    {
      flags: '--as <NAME>',
      description: "the name the file was asked for by (default: the file's own name)",
    },
    { flags: '--trust-list <FILE>', description: 'trust the records of this ITL or CTL', many: true },
    {
      flags: '--trust <ROLE=CERT.pem>',
      description: 'trust a certificate in a role: SAST, CCM, CCM+TFTP, TFTP, CAPF, TVS',
      many: true,
      parse: parseTrustAnchor,
    },
    outputOption,
  ],
  examples: [
    {
      says: 'verified and opened',
      command:
        'tftp-pki decrypt SEP001122334455.cnf.xml.enc.sgn --key phone.pem --trust-list ITLFile.tlv -o phone.xml',
    },
  ],
  async run(context, [file = ''], options) {
    const [{ decryptFile }, { createDecryptor }, { createVerifier }] = await Promise.all([
      import('../../core/signing/decrypt-file.ts'),
      import('../../pki/encryptor.ts'),
      import('../../pki/verifier.ts'),
    ]);
    const { output, terminal } = context;
    const bytes = await readInput(terminal, file);
    const signer = await checkSigner(context, file, bytes, options);
    const pem = Buffer.from(await readInput(terminal, options.key)).toString('latin1');
    const passphrase = await readKeyPassphrase(context);
    const decryptor = namingFile(options.key, () => createDecryptor(pem, passphrase));
    const plain = decryptFile(createVerifier(), bytes, decryptor);
    if (!plain.ok)
      throw new Failure('format', `${printable(file)}: ${plain.error.reason} (${plain.error.code})`);
    await writeOutput(output, options.output, plain.value, { name: options.as ?? basename(file), signer });
    return 0;
  },
});

/** Fingerprint of who signed; undefined when nobody is trusted and nothing was checked. */
async function checkSigner(
  { output, terminal }: CommandContext,
  file: string,
  bytes: Uint8Array,
  { as, trustList = [], trust = [] }: DecryptOptions,
): Promise<string | undefined> {
  if (trustList.length + trust.length === 0) {
    output.warn(`who signed ${printable(file)} was not checked: name --trust-list or --trust`);
    return undefined;
  }
  if (file === '-' && as === undefined)
    throw new Failure('usage', 'a file from stdin has no name', {
      hint: 'say which name was asked for with --as NAME',
    });
  const [{ verifyStrict }, { createVerifier }] = await Promise.all([
    import('../../core/trust/strict.ts'),
    import('../../pki/verifier.ts'),
  ]);
  const verdict = verifyStrict(createVerifier(), {
    bytes,
    name: as ?? basename(file),
    trust: {
      lists: await readLists(terminal, trustList),
      certificates: await readAnchors(terminal, trust),
    },
    nowSeconds: Math.floor(Date.now() / 1000),
  });
  if (!verdict.accepted)
    throw new Failure('refused', `${printable(file)}: ${verdict.reason} (${verdict.code})`);
  return verdict.signer?.fingerprint;
}
