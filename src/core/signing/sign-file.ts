/** Signs a file for phones: header 1.0 and the content unchanged (formats.md §1). Refusals are signHeader's. */
import { concatBytes } from '../../base/bytes.ts';
import { signHeader, type SignatureRequest } from './sign-header.ts';

/**
 * The one book of timestamps of signed files, whoever signs them: a phone that falls over to another node, or meets the
 * next signer or the one before, must not meet an older timestamp under a name than it has taken.
 */
export const filesBook = 'files';

const signedFileVersion = { major: 1, minor: 0 } as const;

export interface SignFileRequest extends SignatureRequest {
  readonly content: Uint8Array;
}

/** The signed file: a fresh header and `content`. */
export async function signFile(request: SignFileRequest): Promise<Uint8Array> {
  return concatBytes(await signFileHeader(request), request.content);
}

/** The header alone, at most 1 KiB; whoever keeps it puts the content behind it. */
export async function signFileHeader(request: SignFileRequest): Promise<Uint8Array> {
  return signHeader({ ...request, version: signedFileVersion, content: [request.content] });
}
