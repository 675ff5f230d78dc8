/** The `Bundles` port: certificates in PKCS#12, PEM and whatever else other programs hand out. */
import { bulkIterations } from '../base/limits.ts';
import { encodeLatin1 } from '../base/text.ts';
import type { Bundles } from '../core/bulk/bundles.ts';
import { readPublicBundle } from './certificate-bundle.ts';
import { writePem } from './pem.ts';
import { writePkcs12 } from './pkcs12-write.ts';

export function createBundles(): Bundles {
  return {
    writePkcs12: (entries, passphrase) =>
      // Named one by one: an entry that carried a key would leave it here.
      writePkcs12(
        entries.map(({ certificate, friendlyName }) => ({ certificate, friendlyName })),
        passphrase,
        bulkIterations,
      ),
    writePem: ({ der }) => encodeLatin1(writePem('CERTIFICATE', der)),
    read: readPublicBundle,
  };
}
