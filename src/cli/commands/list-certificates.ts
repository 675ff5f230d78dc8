import type { ListedCertificate } from '../../app/list-certificates.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import { printable } from '../../base/text.ts';
import type { CertificateStoreName } from '../../core/cluster/model.ts';
import { expiryWords } from '../../core/trust/expiry.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';
import { printRisks, readRisks, riskFacts } from '../show-risks.ts';
import { storeNames } from '../words.ts';

interface ListOptions {
  readonly store?: CertificateStoreName;
}

export const listCertificatesCommand = defineCommand<ListOptions>({
  name: 'list-certs',
  topic: 'Certificates',
  summary: 'list certificates: expiry, what depends on each, weak algorithms',
  description: [
    'Certificates that end within 90, 30, 7 or 1 days are named on stderr. An own certificate that expired goes on ' +
      'signing: phones hold it by its bytes, and a server that stops would strand them.',
    'Weak algorithms that phones need are shown with the phones and the date until which the risk is accepted ' +
      '(risk in tftp-pki.yaml; a year from the making of the cluster where nothing is written).',
  ],
  options: [{ flags: '--store <STORE>', description: 'only this store', choices: storeNames }],
  examples: [
    { says: 'an overview', command: 'tftp-pki list-certs --data /var/lib/tftp-pki' },
    {
      says: 'what ends within 30 days, for a script',
      command: "tftp-pki list-certs --json | jq '.certificates[] | select(.daysLeft <= 30)'",
    },
  ],
  async run(context, _, { store }) {
    const { listCertificates } = await import('../../app/list-certificates.ts');
    const { output } = context;
    await withNode(context, async (node) => {
      const all = await listCertificates(node, Math.floor(node.clock.nowMs() / 1000));
      const certificates = all.filter((each) => store === undefined || each.store === store);
      const risks = await readRisks(context, node);
      if (output.json) output.object({ certificates: certificates.map(facts), risks: risks.map(riskFacts) });
      else {
        printCertificates(output, certificates);
        printRisks(output, risks);
      }
      warnOfExpiry(output, certificates);
    });
    return 0;
  },
});

/** One line of talk for each certificate whose end is near or past. */
export function warnOfExpiry(output: Output, certificates: readonly ListedCertificate[]): void {
  for (const { id, purpose, store, subject, expiry, daysLeft, isInUse } of certificates)
    if (expiry !== undefined)
      output.warn(
        `certificate ${id} (${purpose ?? store}, ${printable(subject)}) ${expiryWords(daysLeft)}` +
          (expiry === 'expired' && isInUse ? ' and goes on being used' : ''),
      );
}

function facts({ notBefore, notAfter, addedMs, purpose, node, expiry, ...rest }: ListedCertificate) {
  return {
    ...rest,
    purpose: purpose ?? null,
    node: node ?? null,
    notBefore: formatIsoSeconds(notBefore),
    notAfter: formatIsoSeconds(notAfter),
    expiry: expiry ?? null,
    added: new Date(addedMs).toISOString(),
  };
}

function printCertificates(output: Output, certificates: readonly ListedCertificate[]): void {
  const several = new Set(certificates.flatMap(({ node }) => node ?? [])).size > 1;
  const ofNode = (word: string): readonly string[] => (several ? [word] : []);
  output.table(
    ['ID', 'STORE', 'PURPOSE', ...ofNode('NODE'), 'KEY', 'EXPIRES', 'DAYS', 'DEPENDENTS', 'SUBJECT'],
    certificates.map(
      ({ id, store, purpose, node, key, notAfter, daysLeft, dependents, subject, isInUse }) => [
        String(id),
        store,
        purpose === undefined ? '-' : isInUse ? purpose : `${purpose} (waits)`,
        ...ofNode(node === undefined ? '-' : printable(node)),
        key,
        formatIsoSeconds(notAfter).slice(0, 10),
        String(daysLeft),
        dependents.length === 0 ? '-' : dependents.join(', '),
        printable(subject),
      ],
    ),
  );
}
