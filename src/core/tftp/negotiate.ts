/**
 * What a server answers to the options of an RRQ (RFC 2347, 2348, 2349, 7440).
 * An unknown, ill-formed or out-of-range option is left out of the OACK, as RFC 2347 has it for options
 * a server does not accept; so is one that stands twice, because it does not say what it wants.
 */
import { assert } from '../../base/assert.ts';
import {
  agreedTimeoutMsMax,
  blksizeDefault,
  blksizeMax,
  blksizeMin,
  timeoutSecondsMax,
} from '../../base/limits.ts';
import { optionName, optionNumber, type OptionName, type TftpOption } from '../../wire/tftp-option.ts';

export interface NegotiationLimits {
  /** Largest block this server sends, 8 to 65464; a smaller request is answered as asked. */
  readonly blksizeMax: number;
  /** Largest window, 1 to 65535. */
  readonly windowsizeMax: number;
}

export interface Negotiation {
  readonly blksize: number;
  readonly windowsize: number;
  /** Agreed wait before retransmission (RFC 2349); `undefined`: measured. */
  readonly timeoutMs: number | undefined;
  /** The OACK's content; empty: no OACK, the transfer starts with DATA 1. */
  readonly answer: readonly TftpOption[];
}

const plain: Negotiation = { blksize: blksizeDefault, windowsize: 1, timeoutMs: undefined, answer: [] };

/** `sizeBytes` is the size that will travel: for netascii that of the converted file. */
export function negotiate(
  options: readonly TftpOption[],
  sizeBytes: number,
  limits: NegotiationLimits,
): Negotiation {
  assert(limits.blksizeMax >= blksizeMin && limits.blksizeMax <= blksizeMax, 'blksize cap out of RFC 2348');
  if (options.length === 0) return plain;
  let { blksize, windowsize, timeoutMs } = plain;
  const answer: TftpOption[] = [];
  for (const option of options) {
    const name = optionName(option.name);
    if (name === undefined || standsTwice(options, name)) continue;
    const value = optionNumber(option.value);
    if (value === undefined) continue;
    const accepted = acceptedValue(name, value, sizeBytes, limits);
    if (accepted === undefined) continue;
    // RFC 2347: names are case-insensitive; the peer's own spelling is the one it surely knows.
    answer.push({ name: option.name, value: String(accepted) });
    if (name === 'blksize') blksize = accepted;
    else if (name === 'windowsize') windowsize = accepted;
    else if (name === 'timeout') timeoutMs = Math.min(accepted * 1000, agreedTimeoutMsMax);
  }
  return { blksize, windowsize, timeoutMs, answer };
}

function acceptedValue(
  name: OptionName,
  value: number,
  sizeBytes: number,
  limits: NegotiationLimits,
): number | undefined {
  switch (name) {
    case 'blksize': // RFC 2348: 8 to 65464, the answer is at most what was asked
      return value >= blksizeMin && value <= blksizeMax ? Math.min(value, limits.blksizeMax) : undefined;
    case 'windowsize': // RFC 7440 §3: 1 to 65535, the answer is at most what was asked
      return value >= 1 && value <= 65_535 ? Math.min(value, limits.windowsizeMax) : undefined;
    case 'timeout': // RFC 2349: 1 to 255 seconds, the answer is the value asked
      return value >= 1 && value <= timeoutSecondsMax ? value : undefined;
    case 'tsize': // RFC 2349: the real size, whatever number the request held
      return sizeBytes;
  }
}

/** RFC 2347: "An option may only be specified once." */
function standsTwice(options: readonly TftpOption[], name: OptionName): boolean {
  let seen = 0;
  for (const option of options) if (optionName(option.name) === name) seen++;
  return seen > 1;
}
