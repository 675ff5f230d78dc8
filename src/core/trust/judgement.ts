/** A phone's word about one file, and how it is said. A refusal names whom the phone would have believed. */
import type { CertificateFacts } from '../ports.ts';
import { canSign, describeCertificate, nameAnchor, nameCertificate, type Anchor } from './anchor.ts';
import { sentences, type CertificateName, type Rejection, type VerdictCode } from './verdict.ts';

export interface Judgement {
  /** `unknown`: no public source settles what a phone does. */
  readonly phone: 'accept' | 'reject' | 'unknown';
  readonly code: VerdictCode;
  /** One line, safe to print. */
  readonly reason: string;
  /** Who signed, as far as the file and the lists tell. */
  readonly signer: CertificateName | undefined;
  /** Certificates the phone believes for this use; empty where it asks for none. */
  readonly wanted: readonly CertificateName[];
  /** What strict.ts refuses or remarks in a file that the phone takes. */
  readonly lint: readonly VerdictCode[];
}

export function accept(
  code: VerdictCode,
  certificate?: CertificateFacts,
  lint: readonly VerdictCode[] = [],
): Judgement {
  const signer = certificate && nameCertificate(certificate);
  const reason = signer ? `${sentences[code]}: ${describeCertificate(signer)}` : sentences[code];
  return { phone: 'accept', code, reason, signer, wanted: [], lint };
}

/** A refusal for which no certificate could have helped. */
export function reject({ code, reason }: Rejection, signer?: CertificateName): Judgement {
  return { phone: 'reject', code, reason, signer, wanted: [], lint: [] };
}

/** A refusal of the signer: says which certificates the phone wanted. */
export function rejectSigner(
  failed: Rejection,
  signer: CertificateName,
  wanted: readonly Anchor[],
): Judgement {
  return withWanted(reject(failed, signer), signer, wanted);
}

export function unknown({ code, reason }: Rejection, signer?: CertificateName): Judgement {
  return { phone: 'unknown', code, reason, signer, wanted: [], lint: [] };
}

function withWanted(judgement: Judgement, signer: CertificateName, wanted: readonly Anchor[]): Judgement {
  const names = distinct(wanted.filter(canSign).map(nameAnchor));
  const list = names.map(describeCertificate).join('; ');
  const trusts = names.length === 0 ? 'the phone trusts no certificate for this' : `the phone wanted ${list}`;
  return {
    ...judgement,
    reason: `${judgement.reason}; signed by ${describeCertificate(signer)}; ${trusts}`,
    wanted: names,
  };
}

function distinct(names: readonly CertificateName[]): readonly CertificateName[] {
  return [
    ...new Map(names.map((name) => [`${name.issuer}\n${name.serial}\n${name.fingerprint}`, name])).values(),
  ];
}
