/**
 * PEM armour (RFC 7468) in and out. Reading is the strict subset that openssl and CUCM write:
 * a BEGIN line, base64 of the same block, an END line of the same label. Text between blocks is skipped,
 * blocks with RFC 1421 headers (`Proc-Type`) keep their text for OpenSSL and have no bytes of their own.
 */

export interface PemBlock {
  /** What stands behind BEGIN: `CERTIFICATE`, `PRIVATE KEY`, … */
  readonly label: string;
  readonly bytes: Uint8Array;
  /** The block as written, armour included. */
  readonly text: string;
}

const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g;

/** Every well-formed block in order; one whose body is not base64 has no bytes. */
export function readPemBlocks(text: string): readonly PemBlock[] {
  return Array.from(text.matchAll(block), ([whole, label = '', body = '']) => {
    const base64 = body.replaceAll(/\s/g, '');
    const bytes = /^[A-Za-z0-9+/]*={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : Buffer.alloc(0);
    return { label, bytes: Uint8Array.from(bytes), text: whole };
  });
}

export function writePem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
