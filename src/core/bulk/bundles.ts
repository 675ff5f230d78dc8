/** Files that hold certificates, as the exchange reads and writes them; src/pki does it. */
import type { CertificateFacts } from '../ports.ts';

export interface ReadBundle {
  /** In the file's order. */
  readonly certificates: readonly CertificateFacts[];
  /** A private key lies beside them, of whatever certificate: nobody's business but its owner's. */
  readonly hasKey: boolean;
}

export interface Bundles {
  /** PKCS#12 of certificates alone: what it is given holds no key that it could write. */
  writePkcs12(
    entries: readonly { readonly certificate: CertificateFacts; readonly friendlyName: string }[],
    passphrase: string,
  ): Uint8Array;
  writePem(certificate: CertificateFacts): Uint8Array;
  /** Failures of the file's own: `format`, `refused`, `passphrase-wrong`. */
  read(
    bytes: Uint8Array,
    options: { readonly passphrase: string; readonly legacy: boolean },
  ): Promise<ReadBundle>;
}

/** Certificates are public; whoever wants another one says so on both sides. */
export const bundlePassphraseDefault = 'tftp-pki-bulk';
