/**
 * The hop mark (design.md §4, loops): says that a request was passed on by one of us. It names the node that passed
 * it on by a random number and only ever restricts what is answered: whoever forges one gets less, nobody else does.
 */
import { toHex } from '../../base/text.ts';
import type { TftpOption } from '../../wire/tftp-option.ts';

/** Of HTTP, in requests and in the answers to marked requests, lower case as Node gives it. */
export const hopHeader = 'x-tftp-pki-hop';
/** Of TFTP; other servers leave out what they do not know (RFC 2347), and are not sent it anyway. */
export const hopOption = 'tftp-pki-hop';

const nodeIdBytes = 8;

/** From `nodeIdBytes` random bytes; new at every start, so it says nothing about the node. */
export function hopNodeId(random: (length: number) => Uint8Array): string {
  return toHex(random(nodeIdBytes));
}

/** The mark among the options of a TFTP request. */
export function hopOfOptions(options: readonly TftpOption[]): string | undefined {
  const found = options.find(({ name }) => name.toLowerCase() === hopOption);
  return readHop(found?.value);
}

/** The mark as it stands in a request; undefined for anything that is none of ours. */
export function readHop(value: string | undefined): string | undefined {
  return value !== undefined && /^[0-9a-f]{16}$/.test(value) ? value : undefined;
}
