/** `ID=SHA256:…`: what a person says after asking the owner. */

/** A fingerprint of a certificate: `SHA256:` and 64 hex digits, colons between them allowed; gives lower-case hex. */
export function parseFingerprint(text: string): string | undefined {
  const hex = /^SHA256:([0-9a-f:]+)$/i.exec(text)?.[1]?.replaceAll(':', '').toLowerCase() ?? '';
  return hex.length === 64 ? hex : undefined;
}

export function parseAcceptance(
  text: string,
): { readonly cluster: string; readonly fingerprint: string } | undefined {
  const at = text.indexOf('=');
  const fingerprint = parseFingerprint(text.slice(at + 1));
  const cluster = text.slice(0, Math.max(at, 0));
  if (fingerprint === undefined || !/^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$/.test(cluster)) return undefined;
  return { cluster, fingerprint };
}
