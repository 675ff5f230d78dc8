/** Where certificates of others land, and what that makes of them: domain.md §6 and security.md §5, row by row. */
import { describe, expect, it } from 'vitest';
import type { CertificateStoreName, StoredCertificate } from '../../../../src/core/cluster/model.ts';
import {
  bulkPurposes,
  bulkTypes,
  type BulkPurpose,
  type BulkType,
} from '../../../../src/core/bulk/bulk-type.ts';
import { isForPhones, landingStores, typesOf } from '../../../../src/core/bulk/landing.ts';
import { vouchedRoles } from '../../../../src/core/tvs/vouching.ts';

const rows: readonly [BulkPurpose, Readonly<Record<BulkType, readonly string[]>>][] = [
  // security.md §5: `proxy` = TFTP role only.
  ['proxy', { tftp: ['phone-tftp-trust'], tvs: [], capf: [], tomcat: [], itlrecovery: [] }],
  // domain.md §6: EMCC needs Tomcat plus ITLRecovery both ways.
  ['emcc', { tftp: [], tvs: [], capf: [], tomcat: ['tomcat-trust'], itlrecovery: ['phone-sast-trust'] }],
  // domain.md §6, the stores that CUCM fills; security.md §5 gives them an end (plan-import).
  [
    'migrate',
    {
      tftp: ['phone-sast-trust', 'callmanager-trust'],
      itlrecovery: ['phone-sast-trust', 'callmanager-trust'],
      capf: ['callmanager-trust'],
      tomcat: ['tomcat-trust'],
      tvs: ['tvs-trust'],
    },
  ],
];

describe.each(rows)('--purpose %s', (purpose, stores) => {
  it.each(bulkTypes)('%s', (type) => {
    expect(landingStores(purpose, type).toSorted()).toEqual(stores[type].toSorted());
    expect(typesOf(purpose).includes(type)).toBe(stores[type].length > 0);
  });
});

const rolesOf = (store: CertificateStoreName): readonly string[] =>
  vouchedRoles({ store, purpose: undefined } as StoredCertificate, 'here');

it('a proxy becomes a signer of files by nothing that it exports, and of nothing else (security.md §5)', () => {
  const roles = bulkTypes.flatMap((type) => landingStores('proxy', type)).flatMap(rolesOf);
  expect(roles).toEqual(['TFTP']);
});

it('nobody becomes a SAST by callmanager-trust, and no TVS or CAPF is vouched for (security.md §5)', () => {
  for (const purpose of bulkPurposes)
    for (const type of bulkTypes)
      for (const store of landingStores(purpose, type)) {
        expect(rolesOf(store).includes('SAST')).toBe(store === 'phone-sast-trust');
        expect(rolesOf(store)).not.toContain('TVS');
        expect(rolesOf(store)).not.toContain('CAPF');
        // CAPF-trust is a separate manual step (domain.md §6).
        expect(store).not.toBe('capf-trust');
        expect(isForPhones(store)).toBe(store.startsWith('phone-'));
      }
});
