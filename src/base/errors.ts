/**
 * The one error type for expected failures of commands and of the server's own resources.
 * Codes are a closed union; each edge (CLI, TFTP, HTTP) has one table that turns a code outward.
 * Verdicts about files are not errors: see core/trust/judge.ts and its codes.
 */

export const errorCodes = [
  'usage',
  'refused', // the operation is understood and not allowed (would strand phones, exists already, policy)
  'not-found',
  'config-invalid',
  'passphrase-wrong',
  'address-in-use',
  'address-unavailable',
  'permission-denied',
  'unreachable', // a peer did not answer in time or refused the connection
  'peer-error', // a peer answered with an error
  'storage-unreadable',
  'storage-full',
  'storage-corrupt',
  'storage-busy',
  'format', // bytes given by the user are not what they should be
  'interrupted',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export function isErrorCode(text: string): text is ErrorCode {
  return errorCodes.some((code) => code === text);
}

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: ErrorCode;
  /** The next step, in one sentence. */
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
