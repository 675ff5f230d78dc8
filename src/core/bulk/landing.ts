/**
 * Where certificates of another cluster land, by the purpose of their import (domain.md §6, security.md §5). CUCM puts
 * whatever is imported into phone-sast-trust, which is total power; here
 *   proxy    its signers of files, and nothing else, as signers of files: never of a trust list;
 *   emcc     Tomcat and ITLRecovery, both ways;
 *   migrate  whatever phones need to go over, until a day.
 */
import type { CertificateStoreName } from '../cluster/model.ts';
import type { BulkPurpose, BulkType } from './bulk-type.ts';

export type LandingStore = Exclude<CertificateStoreName, 'own'>;

const stores: Readonly<Record<BulkPurpose, Readonly<Partial<Record<BulkType, readonly LandingStore[]>>>>> = {
  proxy: { tftp: ['phone-tftp-trust'] },
  emcc: { tomcat: ['tomcat-trust'], itlrecovery: ['phone-sast-trust'] },
  migrate: {
    tftp: ['phone-sast-trust', 'callmanager-trust'],
    itlrecovery: ['phone-sast-trust', 'callmanager-trust'],
    capf: ['callmanager-trust'],
    tvs: ['tvs-trust'],
    tomcat: ['tomcat-trust'],
  },
};

/** Empty where the purpose has no use for the type. */
export function landingStores(purpose: BulkPurpose, type: BulkType): readonly LandingStore[] {
  return stores[purpose][type] ?? [];
}

/** Types that an import of this purpose takes. */
export function typesOf(purpose: BulkPurpose): readonly BulkType[] {
  return Object.keys(stores[purpose]) as BulkType[];
}

/** Phones check signatures with what stands here: RSA of a size that a header can name. */
export function isForPhones(store: LandingStore): boolean {
  return store === 'phone-sast-trust' || store === 'phone-tftp-trust';
}
