/**
 * What a certificate in each store lets its holder do, said before it is trusted (security.md §5). Roles come from this
 * fixed table: nobody becomes a SAST by standing in CallManager-trust.
 */
import type { CertificateStoreName } from '../cluster/model.ts';

/** Stores for certificates of others; `own` is filled by issuing and importing with a key. */
export const trustStores: readonly Exclude<CertificateStoreName, 'own'>[] = [
  'callmanager-trust',
  'capf-trust',
  'tvs-trust',
  'phone-sast-trust',
  'phone-tftp-trust',
  'tomcat-trust',
];

/** The end of the sentence "whoever holds its key …"; `phones` is the number of devices in the database. */
export function powerOf(store: Exclude<CertificateStoreName, 'own'>, phones: number): string {
  const those = `${phones} phone${phones === 1 ? '' : 's'}`;
  switch (store) {
    case 'phone-sast-trust':
      return `could sign trust lists for ${those}: everything they believe`;
    case 'phone-tftp-trust':
      return `could sign the files of ${those}, no trust list: a proxy TFTP`;
    case 'callmanager-trust':
      return `could sign configurations for ${those} that ask a TVS, or issue certificates of this cluster's servers`;
    case 'capf-trust':
      return 'could issue phone certificates that this cluster takes for real';
    case 'tvs-trust':
      return 'is known as a TVS of another cluster; phones here do not ask it';
    case 'tomcat-trust':
      return `could speak to ${those} as a web service of this cluster`;
  }
}
