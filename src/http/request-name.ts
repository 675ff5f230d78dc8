/**
 * From the target of a request to the name of a file (RFC 9112 §3.2.1, origin-form): the leading slash goes, percent
 * encoding is decoded exactly once, and the name then meets the same grammar as a TFTP name.
 * Refuses (`undefined`): absolute-form, a query, broken percent encoding, anything that is not UTF-8.
 */
export function nameOfTarget(target: string): string | undefined {
  if (target.charCodeAt(0) !== 0x2f || target.includes('?') || target.includes('#')) return undefined;
  const name = target.slice(1);
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
