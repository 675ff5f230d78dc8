/**
 * What an administrator of CUCM does by hand with the PEM files of an export: the file names and the password of CUCM's
 * own bulk files are not public, so its "Bulk Certificate Management" cannot be fed by us.
 */
import { printable } from '../../base/text.ts';
import type { BulkType } from './bulk-type.ts';
import { pemName } from './layout.ts';
import type { BulkManifest } from './manifest.ts';

/** The "Certificate Purpose" to choose on the upload page. */
const uploadsOf: Readonly<Record<BulkType, readonly string[]>> = {
  tftp: ['Phone-SAST-trust', 'CallManager-trust'],
  itlrecovery: ['Phone-SAST-trust', 'CallManager-trust'],
  capf: ['CallManager-trust'],
  tomcat: ['tomcat-trust'],
  tvs: ['TVS-trust'],
};

export function cucmList({ cluster, certificates }: BulkManifest): string {
  const uploads = certificates.flatMap(({ node, type, fingerprint, subject }) =>
    uploadsOf[type].map((purpose) => {
      const file = pemName(node, type, fingerprint);
      return [`upload ${file} as ${purpose}`, `    ${printable(subject)}`, `    SHA256:${fingerprint}`].join(
        '\n',
      );
    }),
  );
  return [
    `Certificates of ${cluster} for a CUCM cluster`,
    '',
    'On the publisher, Cisco Unified OS Administration, Security > Certificate Management.',
    'Phone-SAST-trust is total power: whoever holds such a key can sign trust lists for every phone of the cluster.',
    'For a proxy TFTP the tftp lines are enough. Compare each fingerprint with its owner before.',
    '',
    ...uploads,
    '',
    'Then restart the Trust Verification Service on all nodes; in mixed mode run, on the publisher,',
    '    utils ctl update CTLFile',
    'and reset the phones.',
    '',
  ].join('\n');
}
