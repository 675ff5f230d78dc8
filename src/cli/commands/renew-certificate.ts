import { Failure } from '../../base/errors.ts';
import type { RenewalStep } from '../../app/renew-certificate.ts';
import type { CertificatePurpose } from '../../core/cluster/model.ts';
import { defineCommand } from '../command.ts';
import { runTrustOperation, trustOptions, type TrustOptions } from '../run-trust-operation.ts';

interface RenewOptions extends TrustOptions {
  readonly switch?: boolean;
  readonly abort?: boolean;
}

const purposes: readonly CertificatePurpose[] = ['callmanager', 'tvs', 'capf', 'itlrecovery', 'tftp-ec'];

export const renewCertificateCommand = defineCommand<RenewOptions>({
  name: 'renew-cert',
  topic: 'Trust',
  summary: 'renew a certificate and its key in two steps',
  description: [
    'The first call makes a new key and publishes its certificate beside the old one, which goes on being used. ' +
      'When every phone has taken these lists, --switch puts the new one in use and takes the old one out of the lists. ' +
      'Before that --abort takes the new one out again.',
    'One anchor at a time: refused while another one of callmanager, tvs and itlrecovery is between its two steps.',
  ],
  arguments: [{ syntax: '<purpose>', description: 'which certificate', choices: purposes }],
  options: [
    { flags: '--switch', description: 'use the new certificate, retire the old one' },
    { flags: '--abort', description: 'take the new certificate out of the lists again' },
    ...trustOptions,
  ],
  examples: [
    { says: 'begin', command: 'tftp-pki renew-cert callmanager --data /var/lib/tftp-pki' },
    {
      says: 'finish, when all phones were reset',
      command: 'tftp-pki renew-cert callmanager --switch --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [purpose], options) {
    if (options.switch === true && options.abort === true)
      throw new Failure('usage', '--switch and --abort are opposites');
    const step: RenewalStep = options.switch === true ? 'switch' : options.abort === true ? 'abort' : 'begin';
    const { renewCertificate } = await import('../../app/renew-certificate.ts');
    return runTrustOperation(context, options, (node, by) =>
      renewCertificate(node, { purpose: purpose as CertificatePurpose, step, by }),
    );
  },
});
