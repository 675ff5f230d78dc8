/** Signed files of test/vectors/strict: one builder for each file named in files.yaml. */
import { constants, createPublicKey, privateEncrypt, sign } from 'node:crypto';
import { a, role, stranger, subject } from '../../test/helpers/clusters.ts';
import {
  cucmOrder,
  day,
  nameText,
  now,
  party,
  record,
  signBytes,
  text,
  tlv,
  trustList,
  u16,
  type HeaderParts,
  type Party,
  type SignOptions,
} from '../../test/helpers/trust-builder.ts';

export type Vectors = Readonly<Record<string, () => Buffer>>;

const as = 'Ringlist.xml.sgn';
const content = Buffer.from('<CiscoIPPhoneRingList></CiscoIPPhoneRingList>\n');
const base: SignOptions = { by: a.callmanager, as, content };

function file(options: Partial<SignOptions> = {}): Buffer {
  return signBytes({ ...base, ...options });
}

function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** A list that knows these certificates in these roles; signed by A's SAST. */
function knows(...records: readonly Buffer[]): Buffer {
  return trustList({
    by: a.sast,
    as: 'ITLFile.tlv',
    records: [record({ role: role.sast, of: a.sast }), ...records],
  });
}

const named = (
  key: string,
  name: string,
  serial: string,
  validity: { notBefore?: number; notAfter?: number } = {},
): Party => party({ key, subject: subject(name), serial, ...validity });

const twin = party({
  key: 'stranger',
  subject: a.callmanager.subject,
  serial: a.callmanager.serial.toString('hex'),
});
const sameSerial = party({
  key: 'stranger',
  subject: subject('other issuer'),
  serial: a.callmanager.serial.toString('hex'),
});
const short = named('short', 'short', '0d0d0001');
const long = named('long', 'long', '0d0d0002');
const expired = named('stranger', 'expired', '0d0d0003', {
  notBefore: now - 30 * day,
  notAfter: now - 10 * day,
});
const curve = party({
  key: 'curve',
  issuerKey: 'sast-a',
  issuer: a.sast.subject,
  subject: subject('curve'),
  serial: '0d0d0004',
});

/** Issued by a Windows CA; CUCM prints its issuer without the DC attributes. */
const windowsCa = party({
  key: 'callmanager-b',
  issuerKey: 'stranger',
  issuer: [
    ['DC', 'local'],
    ['DC', 'example'],
    ['CN', 'WIN-CA'],
  ],
  subject: subject('cucm-ca-signed'),
  serial: '24000000179479b8f124ac3f3b000000000017',
});

/** The block that RSA turns into the signature, as somebody else would pad it. */
function rawSignature(block: Buffer): Buffer {
  return privateEncrypt({ key: a.callmanager.key, padding: constants.RSA_NO_PADDING }, block);
}

/** 00 01 ff×8 00 DigestInfo garbage: the minimum that careless verifiers take. */
function shortPadding(): Buffer {
  const block = Buffer.alloc(256, 0x41);
  Buffer.from('0001ffffffffffffffff003051300d060960864801650304020305000440', 'hex').copy(block);
  return rawSignature(block);
}

/** s + n is the same number modulo n; a verifier must not take it. The timestamp is tried until it fits 256 bytes. */
function signaturePlusModulus(): Buffer {
  const { n = '' } = createPublicKey(a.callmanager.key).export({ format: 'jwk' });
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
  for (let timestamp = now - 1000; ; timestamp++) {
    let sum = 0n;
    const signWith = (toBeSigned: Buffer): Buffer => {
      sum = BigInt(`0x${sign('sha512', toBeSigned, a.callmanager.key).toString('hex')}`) + modulus;
      return Buffer.from((sum % 2n ** 2048n).toString(16).padStart(512, '0'), 'hex');
    };
    const bytes = file({ timestamp, signWith });
    if (sum < 2n ** 2048n) return bytes;
  }
}

const withExtra =
  (extra: Buffer) =>
  (parts: HeaderParts): readonly Buffer[] => [...cucmOrder(parts), extra];

export const strictFiles: Vectors = {
  'itl-a': () =>
    knows(record({ role: role.sast, of: a.callmanager }), record({ role: role.tftp, of: a.callmanager })),
  'ctl-a': () =>
    trustList({
      by: a.callmanager,
      as: 'CTLFile.tlv',
      records: [
        record({ role: role.sast, of: a.callmanager }),
        record({ role: role.ccmTftp, of: a.callmanager }),
        record({ role: role.sast, of: a.sast }),
      ],
    }),
  'itl-twins': () =>
    knows(record({ role: role.tftp, of: twin }), record({ role: role.tftp, of: a.callmanager })),
  'itl-same-serial': () => knows(record({ role: role.tftp, of: sameSerial })),
  'itl-capf-and-tvs': () =>
    knows(record({ role: role.capf, of: a.callmanager }), record({ role: role.tvs, of: a.callmanager })),
  'itl-ccm': () => knows(record({ role: role.ccm, of: a.callmanager })),
  'itl-without-certificate': () => knows(record({ role: role.tftp, of: a.callmanager, certificate: null })),
  'itl-sizes': () => knows(...[short, long, curve, expired].map((of) => record({ role: role.tftp, of }))),

  'itl-windows-ca': () => knows(record({ role: role.tftp, of: windowsCa, issuer: 'CN=WIN-CA' })),

  good: () => file(),
  'good-sha1': () => file({ hash: 'sha1' }),
  'content-changed': () => changed(file(), (copy) => copy.write('C', copy.length - 5)),
  'content-cut': () => file().subarray(0, -1),
  'content-added': () => Buffer.concat([file(), Buffer.from('\n')]),
  'content-joined': () => Buffer.concat([file(), file()]),
  'header-cut': () => file().subarray(0, 100),
  'first-bytes': () => file().subarray(0, 5),
  unsigned: () => content,
  empty: () => Buffer.alloc(0),
  'name-missing': () => file({ as: undefined }),
  'name-not-terminated': () =>
    file({
      arrange: (p) => [p.signerInfo, p.signatureInfo, p.signature, tlv(14, Buffer.from(as)), p.timestamp],
    }),
  'name-nul-inside': () => file({ as: `${as}\0.txt` }),
  'name-path': () => file({ as: '../Ringlist.xml.sgn' }),
  'name-folder': () => file({ as: 'Latvia/Ringlist.xml.sgn' }),
  'name-case': () => file({ as: 'RINGLIST.XML.sgn' }),
  'name-other': () => file({ as: 'Ringlist-wb.xml.sgn' }),
  'name-device': () => file({ as: 'SEP001122334466.cnf.xml.sgn' }),
  'name-plain': () => file({ as: 'SEP001122334455.cnf.xml.sgn' }),
  'timestamp-missing': () => file({ timestamp: undefined }),
  'timestamp-3-bytes': () =>
    file({
      arrange: (p) => [p.signerInfo, p.signatureInfo, p.signature, p.fileName, tlv(15, Buffer.of(1, 2, 3))],
    }),
  'timestamp-ahead': () => file({ timestamp: now + 601 }),
  'timestamp-skew': () => file({ timestamp: now + 600 }),
  stranger: () => file({ by: stranger }),
  twin: () => file({ by: twin }),
  'digest-sha256': () => file({ hash: 'sha256' }),
  'digest-code-9': () => file({ digestCode: 9 }),
  'digest-says-sha1': () => file({ digestCode: 1 }),
  'digest-says-sha512': () => file({ hash: 'sha1', digestCode: 3 }),
  'algorithm-1': () => file({ algorithmCode: 1 }),
  'modulus-code-1': () => file({ modulusCode: 1 }),
  'modulus-code-7': () => file({ modulusCode: 7 }),
  pss: () =>
    file({
      signWith: (data) =>
        sign('sha512', data, {
          key: a.callmanager.key,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: 0,
        }),
    }),
  'padding-inside-short': () => file({ signWith: shortPadding }),
  'signature-plus-modulus': signaturePlusModulus,
  'signature-zero': () => file({ signWith: () => Buffer.alloc(256) }),
  'signature-255-bytes': () => file({ signWith: () => Buffer.alloc(255, 1) }),
  'signature-257-bytes': () =>
    file({ signWith: (data) => Buffer.concat([Buffer.of(0), sign('sha512', data, a.callmanager.key)]) }),
  'digest-twice': () => {
    const twice = Buffer.concat([
      tlv(8, Buffer.of(3)),
      tlv(8, Buffer.of(3)),
      tlv(9, Buffer.of(10, 0, 1, 0, 11, 0, 1, 2)),
    ]);
    return file({ arrange: (p) => [p.signerInfo, tlv(7, twice), p.signature, p.fileName, p.timestamp] });
  },
  'signature-twice': () => file({ arrange: withExtra(tlv(12, Buffer.alloc(256, 1))) }),
  'name-twice': () => file({ arrange: withExtra(tlv(14, text(as))) }),
  'timestamp-twice': () => file({ arrange: (p) => [...cucmOrder(p), p.timestamp] }),
  'signer-twice': () => file({ arrange: (p) => [p.signerInfo, ...cucmOrder(p)] }),
  'signer-info-missing': () => file({ arrange: (p) => cucmOrder(p).slice(1) }),
  'header-length-short': () => file({ sayLength: (length) => length - 4 }),
  'header-length-long': () => file({ sayLength: (length) => length + 4 }),
  'header-length-past-end': () => file({ sayLength: () => 9000 }),
  'header-length-zero': () => file({ sayLength: () => 0 }),
  'signer-name-past-container': () => changed(file(), (copy) => copy.writeUInt16BE(500, 14)),
  'signer-info-short': () => changed(file(), (copy) => copy.writeUInt16BE(copy.readUInt16BE(11) - 70, 11)),
  'signature-past-header': () => {
    const bytes = file();
    return changed(bytes, (copy) => copy.writeUInt16BE(4000, bytes.indexOf(Buffer.of(12, 1, 0)) + 1));
  },
  'signer-info-without-issuer': () => {
    const issuerBytes = 3 + nameText(a.callmanager.issuer).length + 1;
    return changed(file(), (copy) => copy.writeUInt16BE(copy.readUInt16BE(11) - issuerBytes, 11));
  },
  'signer-version-1-byte': () => file({ arrange: withExtra(tlv(28, Buffer.of(1))) }),
  'name-not-utf-8': () =>
    file({
      arrange: (p) => [p.signerInfo, p.signatureInfo, p.signature, tlv(14, Buffer.of(0xff, 0)), p.timestamp],
    }),
  'signer-name-nul-inside': () => file({ signerName: 'CN=cucm-a\0;OU=Voice' }),
  'version-2-without-encryption': () => file({ version: [2, 0] }),
  'version-1-with-encryption': () => file({ arrange: withExtra(tlv(26, Buffer.of(3))) }),
  'tag-40': () => file({ arrange: withExtra(tlv(40, Buffer.of(1))) }),
  'version-3': () => file({ version: [3, 0] }),
  'version-1-1': () => file({ version: [1, 1] }),
  'version-1-3': () => file({ version: [1, 3] }),
  'header-too-long': () => file({ signerName: `CN=${'x'.repeat(17_000)}` }),
  'padding-65': () => file({ padding: 65 }),
  'padding-64': () => file({ padding: 64 }),
  'padding-0': () => file({ as: 'Ringlist.xml.sgn', signerName: paddingFree(), padding: 0 }),
  'signer-rsa-1024': () => file({ by: short }),
  'signer-rsa-4096': () => file({ by: long }),
  'signer-ec': () => file({ by: curve, modulusCode: 0, signWith: () => Buffer.alloc(64, 7) }),
  'signed-too-early': () => file({ timestamp: now - 31 * day }),
  'signed-after-expiry': () => file({ by: expired, timestamp: now - 9 * day }),
  'signed-before-expiry': () => file({ by: expired, timestamp: now - 11 * day }),
  'empty-body': () => file({ content: Buffer.alloc(0) }),
  'body-is-signed': () => file({ content: file() }),
  'serial-leading-00': () => file({ serial: Buffer.concat([Buffer.of(0), a.callmanager.serial]) }),
  'signer-names-with-commas': () =>
    file({
      signerName: nameText(a.callmanager.subject.toReversed(), ','),
      issuerName: nameText(a.callmanager.issuer.toReversed(), ','),
    }),
  'issuer-without-dc': () => file({ by: windowsCa, issuerName: 'CN=WIN-CA' }),
  'issuer-with-dc': () => file({ by: windowsCa, issuerName: 'CN=WIN-CA,DC=example,DC=local' }),
  'issuer-other-dc': () => file({ by: windowsCa, issuerName: 'CN=WIN-CA,DC=elsewhere,DC=local' }),
  'signer-name-lies': () => file({ signerName: 'CN=somebody else' }),
  'any-order': () =>
    file({ arrange: (p) => [p.timestamp, p.fileName, p.signature, p.signatureInfo, p.signerInfo] }),
  'signer-version': () => file({ arrange: (p) => [tlv(28, Buffer.of(1, 1)), ...cucmOrder(p)] }),
  'signature-first': () =>
    file({ arrange: (p) => [p.signature, p.signerInfo, p.signatureInfo, p.fileName, p.timestamp] }),
  'name-length-lies': () => file({ arrange: withExtra(Buffer.concat([Buffer.of(28), u16(9)])) }),
};

/** A signer name with which the header needs no padding. */
function paddingFree(): string {
  for (let blanks = 0; ; blanks++) {
    const name = `${nameText(a.callmanager.subject)}${' '.repeat(blanks)}`;
    const header = file({ signerName: name, padding: 0, content: Buffer.alloc(0) });
    if (header.length % 4 === 0) return name;
  }
}
