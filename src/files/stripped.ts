/** The content of a signed file, where it is held in memory. */
import type { Content } from '../core/files/resolution.ts';
import { decodeSignedFile } from '../wire/signed-file.ts';

/** `undefined` for what is not a signed file, or lies on disk because it is large. */
export function withoutSignature(content: Content): Content | undefined {
  if (content.kind !== 'memory') return undefined;
  const decoded = decodeSignedFile(content.bytes);
  return decoded.ok ? { kind: 'memory', bytes: decoded.value.content } : undefined;
}
