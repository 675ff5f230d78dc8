/** The `Bundles` port: certificates in PKCS#12, PEM and whatever else other programs hand out. */
import { bulkIterations } from '../base/limits.ts';
import { encodeLatin1 } from '../base/text.ts';
import type { Bundles } from '../core/bulk/bundles.ts';
import { readCertificateBundle } from './certificate-bundle.ts';
import { writePem } from './pem.ts';
import { writePkcs12 } from './pkcs12-write.ts';
import { randomPassphrase } from './private-key.ts';

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
    async read(bytes, { passphrase, legacy }) {
      // What a key in it would be encrypted under: nobody will open it again.
      const secrets = { filePassphrase: () => passphrase, keyPassphrase: randomPassphrase, legacy };
      const entries = await readCertificateBundle(bytes, secrets);
      return entries.map(({ certificate, encryptedKeyPem }) => ({
        certificate,
        hasKey: encryptedKeyPem !== undefined,
      }));
    },
  };
}
