/**
 * Netascii (RFC 1350 §1, from RFC 764): on the wire a line ends with CR LF and a bare CR is CR NUL.
 * Both directions work on the whole file, so that a pair that falls on two blocks needs no special case.
 * Decoding is lenient: a CR before anything else is kept as it is.
 */

const lf = 0x0a;
const cr = 0x0d;

/** Length on the wire, without building it. */
export function netasciiLength(bytes: Uint8Array): number {
  let extra = 0;
  for (const byte of bytes) if (byte === lf || byte === cr) extra++;
  return bytes.length + extra;
}

export function encodeNetascii(bytes: Uint8Array): Uint8Array {
  const wire = new Uint8Array(netasciiLength(bytes));
  let at = 0;
  for (const byte of bytes) {
    if (byte === lf) wire[at++] = cr;
    wire[at++] = byte;
    if (byte === cr) wire[at++] = 0;
  }
  return wire;
}

export function decodeNetascii(wire: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(wire.length);
  let at = 0;
  for (let i = 0; i < wire.length; i++) {
    const byte = wire[i] ?? 0;
    const next = wire[i + 1];
    if (byte === cr && next === lf) continue; // the LF follows
    bytes[at++] = byte;
    if (byte === cr && next === 0) i++;
  }
  return bytes.slice(0, at);
}
