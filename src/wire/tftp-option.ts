/**
 * TFTP options: names and the grammar of their values (RFC 2347, 2348, 2349, 7440).
 * Refused: signs, blanks, hexadecimal, empty values, more digits than any legal number has.
 */

export interface TftpOption {
  /** As the peer spelt it; option names are case-insensitive (RFC 2347). */
  readonly name: string;
  readonly value: string;
}

export type OptionName = 'blksize' | 'timeout' | 'tsize' | 'windowsize';

const knownNames: ReadonlySet<string> = new Set<OptionName>(['blksize', 'timeout', 'tsize', 'windowsize']);

/** The option a name means, `undefined` for one we do not know (RFC 2347: ignored, not an error). */
export function optionName(name: string): OptionName | undefined {
  const lower = name.toLowerCase();
  return knownNames.has(lower) ? (lower as OptionName) : undefined;
}

/** Values are decimal ASCII (RFC 2347). 15 digits stay exact in a number and exceed every legal value. */
export function optionNumber(value: string): number | undefined {
  return /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
}
