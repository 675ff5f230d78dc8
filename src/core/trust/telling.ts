/** Which names say something of the lists that a phone holds, when they are asked for or delivered (belief-book.ts). */
import { parseFileName, type FileNameKind } from '../files/file-name.ts';
import { mayBeMarker } from './marker.ts';

/** Lists, configurations, and what only a believed configuration names. */
export function isTelling(name: string): boolean {
  const parsed = parseFileName(name);
  return parsed.ok && (telling.has(parsed.value.kind) || mayBeMarker(parsed.value.base));
}

const telling: ReadonlySet<FileNameKind> = new Set<FileNameKind>([
  'config',
  'encrypted-config',
  'device-ctl',
  'device-itl',
  'cluster-ctl',
  'cluster-itl',
]);
