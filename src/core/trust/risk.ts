/**
 * Weak algorithms that phones make us keep, as something somebody decided: which, whom it is for, until when it is
 * accepted. SHA-1 signs what phones check because some models read nothing else; RSA of 1024 bits stands in records and
 * phone certificates of old hardware. Nothing stops working at the date: it is when somebody has to decide again.
 */
import type { Cluster, Device } from '../cluster/model.ts';
import type { CertificateFacts, Crypto } from '../ports.ts';
import { signerRsaBitsMin } from '../../base/limits.ts';

/** What the administrator wrote under `risk` in tftp-pki.yaml. Times in seconds. */
export interface RiskDecision {
  readonly sha1Until?: number | undefined;
  readonly shortRsaUntil?: number | undefined;
  /** Models that were seen to read SHA-512; every other one is taken to need SHA-1. */
  readonly sha512Models: readonly string[];
}

export interface Risk {
  readonly algorithm: 'SHA-1' | 'RSA-1024';
  /** Where it is used, as words. */
  readonly where: string;
  /** Devices that need it, by name. */
  readonly devices: readonly string[];
  /** Subjects of certificates that have it. */
  readonly certificates: readonly string[];
  /** Seconds. */
  readonly acceptedUntil: number;
  readonly isAccepted: boolean;
}

/** RSA of fewer bits is counted as RSA-1024: smaller keys do not exist in this field. */
function isShortRsa({ publicKey }: CertificateFacts): boolean {
  return publicKey.kind === 'rsa' && publicKey.modulusBits < signerRsaBitsMin;
}

export interface RiskInput {
  readonly cluster: Cluster;
  readonly devices: readonly Device[];
  /** Those of every store that are not retired. */
  readonly certificates: readonly CertificateFacts[];
}

/** Only what is in use; without a decision each risk is accepted for a year from the making of the cluster. */
export function risksOf(
  crypto: Pick<Crypto, 'readCertificate'>,
  { cluster, devices, certificates }: RiskInput,
  decision: RiskDecision,
  nowSeconds: number,
): readonly Risk[] {
  const fallback = Math.floor(cluster.createdMs / 1000) + acceptedSecondsDefault;
  const risk = (
    until: number | undefined,
    rest: Omit<Risk, 'acceptedUntil' | 'isAccepted'>,
  ): readonly Risk[] => {
    const acceptedUntil = until ?? fallback;
    return [{ ...rest, acceptedUntil, isAccepted: nowSeconds < acceptedUntil }];
  };
  const short = certificates.filter(isShortRsa).map(({ subject }) => subject);
  const shortDevices = devices.filter(({ certificateDer }) => {
    const certificate = certificateDer && crypto.readCertificate(certificateDer);
    return certificate !== undefined && isShortRsa(certificate);
  });
  return [
    ...(cluster.hash === 'sha1'
      ? risk(decision.sha1Until, {
          algorithm: 'SHA-1',
          where: 'signatures of trust lists and configurations',
          devices: devices
            .filter(({ model }) => !decision.sha512Models.includes(model))
            .map(({ name }) => name),
          certificates: [],
        })
      : []),
    ...(short.length + shortDevices.length > 0
      ? risk(decision.shortRsaUntil, {
          algorithm: 'RSA-1024',
          where: 'certificates of phones and records of trust lists',
          devices: shortDevices.map(({ name }) => name),
          certificates: short,
        })
      : []),
  ];
}

const acceptedSecondsDefault = 365 * 86_400;
