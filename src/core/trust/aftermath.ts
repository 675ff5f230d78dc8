/**
 * What must restart or reset before a change of trust has arrived (domain.md §2, "What a certificate change needs").
 * TFTP is this program and takes a new generation by itself; the other services hold certificates from their start on.
 */
import type { CertificatePurpose } from '../cluster/model.ts';

export interface Aftermath {
  /** Services outside of this program; empty when none holds what changed. */
  readonly restart: readonly string[];
  readonly reset: 'all phones' | 'moved phones' | 'no phone';
}

/** A key that begins to be used; certificates that are only listed change nothing for services. */
export function aftermathOfKey(purpose: CertificatePurpose): Aftermath {
  return { restart: servicesOf[purpose], reset: purpose === 'tftp-ec' ? 'no phone' : 'all phones' };
}

/** New lists, or everything signed anew by the same keys: phones fetch it when they boot. */
export const aftermathOfLists: Aftermath = { restart: [], reset: 'all phones' };

/** Certificates of others come or go: the TVS knows at once, lists follow when they are made anew. */
export const aftermathOfStores: Aftermath = { restart: [], reset: 'no phone' };

/** The mode is read by the services that phones register with. */
export const aftermathOfMode: Aftermath = { restart: ['CallManager', 'CTIManager'], reset: 'all phones' };

/** Adopted phones meet new keys of these services. */
export const aftermathOfAdoption: Aftermath = { restart: ['TVS', 'CAPF'], reset: 'all phones' };

/** A backup may bring other keys than the services hold. */
export const aftermathOfRestore: Aftermath = {
  restart: ['CallManager', 'CTIManager', 'TVS', 'CAPF'],
  reset: 'all phones',
};

/** Files come from elsewhere; the services there know the phones already, or do not. */
export const aftermathOfMove: Aftermath = { restart: [], reset: 'moved phones' };

const servicesOf: Readonly<Record<CertificatePurpose, readonly string[]>> = {
  callmanager: ['CallManager', 'CTIManager', 'TVS'],
  'callmanager-ec': ['CallManager', 'CTIManager'],
  tvs: ['TVS'],
  capf: ['CAPF'],
  itlrecovery: [],
  // The server reads the key of 6971 when it starts.
  'tftp-ec': ['tftp-pki serve (6971)'],
};
