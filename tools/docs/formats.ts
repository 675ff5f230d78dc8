/**
 * docs/formats/*.md: offset tables from the codec's own tags, annotated hex of real files, made here and by the
 * open tool (test/vectors/made-here, test/vectors/open-tool),
 * and the codes with which each lie is refused. `npx tsx tools/docs/formats.ts` writes them;
 * test/meta/docs-formats.test.ts keeps them fresh.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hashOfCode } from '../../src/wire/algorithm.ts';
import { formatRules, type FormatCode } from '../../src/wire/format-error.ts';
import { headerTag, headerTags } from '../../src/wire/header-tags.ts';
import { headerItemText, recordItemText } from '../../src/wire/item-text.ts';
import { recordTag, recordTagNames } from '../../src/wire/record-tags.ts';
import { codeOfRole, describeRole, roles } from '../../src/wire/role.ts';
import { decodeSignedHeader, type SignedHeader } from '../../src/wire/signed-header.ts';
import { decodeTrustList } from '../../src/wire/trust-list.ts';
import { annotateItem } from './annotated-hex.ts';

export interface FormatPage {
  readonly file: URL;
  readonly text: string;
}

const vectors = new URL('../../test/vectors/', import.meta.url);
const pages = new URL('../../docs/formats/', import.meta.url);

export function renderFormats(): readonly FormatPage[] {
  return [
    { file: new URL('signed-file.md', pages), text: joined(signedFilePage()) },
    { file: new URL('trust-list.md', pages), text: joined(trustListPage()) },
    { file: new URL('encrypted-file.md', pages), text: joined(encryptedFilePage()) },
  ];
}

const made =
  'Made from the codec (`src/wire/`) and the files of `test/vectors/` by `npx tsx tools/docs/formats.ts`.';

/** What the builder of this program wrote, with committed keys (tools/vectors/made-here.ts). */
const byUs = 'Written by `tftp-pki` with the throw-away keys of `test/vectors/open-tool`.';

const headerMeaning: Readonly<Record<keyof typeof headerTag, string>> = {
  version: 'major, minor: `.sgn` 1.0, firmware 1.1, ITL and CTL 1.2, `.enc.sgn` 2.0; newer minors are read',
  headerLength: 'offset of the first byte after the header, signature and padding included',
  signerInfo: 'the three items that name the signer',
  signerName: "subject of the signer's certificate",
  serialNumber: 'its serial, raw',
  issuerName: 'its issuer; Cisco calls it CANAME',
  signatureInfo: 'how it is signed',
  digestAlgorithm: '1 SHA-1, 3 SHA-512; 2 (SHA-256) was never seen and is refused',
  signatureAlgorithmInfo: 'the two items below',
  signatureAlgorithm: '0 RSA, PKCS#1 v1.5',
  signatureModulus: '0, 1, 2, 3: 64, 128, 256, 512 bytes; RSA-3072 has no code',
  signature: 'over the whole file without this item',
  padding:
    'a bare byte 0x0d **without length**, repeated until the header is a multiple of 4; at most 64 are read',
  fileName: 'the name that was signed, as the phone asked for it',
  timestamp: 'seconds since 1970, big-endian; firmware has none',
  encryptionInfo: 'the items 17 to 25',
  ivInfo: 'the items 18 to 20',
  ivAlgorithm: 'always 0',
  iv: 'initialisation vector of AES-128-CBC',
  paddingLength: 'bytes of 0x0d at the end of the plain text, 1 to 16',
  keyInfo: 'the items 22 to 25',
  keyAlgorithm: 'always 0',
  keyBits: "bits of the RSA key that wraps: the phone's",
  keyEncoding: 'always 1',
  contentKey: 'the AES key, RSA PKCS#1 v1.5 to the public key of the phone',
  contentDigestAlgorithm: 'as DIGEST ALGORITHM',
  contentDigest: 'digest of the plain content',
  signerVersion:
    '1.0 or 1.1; CUCM does not write it; 1.1 sends phones to HTTPS on 6971 for their configuration',
};

const recordMeaning: Readonly<Record<keyof typeof recordTag, string>> = {
  recordLength: 'bytes of the record, its own 5 included; always first',
  dnsName: 'host; may be only its NUL',
  subjectName: 'subject of the certificate',
  function: 'role, 2 bytes',
  issuerName: 'issuer of the certificate',
  serialNumber: 'its serial, raw',
  publicKey: 'RSA: PKCS#1 DER; EC: the uncompressed point',
  signature: "the certificate's own signature bytes; may be absent",
  certificate: 'X.509, DER; may be absent',
  ipAddress: '4 bytes (16 for IPv6 were never seen)',
  certificateHash: 'rare',
  certificateHashAlgorithm: 'rare',
};

function signedFilePage(): readonly string[] {
  const { bytes, header, path } = vector('made-here/Ringlist.xml.sgn');
  return [
    '# Signed file',
    made,
    'A signed file is a header and, unchanged, the content. The header is made of items: tag (1 byte), length ' +
      '(2 bytes), value; numbers are big-endian, texts end with one NUL that the length counts. Readers must take the ' +
      'items in any order: CUCM writes 4, 5, 6 inside SIGNER INFO, the open tools 4, 6, 5. We write the order of CUCM.',
    '## Items',
    headerTable((tag) => tag < headerTag.encryptionInfo || tag === headerTag.signerVersion),
    'The items 16 to 27 stand in [encrypted files](encrypted-file.md) only; records follow the header of a ' +
      '[trust list](trust-list.md). Firmware (`.loads`, `.sbn`, `.zz.sgn`) has the same header with version 1.1: ' +
      'an extension does not tell what is signed.',
    '## What the signature is over',
    'The whole file without the SIGNATURE item (its tag, its length and its value); padding and content belong to it. ' +
      `In the file below that is byte 0 to ${header.signatureItem.start - 1} and from byte ` +
      `${header.signatureItem.end} to the end:`,
    opensslCheck(path, header, bytes.length),
    '## A file, byte by byte',
    `\`${path}\`: ${bytes.length} bytes, of which ${header.headerLength} are the header. ${byUs}`,
    hex([...headerHex(bytes, header), ...contentHex(bytes, header)]),
    '## What is refused',
    'Each rule has its code, the same on the command line, in logs and in metrics.',
    codeTable((code) => !isListCode(code) && !isEncryptionCode(code)),
  ];
}

function trustListPage(): readonly string[] {
  return [
    '# Trust list: ITL and CTL',
    made,
    'A trust list is the header of a [signed file](signed-file.md) with version 1.2 and, as its content, records to the ' +
      'end of the file. A list of more than 65,536 bytes (about 39 certificates) loads on no phone. The format of ITL ' +
      'and CTL is one; the name and the roles tell which it is.',
    '## Items of a record',
    markdownTable(
      ['Tag', 'Name', 'Value'],
      keysOf(recordTag).map((key) => [
        String(recordTag[key]),
        recordTagNames.get(recordTag[key]) ?? '',
        recordMeaning[key],
      ]),
    ),
    'CUCM writes them in this order and so do we; the open tools write 1, 3, 5, 6, 4, 7, 8, 9. Behind RECORD LENGTH any ' +
      'order is read. Every item but RECORD LENGTH and FUNCTION may be absent: the CTL of a nonsecure cluster holds ' +
      'records of 33 bytes with the items 1, 2, 4 and 10. One certificate may stand in two records with two roles.',
    '## Roles',
    markdownTable(
      ['Code', 'Role', 'In `show ctl`'],
      roles.map((role) => [String(codeOfRole(role)), role, describeRole(role)]),
    ),
    '## An ITL, byte by byte',
    ...listHex('made-here/ITLFile.tlv', byUs),
    '## A CTL, byte by byte',
    ...listHex('made-here/CTLFile.tlv', byUs),
    "## The open tool's ITL",
    ...listHex('open-tool/ITL-sha1.tlv', 'Another order of the items, and a SIGNER VERSION.'),
    '## What is refused',
    'Besides what is refused of a [header](signed-file.md#what-is-refused):',
    codeTable(isListCode),
  ];
}

function listHex(name: string, origin: string): readonly string[] {
  const { bytes, header, path } = vector(name);
  const list = decodeTrustList(bytes);
  if (!list.ok) throw new Error(list.error.message);
  const [first, ...rest] = list.value.records;
  if (first === undefined) throw new Error('a list has a record');
  const count = list.value.records.length;
  return [
    `\`${path}\`: ${bytes.length} bytes, ${count} records. ${origin} Long values are cut in the middle.`,
    hex([
      ...headerHex(bytes, header),
      '',
      `record 1: ${first.role}, ${first.length} bytes`,
      ...first.items.flatMap((item) => annotateItem(bytes, item, recordItemText(item))),
      '',
      ...rest.map(
        ({ role, offset, length, subject }, index) =>
          `record ${index + 2}: ${role}, ${length} bytes at ${offset}, ${subject ?? ''}`,
      ),
    ]),
  ];
}

function encryptedFilePage(): readonly string[] {
  const { bytes, header, path } = vector('open-tool/enc1/SEP001122334455.cnf.xml.enc.sgn');
  return [
    '# Encrypted configuration',
    made,
    'An `.enc.sgn` is a [signed file](signed-file.md) of version 2.0 whose content is AES-128-CBC, filled with 0x0d to a ' +
      'whole block (1 to 16 bytes). The content key is wrapped for one phone; the digest is of the plain content. ' +
      'The signature is over everything as in any signed file, ciphertext included. Beside it stands a plain ' +
      '`SEP<MAC>.cnf.xml.sgn` that says `fullConfig=false` and names the certificate that can open this one.',
    '## Items',
    headerTable((tag) => tag >= headerTag.encryptionInfo && tag !== headerTag.signerVersion),
    '## A file, byte by byte',
    `\`${path}\`: ${bytes.length} bytes, ${bytes.length - header.headerLength} of them ciphertext. It decrypts with ` +
      '`test/vectors/open-tool/phone.pem` to `enc1/plain.xml`.',
    hex([...headerHex(bytes, header), ...contentHex(bytes, header)]),
    '## What is refused',
    'Besides what is refused of a [header](signed-file.md#what-is-refused):',
    codeTable(isEncryptionCode),
  ];
}

function vector(name: string): {
  readonly bytes: Uint8Array;
  readonly header: SignedHeader;
  readonly path: string;
} {
  const bytes = new Uint8Array(readFileSync(new URL(name, vectors)));
  const header = decodeSignedHeader(bytes);
  if (!header.ok) throw new Error(`${name}: ${header.error.message}`);
  return { bytes, header: header.value, path: `test/vectors/${name}` };
}

function headerTable(isListed: (tag: number) => boolean): string {
  const rows = keysOf(headerTag).filter((key) => isListed(headerTag[key]));
  return markdownTable(
    ['Tag', 'Name', 'In', 'Bytes', 'Value'],
    rows.map((key) => {
      const rule = headerTags.get(headerTag[key]);
      const bytes = rule?.container ? 'total of its items' : (rule?.length ?? 'any');
      return [
        String(headerTag[key]),
        rule?.name ?? '',
        rule?.parent === undefined ? '' : String(rule.parent),
        headerTag[key] === headerTag.padding ? '-' : String(bytes),
        headerMeaning[key],
      ];
    }),
  );
}

function headerHex(bytes: Uint8Array, header: SignedHeader): readonly string[] {
  return header.items.flatMap((item) => annotateItem(bytes, item, headerItemText(item)));
}

/** The content as one more line: what it begins with. */
function contentHex(bytes: Uint8Array, header: SignedHeader): readonly string[] {
  const at = header.headerLength;
  const begin = Array.from(bytes.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, '0')).join(
    ' ',
  );
  return [`${String(at).padStart(6)}  ${begin}  content, ${bytes.length - at} bytes`];
}

function opensslCheck(path: string, header: SignedHeader, size: number): string {
  const { start, end } = header.signatureItem;
  return [
    '```sh',
    `f=${path}`,
    `openssl x509 -in test/vectors/open-tool/callmanager.pem -pubkey -noout > key.pem`,
    `tail -c +${start + 4} $f | head -c ${end - start - 3} > signature`,
    `(head -c ${start} $f; tail -c ${size - end} $f) | openssl dgst -${hashOfCode(header.digestCode) ?? ''} -verify key.pem -signature signature`,
    '```',
  ].join('\n');
}

function codeTable(isListed: (code: FormatCode) => boolean): string {
  const codes = keysOf(formatRules).filter(isListed);
  return markdownTable(
    ['Code', 'Rule'],
    codes.map((code) => [`\`${code}\``, formatRules[code]]),
  );
}

function isListCode(code: FormatCode): boolean {
  return /record|trust-list|trailing|role|ip-address/.test(code);
}

function isEncryptionCode(code: FormatCode): boolean {
  return /encrypt/.test(code);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function hex(lines: readonly string[]): string {
  return ['```text', ...lines, '```'].join('\n');
}

function keysOf<T extends object>(table: T): readonly (keyof T)[] {
  return Object.keys(table) as (keyof T)[];
}

function joined(blocks: readonly string[]): string {
  return `${blocks.join('\n\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { file, text } of renderFormats()) writeFileSync(file, text);
}
