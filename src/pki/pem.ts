/**
 * PEM armour (RFC 7468) in and out. A block is a BEGIN line, lines, and the END line of the same label;
 * text between blocks is skipped, a block without its END is none. A body that is not base64 has no bytes
 * (an RFC 1421 `Proc-Type` block is such a one), but keeps its text, which OpenSSL may read.
 */

export interface PemBlock {
  /** What stands behind BEGIN: `CERTIFICATE`, `PRIVATE KEY`, … */
  readonly label: string;
  readonly bytes: Uint8Array;
  /** The block as written, armour included. */
  readonly text: string;
}

/** Every block in order, in one pass over the lines. */
export function readPemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const begin = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/.exec(line)?.[1];
    if (begin !== undefined) {
      label = begin;
      body = [];
    } else if (label !== undefined && line === `-----END ${label}-----`) {
      const armoured = [`-----BEGIN ${label}-----`, ...body, line, ''].join('\n');
      blocks.push({ label, bytes: decodeBase64(body.join('')), text: armoured });
      label = undefined;
    } else body.push(line);
  }
  return blocks;
}

export function writePem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function decodeBase64(text: string): Uint8Array {
  // Buffer skips what is not base64; here that would hide a damaged file.
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text)
    ? Uint8Array.from(Buffer.from(text, 'base64'))
    : new Uint8Array();
}
