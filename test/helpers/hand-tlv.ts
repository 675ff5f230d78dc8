/** Writes items by hand, in whatever order and with whatever lie a test wants; knows nothing of our encoder. */

export type Bytes = readonly number[];

export function text(value: string): Bytes {
  return [...Buffer.from(value, 'utf8'), 0];
}

export function tlv(tag: number, value: Bytes, length = value.length): Bytes {
  return [tag, length >> 8, length & 0xff, ...value];
}

export function fill(count: number, byte = 0xab): Bytes {
  return Array.from({ length: count }, () => byte);
}

/** The top-level items of a small but whole header of a `.sgn`, by name; replace or reorder them as you like. */
export function headerParts() {
  return {
    version: tlv(1, [1, 0]),
    headerLength: tlv(2, [0, 0]),
    signerInfo: tlv(3, [...tlv(4, text('CN=a')), ...tlv(5, [1, 2]), ...tlv(6, text('CN=ca'))]),
    signatureInfo: tlv(7, [...tlv(8, [1]), ...tlv(9, [...tlv(10, [0]), ...tlv(11, [1])])]),
    signature: tlv(12, fill(128)),
    fileName: tlv(14, text('Ringlist.xml.sgn')),
    timestamp: tlv(15, [0x6b, 1, 2, 3]),
  };
}

/** Joins items and writes the true header length into the first item 2 among them. */
export function header(items: readonly Bytes[], length?: number): Uint8Array {
  const bytes = Uint8Array.from(items.flat());
  const total = length ?? bytes.length;
  let at = 0;
  for (const item of items) {
    if (item[0] === 2) bytes.set([total >> 8, total & 0xff], at + 3);
    at += item.length;
  }
  return bytes;
}

/** A record: items behind a RECORD LENGTH that is true unless told otherwise. */
export function record(items: readonly Bytes[], length?: number): Bytes {
  const body = items.flat();
  const total = length ?? body.length + 5;
  return [...tlv(1, [total >> 8, total & 0xff]), ...body];
}

/** A list's header (version 1.2) and what is given after it. */
export function list(...after: readonly Bytes[]): Uint8Array {
  const parts = { ...headerParts(), version: tlv(1, [1, 2]), fileName: tlv(14, text('ITLFile.tlv')) };
  return Uint8Array.from([...header(Object.values(parts)), ...after.flat()]);
}
