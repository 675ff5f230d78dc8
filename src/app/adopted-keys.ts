/** Which of the given keys takes which place in an adopted cluster. Refused: none that phones take a list from. */
import { Failure } from '../base/errors.ts';
import { printable, toHex } from '../base/text.ts';
import type { CertificatePurpose } from '../core/cluster/model.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { uncheckableKey } from '../core/trust/checkable.ts';
import type { AdoptedLists } from './adopted-lists.ts';

export interface GivenCertificate {
  readonly certificate: CertificateFacts;
  /** Encrypted under the folder's passphrase; undefined where only the certificate was given. */
  readonly encryptedKeyPem: string | undefined;
}

type WithKey = GivenCertificate & { readonly encryptedKeyPem: string };

export interface AdoptedKeys {
  readonly own: Readonly<Partial<Record<CertificatePurpose, WithKey>>>;
  /** Signs the first generation. */
  readonly listSigner: CertificateFacts;
  /** Given SASTs beyond these: the CTL goes on listing them. */
  readonly furtherSasts: readonly CertificateFacts[];
}

export function chooseAdopted(
  lists: AdoptedLists,
  sasts: readonly GivenCertificate[],
  callmanager: GivenCertificate | undefined,
): AdoptedKeys {
  const given = callmanager === undefined ? sasts : [callmanager, ...sasts];
  const signers = given.filter(hasKey).filter(({ certificate }) => isAmong(lists.sasts, certificate));
  const [anySigner] = signers;
  if (anySigner === undefined) throw nothingToSignWith(lists, given);
  const forFiles = given.filter(hasKey).find(({ certificate }) => isAmong(lists.fileSigners, certificate));
  if (callmanager !== undefined && forFiles?.certificate.fingerprint !== callmanager.certificate.fingerprint)
    throw new Failure(
      'refused',
      `phones believe no file signed by ${printable(callmanager.certificate.subject)}`,
      {
        hint:
          callmanager.encryptedKeyPem === undefined
            ? 'The file of --callmanager holds no private key.'
            : 'Leave --callmanager out: a new one is issued and comes with the lists.',
      },
    );
  const recovery = signers.find(
    ({ certificate }) => certificate.fingerprint !== forFiles?.certificate.fingerprint,
  );
  const places = [forFiles, recovery].map((place) => place?.certificate.fingerprint);
  return {
    own: { ...(forFiles && { callmanager: forFiles }), ...(recovery && { itlrecovery: recovery }) },
    listSigner: (recovery ?? anySigner).certificate,
    furtherSasts: sasts
      .map(({ certificate }) => certificate)
      .filter(
        (certificate) => isAmong(lists.sasts, certificate) && !places.includes(certificate.fingerprint),
      ),
  };
}

/** And one whose signatures phones can check: an EC key of a list is for TLS. */
function hasKey(given: GivenCertificate): given is WithKey {
  return given.encryptedKeyPem !== undefined && uncheckableKey(given.certificate) === undefined;
}

function isAmong(certificates: readonly CertificateFacts[], wanted: CertificateFacts): boolean {
  return certificates.some(({ fingerprint }) => fingerprint === wanted.fingerprint);
}

/** Which keys would do and, where they cannot be had, what to load where and in which order. */
function nothingToSignWith(lists: AdoptedLists, given: readonly GivenCertificate[]): Failure {
  const keyless = given.filter(({ encryptedKeyPem }) => encryptedKeyPem === undefined);
  return new Failure(
    'refused',
    [
      'phones that hold these lists take no list signed by a key that was given',
      ...keyless.map(({ certificate }) => `no private key came with ${printable(certificate.subject)}`),
      'they take one from:',
      ...lists.sasts.map(({ subject, serial }) => `  ${printable(subject)} (serial ${toHex(serial, ':')})`),
      'where none of these keys can be had, load certificates at the old cluster first:',
      '  1. the certificate of an RSA-2048 key of yours into its phone-sast-trust, then update its CTL and ITL',
      '  2. reset the phones, and see that they took these lists',
      '  3. fetch the new lists with tftp-pki get, and adopt them with that key as --sast',
    ].join('\n'),
    { hint: 'Export one of the keys above with its certificate and name it with --sast.' },
  );
}
