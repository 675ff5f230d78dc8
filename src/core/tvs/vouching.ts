/**
 * Whom a TVS vouches for, and as what (security.md §5): a fixed table of stores, so that nobody becomes a SAST by
 * standing in CallManager-trust and no TVS vouches for another. What this says of the cluster's own certificates is what
 * its ITL says (core/trust/plan-itl.ts): a TVS makes nobody more than a list would.
 */
import type { CertificatePurpose, CertificateStoreName, StoredCertificate } from '../cluster/model.ts';
import type { Role } from '../../wire/role.ts';

const rolesByStore: Readonly<Record<Exclude<CertificateStoreName, 'own'>, readonly Role[]>> = {
  // Their holders sign configurations for phones that moved; never trust lists.
  'callmanager-trust': ['TFTP'],
  // A CTL update writes these as SAST (domain.md §1); seen of CUCM: roles 0 and 3 (technote 213407).
  'phone-sast-trust': ['SAST', 'TFTP'],
  // A proxy TFTP's: files for the phones of this cluster, in the CTL as TFTP too (core/trust/plan-ctl.ts).
  'phone-tftp-trust': ['TFTP'],
  'tomcat-trust': ['APP-SERVER'],
  // Issuers of phone certificates: no server that a phone speaks to.
  'capf-trust': [],
  'tvs-trust': [],
};

const rolesByPurpose: Readonly<Record<CertificatePurpose, readonly Role[]>> = {
  callmanager: ['SAST', 'TFTP'],
  'callmanager-ec': ['TFTP'],
  itlrecovery: ['SAST'],
  'tftp-ec': ['TFTP'],
  capf: ['CAPF'],
  tvs: [],
};

/** What standing in its store makes of a certificate that is in use; `thisNode` is the node whose TVS is asked. */
export function vouchedRoles(row: StoredCertificate, thisNode: string): readonly Role[] {
  if (row.store !== 'own') return rolesByStore[row.store];
  if (row.purpose === undefined) return [];
  // The ITL has another node's CallManager as TFTP only (domain.md §2).
  if (row.purpose === 'callmanager' && row.node !== thisNode) return ['TFTP'];
  return rolesByPurpose[row.purpose];
}

/** A TVS, ours or another cluster's, asks phones for role 21, which comes from the ITL alone. */
export function isTvs(row: StoredCertificate): boolean {
  return row.store === 'tvs-trust' || row.purpose === 'tvs';
}
