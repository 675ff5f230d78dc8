/** Who issued certificates of phones: our CAPF and those that somebody imported. */
import type { ClusterView } from '../app/cluster-view.ts';
import type { CertificateFacts, Crypto } from '../core/ports.ts';

export function phoneIssuers(
  crypto: Pick<Crypto, 'readCertificate'>,
  { own, certificates }: Pick<ClusterView, 'own' | 'certificates'>,
): readonly CertificateFacts[] {
  const foreign = certificates.filter(({ store }) => store === 'capf-trust');
  return [
    ...own.filter(({ purpose }) => purpose === 'capf').map(({ certificate }) => certificate),
    ...foreign.flatMap(({ der }) => crypto.readCertificate(der) ?? []),
  ];
}
