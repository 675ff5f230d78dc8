import { readFileSync } from 'node:fs';

/** The folder of vectors made by an independent tool. */
export const openTool = new URL('../vectors/open-tool/', import.meta.url);

export function openToolFile(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(name, openTool)));
}

export interface CutFile {
  readonly signed: readonly Uint8Array[];
  readonly signature: Uint8Array;
  readonly serial: Uint8Array;
}

/**
 * Cuts a signed file by the rule of formats.md §1 without the product's codec: what is signed is the whole
 * file without the SIGNATURE item. Asserts nothing; made for good files.
 */
export function cutSignedFile(file: Uint8Array): CutFile {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  let headerLength = file.length;
  let serial = new Uint8Array();
  let cut: readonly [number, number] = [0, 0];
  while (at < headerLength) {
    const tag = view.getUint8(at);
    if (tag === 13) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 1);
    const container = tag === 3 || tag === 7 || tag === 9;
    if (tag === 2) headerLength = view.getUint16(at + 3);
    if (tag === 5) serial = file.slice(at + 3, at + 3 + length);
    if (tag === 12) cut = [at, at + 3 + length];
    at += container ? 3 : 3 + length;
  }
  return {
    signed: [file.subarray(0, cut[0]), file.subarray(cut[1])],
    signature: file.subarray(cut[0] + 3, cut[1]),
    serial,
  };
}
