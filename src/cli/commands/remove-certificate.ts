import { userInfo } from 'node:os';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import {
  aftermathFacts,
  dryRunOption,
  guardChange,
  sayRestart,
  strandOption,
  type TrustOptions,
} from '../run-trust-operation.ts';
import { strandFacts } from '../show-strand.ts';
import { parseCount } from '../words.ts';

export const removeCertificateCommand = defineCommand<TrustOptions>({
  name: 'remove-cert',
  topic: 'Certificates',
  summary: 'retire a certificate that nothing depends on',
  description: [
    'It leaves its store and stays in the history. Refused for what signed a published list, for an own certificate in ' +
      'use, and for an own one that a published list names. A foreign signer may go: the next CTL is made without it.',
  ],
  arguments: [{ syntax: '<id>', description: 'as list-certs shows it' }],
  options: [dryRunOption, strandOption],
  examples: [{ says: 'by its id', command: 'tftp-pki remove-cert 7 --data /var/lib/tftp-pki' }],
  async run(context, [word = ''], options) {
    const id = parseCount(word);
    const { planRemoval, removeCertificate } = await import('../../app/trust-certificate.ts');
    const { output } = context;
    return withNode(context, async (node) => {
      const removal = await planRemoval(node, id, userInfo().username);
      const planned = await guardChange(context, options, node, removal.operation);
      const { dryRun = false } = options;
      const { removed } = removal;
      if (!dryRun) await removeCertificate(node, removal);
      const { aftermath } = removal.operation;
      if (output.json)
        output.object({ ...removed, dryRun, phones: strandFacts(planned), ...aftermathFacts(aftermath) });
      else if (dryRun) output.note('nothing was changed');
      else output.note(`${removed.subject} left ${removed.store}`);
      if (!dryRun) sayRestart(output, aftermath.restart);
      for (const list of removed.listedIn)
        output.hint(`the published ${list} names it: tftp-pki update-${list.toLowerCase()}`);
      return dryRun && planned.strand.stranded.length > 0 ? 1 : 0;
    });
  },
});
