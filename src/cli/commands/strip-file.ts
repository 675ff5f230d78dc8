import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import { defineCommand } from '../command.ts';
import { readInput } from '../read-input.ts';
import { outputOption, writeOutput } from '../write-output.ts';

interface StripOptions {
  readonly output?: string;
}

export const stripFile = defineCommand<StripOptions>({
  name: 'strip',
  topic: 'Files',
  summary: 'take the signed header off a file and give what is below',
  description: [
    'Writes the content of a signed file, byte for byte. The signature is not checked: that is "verify".',
    "Refuses firmware, whose maker's header is part of it, and trust lists, which mean nothing without theirs.",
  ],
  arguments: [{ syntax: '<file>', description: 'a signed file, or - for stdin' }],
  options: [outputOption],
  examples: [
    { says: 'read a configuration', command: 'tftp-pki strip SEP001122334455.cnf.xml.sgn' },
    { says: 'keep the content', command: 'tftp-pki strip Ringlist.xml.sgn -o Ringlist.xml' },
  ],
  async run({ output, terminal }, [file = ''], options) {
    const { decodeSignedFile } = await import('../../wire/signed-file.ts');
    const bytes = await readInput(terminal, file);
    const decoded = decodeSignedFile(bytes);
    if (!decoded.ok) throw new Failure('format', `${file} ${decoded.error.message}`);
    const { header, content } = decoded.value;
    if (header.kind === 'firmware')
      throw new Failure('refused', `${file} is firmware; its header belongs to it and is never taken off`);
    if (header.kind === 'trust-list')
      throw new Failure('refused', `${file} is a trust list; without its header it means nothing`, {
        hint: `tftp-pki inspect ${file} shows its records`,
      });
    if (header.kind === 'encrypted-file') output.warn(`the content of ${printable(file)} is still encrypted`);
    await writeOutput(output, options.output, content, {
      name: header.fileName,
      kind: header.kind,
      headerBytes: header.headerLength,
    });
    return 0;
  },
});
