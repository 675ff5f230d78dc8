import { Failure } from '../../base/errors.ts';
import { fetchedFileBytesMax } from '../../base/limits.ts';
import { defineCommand } from '../command.ts';
import { readInput } from '../read-input.ts';

export const inspectFile = defineCommand({
  name: 'inspect',
  topic: 'Files',
  summary: 'show every item of a signed file or a trust list',
  description: [
    'Prints the header and, of a trust list, each record: every item with its offset, tag, name, length and value. ' +
      'Reads .sgn, .enc.sgn, ITL, CTL and firmware manifests of any writer.',
    'Describes what stands there; whether to believe it is "verify". What is malformed is refused with the offset of the byte that lies.',
  ],
  arguments: [{ syntax: '<file>', description: 'the signed file or list, or - for stdin' }],
  examples: [
    { says: 'a table', command: 'tftp-pki inspect ITLFile.tlv' },
    {
      says: 'who signed it, and when',
      command: "tftp-pki inspect Ringlist.xml.sgn --json | jq '.signer, .signed'",
    },
  ],
  async run({ output, terminal }, [file = '']) {
    const [{ describeSignedFile, formatDescription }, { createVerifier }] = await Promise.all([
      import('../../core/trust/describe-file.ts'),
      import('../../pki/verifier.ts'),
    ]);
    const described = describeSignedFile(
      createVerifier(),
      await readInput(terminal, file, fetchedFileBytesMax),
    );
    if (!described.ok)
      throw new Failure('format', `${file} ${described.error.message} (${described.error.code})`, {
        ...(described.error.code === 'not-signed' && {
          hint: 'only files with the signed header can be inspected',
        }),
      });
    if (output.json) output.object(described.value);
    else output.line(formatDescription(described.value).trimEnd());
    return 0;
  },
});
