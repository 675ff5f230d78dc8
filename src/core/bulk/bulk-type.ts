/** What clusters exchange and what for: the words of the command line, of manifests and of the database. */
import type { CertificatePurpose } from '../cluster/model.ts';

/** Kinds of certificates, as CUCM's bulk administration names them. */
export const bulkTypes = ['tftp', 'tvs', 'capf', 'tomcat', 'itlrecovery'] as const;
export type BulkType = (typeof bulkTypes)[number];

/** Why a cluster takes them over; decides what they may do (landing.ts). */
export const bulkPurposes = ['proxy', 'emcc', 'migrate'] as const;
export type BulkPurpose = (typeof bulkPurposes)[number];

/** Our own certificate of a type; a Tomcat belongs to the call server and is named to the export as a file. */
export const purposeOfType: Readonly<Record<BulkType, CertificatePurpose | undefined>> = {
  tftp: 'callmanager',
  tvs: 'tvs',
  capf: 'capf',
  tomcat: undefined,
  itlrecovery: 'itlrecovery',
};

export function isBulkType(text: unknown): text is BulkType {
  return bulkTypes.some((type) => type === text);
}

export function isBulkPurpose(text: unknown): text is BulkPurpose {
  return bulkPurposes.some((purpose) => purpose === text);
}

/** A cluster id that may name a folder: domain.md §7, no dot or hyphen at its beginning, no file's name (layout.ts). */
export function isClusterFolder(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$/.test(name) && !/\.(?:json|txt)$/i.test(name);
}
