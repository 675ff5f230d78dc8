/**
 * The invariants of a generation (design.md §5): whatever pair of lists a phone holds, it can be led to the next.
 * Refuses nothing itself; every sentence it gives back is a reason not to publish.
 */
import { toHex } from '../../base/text.ts';
import { signsFiles, type Role } from '../../wire/role.ts';
import type { TrustList } from '../../wire/trust-list.ts';
import type { Crypto } from '../ports.ts';
import type { TrustPlan } from './trust-plan.ts';

/** A list reduced to who signs it and who is in it; certificates by SHA-256 over the DER, lower-case hex. */
export interface ListView {
  readonly signer: string;
  readonly records: readonly { readonly role: Role; readonly fingerprint: string | undefined }[];
}

export interface SigningKeys {
  /** The certificate that signs `.sgn` files now. */
  readonly fileSigner: string;
  /** The certificates that may sign the next lists. */
  readonly nextSigners: readonly string[];
  /** The ITL names no signer of files on purpose, so that phones that hold it alone take anything. */
  readonly itlPreparedForRollback?: boolean;
}

/** Every broken invariant as one sentence; empty when the generation may be published. */
export function checkInvariants(
  itl: ListView,
  ctl: ListView | undefined,
  keys: SigningKeys,
): readonly string[] {
  const lists =
    ctl === undefined
      ? [{ name: 'ITL', list: itl }]
      : [
          { name: 'ITL', list: itl },
          { name: 'CTL', list: ctl },
        ];
  const broken: string[] = [];
  for (const { name, list } of lists) {
    for (const signing of lists)
      if (!holds(list, isSast, signing.list.signer))
        broken.push(`the signer of the ${signing.name} is no SAST in the ${name}`);
    for (const next of keys.nextSigners)
      if (!holds(list, isSast, next))
        broken.push(`the next list signer ${next.slice(0, 16)} is no SAST in the ${name}`);
    const empty = keys.itlPreparedForRollback === true && list === itl;
    if (!empty && !saysNothingOfFiles(list) && !holds(list, signsFiles, keys.fileSigner))
      broken.push(`the signer of files is neither TFTP nor CCM+TFTP in the ${name}`);
  }
  return broken;
}

export function viewOfPlan(plan: TrustPlan): ListView {
  return {
    signer: plan.signer.fingerprint,
    records: plan.records.map(({ role, certificate }) => ({ role, fingerprint: certificate?.fingerprint })),
  };
}

/** `signer`: fingerprint of the certificate that the list was verified with. */
export function viewOfList(crypto: Pick<Crypto, 'digest'>, list: TrustList, signer: string): ListView {
  return {
    signer,
    records: list.records.map(({ role, certificateDer }) => ({
      role,
      fingerprint: certificateDer && toHex(crypto.digest('sha256', certificateDer)),
    })),
  };
}

function isSast(role: Role): boolean {
  return role === 'SAST';
}

function holds(list: ListView, allowed: (role: Role) => boolean, fingerprint: string): boolean {
  return list.records.some((record) => allowed(record.role) && record.fingerprint === fingerprint);
}

/** A nonsecure cluster's CTL names its servers without certificates: files are then the ITL's affair. */
function saysNothingOfFiles(list: ListView): boolean {
  const servers = list.records.filter((record) => signsFiles(record.role));
  return servers.length > 0 && servers.every((record) => record.fingerprint === undefined);
}
