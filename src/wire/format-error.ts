/**
 * What can be wrong with the bytes of a signed file or a trust list, as a closed list of codes.
 * A code says "these bytes are bad"; "I do not trust you" is the judge's word (core/trust/judge.ts).
 * The codes are a contract: the command line, logs, metrics and docs/reference show them.
 */
import { bad } from '../base/outcome.ts';

/** Each rule of structure of security.md §2 and the one sentence that explains it. */
export const formatRules = {
  'not-signed': 'the file does not begin with a signed header',
  'header-cut': 'the file ends inside the header',
  'header-length-zero': 'HEADER LENGTH is 0',
  'header-length-short': 'HEADER LENGTH ends before the items of the header do',
  'header-length-past-end': 'HEADER LENGTH is more than the file holds',
  'header-too-long': 'the header is longer than 16 KiB',
  'tlv-past-container': 'an item is longer than what contains it',
  'container-length-mismatch': 'the length of a container is not the total of its items',
  'unknown-header-tag': 'the header holds a tag that the format does not know',
  'unknown-version': 'the header version is none that the format knows',
  'item-length': 'an item of fixed length has another length',
  'item-repeated': 'an item stands twice in the header',
  'item-missing': 'an item that every header holds is missing',
  'digest-repeated': 'the digest algorithm stands twice',
  'signature-repeated': 'the signature stands twice',
  'file-name-repeated': 'the file name stands twice',
  'timestamp-repeated': 'the timestamp stands twice',
  'file-name-not-terminated': 'the file name does not end with NUL',
  'file-name-nul-inside': 'the file name holds a NUL before its end',
  'file-name-encoding': 'the file name is not UTF-8',
  'timestamp-length': 'the timestamp is not 4 bytes',
  'text-not-terminated': 'a text does not end with NUL',
  'text-nul-inside': 'a text holds a NUL before its end',
  'padding-too-long': 'the header holds more than 64 padding bytes',
  'encryption-missing': 'a header of version 2 holds no encryption items',
  'encryption-unexpected': 'a header of version 1 holds encryption items',
  'not-encrypted': 'the file is not an encrypted configuration (header version 2)',
  'not-a-trust-list': 'the file is not a trust list (header version 1.2 or later)',
  'trust-list-too-long': 'the list is longer than 64 KB and loads on no phone',
  'no-records': 'the list holds no record',
  'trailing-bytes': 'bytes that are no record follow the last record',
  'record-length-missing': 'a record does not begin with RECORD LENGTH',
  'record-length-zero': 'RECORD LENGTH is 0',
  'record-length-short': 'RECORD LENGTH ends before the items of the record do',
  'record-length-past-end': 'RECORD LENGTH is more than the list holds',
  'record-item-repeated': 'an item stands twice in one record',
  'record-role-repeated': 'one record holds two roles',
  'record-role-missing': 'a record has no role',
  'record-certificate-repeated': 'one record holds two certificates',
  'unknown-record-tag': 'a record holds a tag that the format does not know',
  'unknown-role': 'a record has a role that the format does not know',
  'ip-address-length': 'an IP address is neither 4 nor 16 bytes',
} as const;

export type FormatCode = keyof typeof formatRules;

export interface FormatError {
  readonly code: FormatCode;
  /** Offset in the file of the byte that lies, or of the item it belongs to. */
  readonly offset: number;
  /** One sentence with the numbers; safe to show, holds no text from the file. */
  readonly message: string;
}

/** An error result; `detail` adds the numbers to the rule's sentence. */
export function malformed(
  code: FormatCode,
  offset: number,
  detail = '',
): { readonly ok: false; readonly error: FormatError } {
  const where = `at byte ${offset}: ${formatRules[code]}`;
  return bad({ code, offset, message: detail === '' ? where : `${where} (${detail})` });
}
