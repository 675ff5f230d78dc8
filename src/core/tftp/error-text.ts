/**
 * Everything this server and client ever say in a TFTP ERROR: fixed texts, so that no path, reason or
 * internal message reaches a peer. Codes are RFC 1350's appendix and RFC 2347's 8.
 */

export interface TftpError {
  readonly code: number;
  readonly text: string;
}

export const tftpErrors = {
  /** Unknown, forbidden and ill-named alike: the answer says nothing about what exists. */
  notFound: { code: 1, text: 'File not found' },
  /** A limit is reached; phones come back. */
  busy: { code: 0, text: 'busy, try again' },
  /** The resolver or the disk failed; nothing was sent yet. */
  unavailable: { code: 0, text: 'temporary failure, try again' },
  /** The file changed or could not be read on; a transfer never mixes two files. */
  changed: { code: 0, text: 'file changed, try again' },
  /** Writing is not a feature of this server. */
  writeRefused: { code: 2, text: 'Access violation' },
  tooLarge: { code: 3, text: 'Disk full or allocation exceeded' },
  illegal: { code: 4, text: 'Illegal TFTP operation' },
  /** `mail` is obsolete (RFC 1350 §5), other modes never existed. */
  modeUnknown: { code: 4, text: 'Transfer mode not supported' },
  unknownTransfer: { code: 5, text: 'Unknown transfer ID' },
  /** Our client gives up. */
  interrupted: { code: 0, text: 'interrupted' },
  optionRefused: { code: 8, text: 'Option negotiation refused' },
} as const satisfies Record<string, TftpError>;
