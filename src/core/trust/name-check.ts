/**
 * The FILENAME item against the name that was asked (security.md §2, "The FILENAME item"): equal as asked; for a
 * device's own list either that name or the cluster's; for the cluster's list only itself. What is refused is
 * named by what an attacker or a mistake swapped: case, device, encryption, kind or scope of a list, path.
 */
import { printable } from '../../base/text.ts';
import type { SignedKind } from '../../wire/signed-header.ts';
import { parseFileName, type FileName, type FileNameKind } from '../files/file-name.ts';
import type { TrustListKind } from '../cluster/model.ts';
import { rejection, type Rejection, type VerdictCode } from './verdict.ts';

const clusterName: Readonly<Record<TrustListKind, string>> = { ctl: 'CTLFile.tlv', itl: 'ITLFile.tlv' };

/** Which trust list a name asks for, if any. */
export function listKindOfName(name: string): TrustListKind | undefined {
  const parsed = parseFileName(name);
  return parsed.ok ? listKinds.get(parsed.value.kind) : undefined;
}

/** security.md §2, name: `undefined` when the file may stand under the name asked. */
export function checkFileName(asked: string, signedAs: string | undefined): Rejection | undefined {
  if (signedAs === undefined) return rejection('file-name-missing');
  const detail = `signed as ${printable(signedAs)}, asked as ${printable(asked)}`;
  const wanted = parseFileName(asked);
  const found = parseFileName(signedAs);
  if (!wanted.ok || !found.ok) return rejection('file-name-path', detail);
  if (asked === signedAs || isClusterListForDevice(wanted.value, signedAs)) return undefined;
  return rejection(differenceOf(wanted.value, found.value), detail);
}

/** Header versions of formats.md §1: a list 1.2, an encrypted configuration 2.0, firmware 1.1, the rest 1.0. */
export function checkVersion(asked: string, kind: SignedKind): Rejection | undefined {
  const parsed = parseFileName(asked);
  const nameKind = parsed.ok ? parsed.value.kind : 'other';
  const expected = kindOfName(nameKind);
  return expected === kind
    ? undefined
    : rejection('version-not-for-name', `${kind}, the name is for ${expected}`);
}

const listKinds = new Map<FileNameKind, TrustListKind>([
  ['device-ctl', 'ctl'],
  ['cluster-ctl', 'ctl'],
  ['device-itl', 'itl'],
  ['cluster-itl', 'itl'],
]);

function kindOfName(kind: FileNameKind): SignedKind {
  if (listKinds.has(kind)) return 'trust-list';
  if (kind === 'encrypted-config') return 'encrypted-file';
  return kind === 'firmware' ? 'firmware' : 'signed-file';
}

function isClusterListForDevice(wanted: FileName, signedAs: string): boolean {
  if (wanted.kind === 'device-ctl') return signedAs === clusterName.ctl;
  return wanted.kind === 'device-itl' && signedAs === clusterName.itl;
}

function differenceOf(wanted: FileName, found: FileName): VerdictCode {
  if (wanted.asked.toLowerCase() === found.asked.toLowerCase()) return 'file-name-case';
  if (found.segments.length > wanted.segments.length) return 'file-name-path';
  const wantedList = listKinds.get(wanted.kind);
  const foundList = listKinds.get(found.kind);
  if (wantedList !== undefined && foundList !== undefined) {
    if (wantedList !== foundList) return 'file-name-list-kind';
    return wanted.device === undefined ? 'file-name-list-scope' : 'file-name-device';
  }
  if (wanted.device !== undefined && found.device !== undefined && wanted.device !== found.device)
    return 'file-name-device';
  const oneEncrypted = (wanted.kind === 'encrypted-config') !== (found.kind === 'encrypted-config');
  return oneEncrypted ? 'file-name-encryption' : 'file-name-other';
}
