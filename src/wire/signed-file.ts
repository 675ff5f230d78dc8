/** A signed file: the header and, unchanged, the content (formats.md §1). */
import { good, type Outcome } from '../base/outcome.ts';
import type { FormatError } from './format-error.ts';
import { decodeSignedHeader, type SignedHeader } from './signed-header.ts';

export interface SignedFile {
  readonly header: SignedHeader;
  /** A view of the bytes after the header; may be empty, may itself be a signed file. */
  readonly content: Uint8Array;
}

/** Reads any kind of signed file; of a trust list the content is its records. */
export function decodeSignedFile(bytes: Uint8Array): Outcome<SignedFile, FormatError> {
  const header = decodeSignedHeader(bytes);
  return header.ok ? good({ header: header.value, content: contentOf(bytes, header.value) }) : header;
}

/** What follows the header, as a view. */
export function contentOf(bytes: Uint8Array, header: SignedHeader): Uint8Array {
  return bytes.subarray(header.headerLength);
}
