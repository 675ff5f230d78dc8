/** Two clusters with throw-away keys, as the vectors know them: A, where phones live, and B. */
import { day, now, party, record, trustList, type Attributes, type Party } from './trust-builder.ts';

export const role = { sast: 0, ccm: 1, ccmTftp: 2, tftp: 3, capf: 4, app: 7, tvs: 21 } as const;

export function subject(commonName: string): Attributes {
  return [
    ['CN', commonName],
    ['OU', 'Voice'],
    ['O', 'Example, Inc.'],
    ['L', 'Riga'],
    ['ST', 'LV'],
    ['C', 'LV'],
  ];
}

export interface TestCluster {
  readonly sast: Party;
  readonly callmanager: Party;
  readonly tvs: Party;
}

function cluster(letter: 'a' | 'b', serials: readonly [string, string, string]): TestCluster {
  return {
    sast: party({
      key: `sast-${letter}`,
      subject: subject(`ITLRECOVERY_cucm-${letter}`),
      serial: serials[0],
    }),
    callmanager: party({
      key: `callmanager-${letter}`,
      subject: subject(`cucm-${letter}`),
      serial: serials[1],
    }),
    tvs: party({ key: `tvs-${letter}`, subject: subject(`tvs-${letter}`), serial: serials[2] }),
  };
}

export const a = cluster('a', ['0a0a0001', 'f00a0002', '0a0a0003']);
export const b = cluster('b', ['0b0b0001', '0b0b0002', '0b0b0003']);

/** Nobody knows it. */
export const stranger = party({ key: 'stranger', subject: subject('stranger'), serial: '0c0c0001' });

export function itlRecords({ sast, callmanager, tvs }: TestCluster): readonly Buffer[] {
  return [
    record({ role: role.sast, of: sast }),
    record({ role: role.sast, of: callmanager }),
    record({ role: role.tftp, of: callmanager }),
    record({ role: role.tvs, of: tvs }),
  ];
}

export function ctlRecords({ sast, callmanager }: TestCluster): readonly Buffer[] {
  return [
    record({ role: role.sast, of: callmanager }),
    record({ role: role.ccmTftp, of: callmanager }),
    record({ role: role.sast, of: sast }),
  ];
}

export function itlOf(cluster: TestCluster, timestamp = now - day): Buffer {
  return trustList({ by: cluster.sast, as: 'ITLFile.tlv', timestamp, records: itlRecords(cluster) });
}

export function ctlOf(cluster: TestCluster, timestamp = now - day): Buffer {
  return trustList({ by: cluster.callmanager, as: 'CTLFile.tlv', timestamp, records: ctlRecords(cluster) });
}
