import { trustStores } from '../../core/trust/power.ts';
import { certificateInputOptions } from '../certificate-input.ts';
import { defineCommand } from '../command.ts';
import { yesOption } from '../confirm.ts';
import { trustAll, type TrustInputOptions, type TrustStore } from '../trust-certificates.ts';

interface TrustOptions extends TrustInputOptions {
  readonly store: TrustStore;
}

export const trustCertificateCommand = defineCommand<TrustOptions>({
  name: 'trust-cert',
  topic: 'Certificates',
  summary: 'trust a certificate of somebody else, and say what that lets its holder do',
  description: [
    'The store decides the power: phone-sast-trust lets its holder sign trust lists for every phone, callmanager-trust ' +
      'configurations, capf-trust phone certificates. The fingerprint is shown and the question asked before it is kept.',
    'Refused: a second key under a known issuer and serial in any store, a private key in the file, and for ' +
      'phone-sast-trust a key that phones cannot check.',
  ],
  arguments: [{ syntax: '<file>', description: 'PEM, DER, .p7b or PKCS#12' }],
  options: [
    { flags: '--store <STORE>', description: 'where it goes', choices: trustStores, required: true },
    ...certificateInputOptions,
    yesOption,
  ],
  examples: [
    {
      says: 'the recovery signer of another cluster',
      command: 'tftp-pki trust-cert itlrecovery-b.pem --store phone-sast-trust --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [file = ''], options) {
    await trustAll(context, options.store, [file], options);
    return 0;
  },
});
