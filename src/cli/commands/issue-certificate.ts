import { userInfo } from 'node:os';
import { printable } from '../../base/text.ts';
import { certificatePurposes, type CertificatePurpose } from '../../core/cluster/model.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import { outputOption, writeOutput } from '../write-output.ts';

interface IssueOptions {
  readonly csr?: boolean;
  readonly output?: string;
}

export const issueCertificateCommand = defineCommand<IssueOptions>({
  name: 'issue-cert',
  topic: 'Certificates',
  summary: 'make a key with its certificate, or a request for another CA',
  description: [
    'Self-signed by the profile of the purpose (certs/). Refused where the node has a certificate of the purpose: ' +
      'phones may hold it, and "renew-cert" leads them to the next one.',
    'With --csr a new key is made and kept, and a PKCS#10 request for it is written; the answer comes back with ' +
      '"import-cert". The key in use stays in use. Key types are fixed by the profile, since phones check only those.',
  ],
  arguments: [{ syntax: '<purpose>', description: 'what it is for', choices: certificatePurposes }],
  options: [{ flags: '--csr', description: 'write a request instead of a certificate' }, outputOption],
  examples: [
    {
      says: 'for TLS of the call server',
      command: 'tftp-pki issue-cert callmanager-ec --data /var/lib/tftp-pki',
    },
    {
      says: 'a request for the company’s CA',
      command: 'tftp-pki issue-cert tvs --csr -o tvs.csr --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [word], { csr = false, output: target }) {
    const { issueCertificate, requestCertificate } = await import('../../app/issue-certificate.ts');
    const { output } = context;
    const request = { purpose: word as CertificatePurpose, by: userInfo().username };
    await withNode(context, async (node) => {
      if (csr) {
        const { requestPem, subject, keyId } = await requestCertificate(node, request);
        await writeOutput(output, target, Buffer.from(requestPem), { subject, key: keyId });
        output.note(`a key for ${printable(subject)} waits for its certificate`);
        output.hint(`tftp-pki import-cert ${request.purpose} ANSWER CA…`);
        return;
      }
      const issued = await issueCertificate(node, request);
      if (output.json) output.object(issued);
      else output.note(`issued certificate ${issued.id}: ${printable(issued.subject)}`);
      if (request.purpose !== 'callmanager-ec') output.hint('tftp-pki update-itl and update-ctl publish it');
    });
    return 0;
  },
});
