import { userInfo } from 'node:os';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { parseCount } from '../words.ts';

export const removeCertificateCommand = defineCommand({
  name: 'remove-cert',
  topic: 'Certificates',
  summary: 'retire a certificate that nothing depends on',
  description: [
    'It leaves its store and stays in the history. Refused for what signed a published list, for an own certificate in ' +
      'use, and for an own one that a published list names. A foreign signer may go: the next CTL is made without it.',
  ],
  arguments: [{ syntax: '<id>', description: 'as list-certs shows it' }],
  examples: [{ says: 'by its id', command: 'tftp-pki remove-cert 7 --data /var/lib/tftp-pki' }],
  async run(context, [word = '']) {
    const id = parseCount(word);
    const { removeCertificate } = await import('../../app/trust-certificate.ts');
    const { output } = context;
    await withNode(context, async (node) => {
      const removed = await removeCertificate(node, id, userInfo().username);
      if (output.json) output.object({ id, ...removed });
      else output.note(`${removed.subject} left ${removed.store}`);
      for (const list of removed.listedIn)
        output.hint(`the published ${list} names it: tftp-pki update-${list.toLowerCase()}`);
    });
    return 0;
  },
});
