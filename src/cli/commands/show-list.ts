/** `show-itl` and `show-ctl` are one command under two names. */
import { Failure } from '../../base/errors.ts';
import { trustListBytesMax } from '../../base/limits.ts';
import type { TrustListKind } from '../../core/cluster/model.ts';
import type { CommandContext, CommandDefinition } from '../command.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { readInput } from '../read-input.ts';

export const showItl = defineShow('itl');
export const showCtl = defineShow('ctl');

function defineShow(kind: TrustListKind): CommandDefinition {
  const list = kind.toUpperCase();
  const aList = kind === 'itl' ? 'an ITL' : 'a CTL';
  return defineCommand({
    name: `show-${kind}`,
    topic: 'Trust',
    summary: `print ${aList} in the layout of "show ${kind}"`,
    description: [
      `Without FILE the current ${list} of the node in --data. BYTEPOS is the number of the tag, and the words are spelt as CUCM spells them.`,
      'Exits 1 when no SAST record of the list signed it. That it is whole does not say that phones believe it: that is "verify".',
    ],
    arguments: [{ syntax: '[file]', description: `${aList} file, or - for stdin` }],
    examples: [
      {
        says: `the ${list} that this node publishes`,
        command: `tftp-pki show-${kind} --data /var/lib/tftp-pki`,
      },
      { says: 'a list from somewhere else', command: `tftp-pki show-${kind} ${list}File.tlv` },
    ],
    async run(context, [file]) {
      const { output } = context;
      const [{ showList }, { describeSignedFile }, { createVerifier }] = await Promise.all([
        import('../../core/trust/show-list.ts'),
        import('../../core/trust/describe-file.ts'),
        import('../../pki/verifier.ts'),
      ]);
      const bytes = await (file === undefined
        ? readPublished(context, kind)
        : readInput(context.terminal, file, trustListBytesMax));
      const crypto = createVerifier();
      const shown = showList(crypto, bytes, { kind });
      if (shown.error !== undefined)
        throw new Failure('format', `${file ?? list} ${shown.error.message} (${shown.error.code})`);
      if (output.json) {
        const described = describeSignedFile(crypto, bytes);
        output.object({ verified: shown.verified, ...(described.ok ? described.value : {}) });
      } else output.line(shown.text.trimEnd());
      return shown.verified ? 0 : 1;
    },
  });
}

async function readPublished(context: CommandContext, kind: TrustListKind): Promise<Uint8Array> {
  return withNode(context, async ({ store }) => {
    const list = (await store.currentLists()).find((published) => published.kind === kind);
    if (list === undefined)
      throw new Failure('not-found', `this node publishes no ${kind.toUpperCase()}`, {
        ...(kind === 'ctl' && { hint: 'a CTL exists in mixed mode; see tftp-pki status' }),
      });
    return list.bytes;
  });
}
