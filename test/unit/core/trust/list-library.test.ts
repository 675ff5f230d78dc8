import { describe, expect, it } from 'vitest';
import type { PublishedList } from '../../../../src/core/cluster/model.ts';
import { anyOfOurs, nothing, unknown } from '../../../../src/core/trust/belief.ts';
import {
  beliefsAccept,
  describeSide,
  explainsBy,
  ListLibrary,
} from '../../../../src/core/trust/list-library.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, b, ctlRecords, itlRecords, role, type TestCluster } from '../../../helpers/clusters.ts';
import { now, record, trustList, type Party } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();

function facts(of: Party) {
  const read = crypto.readCertificate(of.der);
  if (read === undefined) throw new Error('no certificate');
  return read;
}

function list(
  kind: 'itl' | 'ctl',
  generation: number,
  by: TestCluster,
  records: readonly Buffer[],
): PublishedList {
  const as = kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
  const bytes = trustList({ by: by.sast, as, timestamp: now + generation, records });
  const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
  return { generation, kind, node: 'n', bytes, signer: '', sha256, timestamp: now, publishedMs: 0 };
}

const itlA = list('itl', 1, a, itlRecords(a));
const itlB = list('itl', 2, b, itlRecords(b));
const ctlB = list('ctl', 2, b, ctlRecords(b));
const bare = list('ctl', 3, a, [record({ role: role.sast, of: a.sast }), record({ role: role.ccmTftp })]);
const free = list('itl', 4, a, [record({ role: role.sast, of: a.sast })]);
const library = new ListLibrary(crypto, [itlA, itlB, ctlB, bare, free, { ...itlA, generation: 9 }]);
const signer = facts(a.callmanager);

describe('the library of published lists', () => {
  it('knows a list from its first generation on, and what is none of ours not at all', () => {
    expect(library.find(itlA.sha256)?.generation).toBe(1);
    expect(library.bytes(`/${itlA.sha256}`)).toEqual({ ctl: undefined, itl: itlA.bytes });
    expect(library.bytes(nothing)).toEqual({});
    expect([
      library.bytes(unknown),
      library.bytes(anyOfOurs),
      library.bytes('gone/'),
      library.bytes('/gone'),
    ]).toEqual([undefined, undefined, undefined, undefined]);
    expect(library.held(`/${itlA.sha256}`)?.itl?.anchors).toHaveLength(4);
    expect(library.held(`/${itlA.sha256}`)).toBe(library.held(`/${itlA.sha256}`));
    expect(library.allPairs()).toHaveLength(3 * 4 - 1);
  });

  it('says who asks for signed names', () => {
    expect(library.asksForSigned(`/${itlA.sha256}`)).toBe(true);
    expect(library.asksForSigned(unknown)).toBe(true);
    expect(library.asksForSigned(nothing)).toBe(false);
    expect(library.asksForSigned(`/${free.sha256}`)).toBe(false);
  });

  it('says whose files are believed', () => {
    expect(library.accepts(nothing, signer)).toBe('accept');
    expect(library.accepts(`/${free.sha256}`, signer)).toBe('accept');
    expect(library.accepts(unknown, signer)).toBe('unknown');
    expect(library.accepts(`/${itlA.sha256}`, signer)).toBe('accept');
    expect(library.accepts(`/${itlB.sha256}`, signer)).toBe('reject');
    // A SAST that signs no files, and the same issuer and serial with another key.
    expect(library.accepts(`/${itlA.sha256}`, facts(a.sast))).toBe('reject');
    const key = facts(b.callmanager).publicKey;
    expect(library.accepts(`/${itlA.sha256}`, { ...signer, publicKey: key })).toBe('reject');
  });

  it('leaves open whether a CTL holder looks into its ITL, unless its CTL says nothing of files', () => {
    expect(library.accepts(`${ctlB.sha256}/${itlA.sha256}`, signer)).toBe('unknown');
    expect(library.accepts(`${ctlB.sha256}/${itlA.sha256}`, facts(b.callmanager))).toBe('accept');
    expect(library.accepts(`${bare.sha256}/${itlA.sha256}`, signer)).toBe('accept');
  });

  it('whoever believes what only its ITL explains looks there', () => {
    const open = `${ctlB.sha256}/${itlA.sha256}`;
    expect(library.narrowed(open, signer)).toBe(`${open}+`);
    expect(library.narrowed(`${open}+`, signer)).toBe(`${open}+`);
    expect(library.accepts(`${open}+`, signer)).toBe('accept');
    expect(library.bytes(`${open}+`)).toEqual(library.bytes(open));
    for (const key of [unknown, anyOfOurs, nothing, `/${itlA.sha256}`, 'gone/'])
      expect(library.narrowed(key, signer)).toBe(key);
    expect(library.narrowed(open, facts(b.callmanager))).toBe(open);
  });

  it('accepts or rejects for a device only when every pair says the same', () => {
    const [yes, no] = [`/${itlA.sha256}`, `/${itlB.sha256}`];
    expect(beliefsAccept(library, [yes, nothing], signer)).toBe('accept');
    expect(beliefsAccept(library, [no], signer)).toBe('reject');
    expect(beliefsAccept(library, [yes, no], signer)).toBe('unknown');
    expect(beliefsAccept(library, [yes, unknown], signer)).toBe('unknown');
    expect(beliefsAccept(library, [], signer)).toBe('unknown');
  });

  it('explains to the book of beliefs: only a sure no disproves a pair', () => {
    const explains = explainsBy(() => library);
    const open = `${ctlB.sha256}/${itlA.sha256}`;
    expect(
      [`/${itlA.sha256}`, open, unknown, `/${itlB.sha256}`].map((key) => explains.believes(key, signer)),
    ).toEqual([true, true, true, false]);
    expect(explains.narrowed(open, signer)).toBe(`${open}+`);
    expect([explains.asksForSigned(nothing), explains.asksForSigned(`/${itlA.sha256}`)]).toEqual([
      false,
      true,
    ]);
    expect(explains.all()).toEqual(library.allPairs());
  });

  it('names lists as people do', () => {
    const side = (key: string) => [describeSide(library, key, 'ctl'), describeSide(library, key, 'itl')];
    expect(side(`${ctlB.sha256}/${itlA.sha256}`)).toEqual(['2', '1']);
    expect(side(`${ctlB.sha256}/${itlA.sha256}+`)).toEqual(['2', '1+']);
    expect(side(nothing)).toEqual(['none', 'none']);
    expect(side(unknown)).toEqual(['unknown', 'unknown']);
    expect(side(anyOfOurs)).toEqual(['any', 'any']);
    expect(side('0123456789abcdefXX/')).toEqual(['0123456789abcdef (not ours)', 'none']);
  });
});
