/** Lists, certificates and files of test/vectors/judge; the verdicts are in its *.yaml. */
import { a, b, ctlOf, ctlRecords, itlOf, itlRecords, role, stranger } from '../../test/helpers/clusters.ts';
import {
  cucmOrder,
  day,
  now,
  party,
  record,
  signBytes,
  trustList,
  type Party,
} from '../../test/helpers/trust-builder.ts';
import type { Vectors } from './strict-files.ts';

const config = 'SEP001122334455.cnf.xml.sgn';
const content = Buffer.from('<device><fullConfig>true</fullConfig></device>\n');
const file = (by: Party, as = config, timestamp = now - 60): Buffer =>
  signBytes({ by, as, content, timestamp });
const twin = party({
  key: 'stranger',
  subject: a.callmanager.subject,
  serial: a.callmanager.serial.toString('hex'),
});
const sast = (of: Party): Buffer => record({ role: role.sast, of });

export const judgeFiles: Vectors = {
  'itl-a': () => itlOf(a),
  'itl-a-next': () => itlOf(a, now - 60),
  'itl-a-sha1': () => trustList({ by: a.sast, as: 'ITLFile.tlv', hash: 'sha1', records: itlRecords(a) }),
  'itl-a-older': () => itlOf(a, now - 2 * day),
  'itl-a-device': () => trustList({ by: a.sast, as: 'ITLSEP001122334466.tlv', records: itlRecords(a) }),
  'itl-a-by-callmanager': () => trustList({ by: a.callmanager, as: 'ITLFile.tlv', records: itlRecords(a) }),
  'itl-b': () => itlOf(b, now - 60),
  'itl-b-by-callmanager': () => trustList({ by: b.callmanager, as: 'ITLFile.tlv', records: itlRecords(b) }),
  'itl-without-own-signer': () =>
    trustList({ by: b.sast, as: 'ITLFile.tlv', records: itlRecords(b).slice(1) }),
  'itl-rollback': () =>
    trustList({
      by: a.sast,
      as: 'ITLFile.tlv',
      timestamp: now - day,
      records: [sast(a.sast), record({ role: role.capf, of: a.callmanager })],
    }),
  'itl-without-tvs': () =>
    trustList({ by: a.sast, as: 'ITLFile.tlv', timestamp: now - day, records: itlRecords(a).slice(0, 3) }),
  'ctl-a': () => ctlOf(a),
  'ctl-a-next': () => ctlOf(a, now - 60),
  'ctl-a-older': () => ctlOf(a, now - 2 * day),
  'ctl-a-with-b': () =>
    trustList({
      by: a.callmanager,
      as: 'CTLFile.tlv',
      timestamp: now - day,
      records: [...ctlRecords(a), sast(b.sast)],
    }),
  'ctl-a-without-itlrecovery': () =>
    trustList({
      by: a.callmanager,
      as: 'CTLFile.tlv',
      timestamp: now - day,
      records: ctlRecords(a).slice(0, 2),
    }),
  'ctl-a-by-itlrecovery': () => trustList({ by: a.sast, as: 'CTLFile.tlv', records: ctlRecords(a) }),
  'ctl-nonsecure': () =>
    trustList({
      by: a.callmanager,
      as: 'CTLFile.tlv',
      timestamp: now - day,
      records: [sast(a.callmanager), sast(a.sast), record({ role: role.ccmTftp })],
    }),
  'ctl-b': () => ctlOf(b, now - 60),
  'ctl-of-stranger': () =>
    trustList({ by: stranger, as: 'CTLFile.tlv', records: [sast(stranger), ...ctlRecords(a)] }),
  garbage: () => Buffer.from('<html>404</html>'),

  'config-a': () => file(a.callmanager),
  'config-a-sha1': () =>
    signBytes({ by: a.callmanager, as: config, content, timestamp: now - 60, hash: 'sha1' }),
  'config-b': () => file(b.callmanager),
  'config-a-by-sast': () => file(a.sast),
  'config-a-other-device': () => file(a.callmanager, 'SEP001122334466.cnf.xml.sgn'),
  'config-a-changed': () => {
    const bytes = file(a.callmanager);
    bytes[bytes.length - 3] = 0x58;
    return bytes;
  },
  'config-a-after-expiry': () => file(a.callmanager, config, now + 4000 * day),
  'config-twin': () => file(twin),
  'config-unsigned': () => content,
  'config-a-unknown-tag': () =>
    signBytes({
      by: a.callmanager,
      as: config,
      content,
      arrange: (p) => [...cucmOrder(p), Buffer.of(40, 0, 1, 7)],
    }),
  'ringlist-b': () => file(b.callmanager, 'Ringlist.xml.sgn'),
  firmware: () =>
    signBytes({ by: stranger, as: 'sip88xx.zz.sgn', version: [1, 1], timestamp: undefined, content }),

  'certificate-tvs-a': () => a.tvs.der,
  'certificate-tvs-b': () => b.tvs.der,
  'certificate-callmanager-b': () => b.callmanager.der,
  'certificate-sast-b': () => b.sast.der,
};
