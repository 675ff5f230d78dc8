/** Trust lists of test/vectors/strict: one builder for each file named in lists.yaml. */
import {
  a,
  b,
  ctlOf,
  ctlRecords,
  itlOf,
  itlRecords,
  role,
  stranger,
  subject,
} from '../../test/helpers/clusters.ts';
import {
  day,
  now,
  party,
  record,
  signBytes,
  text,
  tlv,
  trustList,
  u16,
  type ListOptions,
  type RecordOptions,
} from '../../test/helpers/trust-builder.ts';
import type { Vectors } from './strict-files.ts';

function itl(options: Partial<ListOptions> = {}): Buffer {
  return trustList({ by: a.sast, as: 'ITLFile.tlv', records: itlRecords(a), ...options });
}

/** A's ITL whose TFTP record is spoilt. */
function withRecord(options: Partial<RecordOptions>): Buffer {
  const spoilt = record({ role: role.tftp, of: a.callmanager, ...options });
  return itl({
    records: [record({ role: role.sast, of: a.sast }), spoilt, record({ role: role.tvs, of: a.tvs })],
  });
}

const twin = party({ key: 'stranger', subject: a.sast.subject, serial: a.sast.serial.toString('hex') });
const expired = party({
  key: 'stranger',
  subject: subject('expired'),
  serial: '0d0d0003',
  notBefore: now - 30 * day,
  notAfter: now - 10 * day,
});
const short = party({ key: 'short', subject: subject('short'), serial: '0d0d0001' });
const curve = party({
  key: 'curve',
  issuerKey: 'sast-a',
  issuer: a.sast.subject,
  subject: subject('curve'),
  serial: '0d0d0004',
});
const filler = (index: number): Buffer => {
  const serial = `0e0e${index.toString(16).padStart(4, '0')}`;
  return record({
    role: role.capf,
    of: party({ key: 'stranger', subject: subject(`capf-${index}`), serial }),
  });
};

export const strictLists: Vectors = {
  'list-a': () => itlOf(a),
  'list-a-next': () => itl(),
  'list-a-sha1': () => itl({ hash: 'sha1' }),
  'list-a-same-time': () => itl({ timestamp: now - day, records: [...itlRecords(a), filler(1)] }),
  'list-a-older': () => itl({ timestamp: now - day - 1 }),
  'list-a-ahead': () => itl({ timestamp: now + 601 }),
  'list-a-device': () => itl({ as: 'ITLSEP001122334455.tlv' }),
  'list-a-second-sast': () => itl({ by: a.callmanager }),
  'list-a-signer-last': () => itl({ records: itlRecords(a).toReversed() }),
  'list-a-ec': () => itl({ records: [...itlRecords(a), record({ role: role.ccm, of: curve })] }),
  'list-a-rsa-1024': () => itl({ records: [...itlRecords(a), record({ role: role.capf, of: short })] }),
  'list-a-expired': () => itl({ records: [...itlRecords(a), record({ role: role.capf, of: expired })] }),
  'list-version-1-0': () =>
    signBytes({ by: a.sast, as: 'ITLFile.tlv', content: Buffer.concat(itlRecords(a)) }),
  'ctl-33-bytes': () =>
    trustList({
      by: a.callmanager,
      as: 'CTLFile.tlv',
      records: [
        record({ role: role.sast, of: a.callmanager }),
        record({ role: role.sast, of: a.sast }),
        record({ role: role.ccmTftp }),
      ],
    }),
  'ctl-list-a': () => ctlOf(a),
  'ctl-list-a-next': () => trustList({ by: a.callmanager, as: 'CTLFile.tlv', records: ctlRecords(a) }),
  'list-b': () => itlOf(b, now - 60),
  'list-stranger-adds-itself': () =>
    itl({ by: stranger, records: [...itlRecords(a), record({ role: role.sast, of: stranger })] }),
  'list-signer-missing': () => itl({ records: itlRecords(a).slice(1) }),
  'list-tftp-signs': () =>
    itl({
      by: a.callmanager,
      records: [record({ role: role.sast, of: a.sast }), record({ role: role.tftp, of: a.callmanager })],
    }),
  'previous-cm-is-tftp': () =>
    itl({
      timestamp: now - day,
      records: [record({ role: role.sast, of: a.sast }), record({ role: role.tftp, of: a.callmanager })],
    }),
  'list-twin-signs': () =>
    itl({ by: twin, records: [record({ role: role.sast, of: twin }), ...itlRecords(a).slice(1)] }),
  'list-two-twins': () => itl({ records: [record({ role: role.sast, of: twin }), ...itlRecords(a)] }),
  'list-signer-without-certificate': () =>
    itl({
      records: [record({ role: role.sast, of: a.sast, certificate: null }), ...itlRecords(a).slice(1)],
    }),
  'record-twice': () => itl({ records: [...itlRecords(a), record({ role: role.tvs, of: a.tvs })] }),
  'record-two-certificates': () => withRecord({ extra: [tlv(9, stranger.der)] }),
  'record-two-roles': () => withRecord({ extra: [tlv(4, u16(role.sast))] }),
  'record-two-keys': () => withRecord({ extra: [tlv(7, stranger.publicKey)] }),
  'record-length-zero': () => withRecord({ sayLength: () => 0 }),
  'record-length-4': () => withRecord({ sayLength: () => 4 }),
  'record-length-short': () => withRecord({ sayLength: (length) => length - 7 }),
  'record-length-long': () => withRecord({ sayLength: (length) => length + 7 }),
  'record-length-past-end': () => withRecord({ sayLength: () => 60_000 }),
  'record-without-length': () => itl({ records: [tlv(2, text('cucm.example')), ...itlRecords(a)] }),
  'record-item-past-record': () => withRecord({ extra: [Buffer.of(11, 0xff, 0xff)] }),
  'record-key-of-another': () => withRecord({ publicKey: stranger.publicKey }),
  'record-subject-of-another': () => withRecord({ subject: 'CN=somebody else' }),
  'record-issuer-of-another': () => withRecord({ issuer: 'CN=somebody else' }),
  'record-serial-of-another': () => withRecord({ serial: stranger.serial }),
  'record-certificate-cut': () => withRecord({ certificate: a.callmanager.der.subarray(0, -1) }),
  'record-certificate-tail': () =>
    withRecord({ certificate: Buffer.concat([a.callmanager.der, Buffer.of(0)]) }),
  'record-tag-13': () => withRecord({ extra: [tlv(13, Buffer.of(1))] }),
  'record-role-missing': () => {
    const items = tlv(2, text('cucm.example'));
    return itl({ records: [...itlRecords(a), Buffer.concat([tlv(1, u16(items.length + 5)), items])] });
  },
  'record-text-without-nul': () => {
    const items = Buffer.concat([tlv(2, Buffer.from('cucm')), tlv(4, u16(role.ccmTftp))]);
    return itl({ records: [...itlRecords(a), Buffer.concat([tlv(1, u16(items.length + 5)), items])] });
  },
  'record-role-5': () => withRecord({ role: 5 }),
  'record-ip-5-bytes': () => itl({ records: [...itlRecords(a), badAddress()] }),
  /** 33-byte records only. */
  'no-signers': () =>
    trustList({ by: a.callmanager, as: 'CTLFile.tlv', records: [record({ role: role.ccmTftp })] }),
  'no-records': () => itl({ records: [] }),
  'trailing-byte': () => Buffer.concat([itl(), Buffer.of(0)]),
  'list-above-64-kb': () =>
    itl({ records: [...itlRecords(a), ...Array.from({ length: 60 }, (_, index) => filler(index))] }),
};

/** A record whose IP ADDRESS has five bytes. */
function badAddress(): Buffer {
  const items = Buffer.concat([tlv(4, u16(role.ccmTftp)), tlv(10, Buffer.of(1, 2, 3, 4, 5))]);
  return Buffer.concat([tlv(1, u16(items.length + 5)), items]);
}
