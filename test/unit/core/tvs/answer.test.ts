/** What a TVS answers, and whom it never vouches for (security.md §5). */
import { describe, expect, it } from 'vitest';
import { takeSnapshot, answerTvs, type TvsAnswered } from '../../../../src/core/tvs/answer.ts';
import type { StoredCertificate } from '../../../../src/core/cluster/model.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import type { Role } from '../../../../src/wire/role.ts';
import { nameText, party, type Party } from '../../../helpers/trust-builder.ts';
import { row } from '../../../helpers/tvs-peer.ts';

const nowMs = 1_795_255_200_000;

const crypto = createVerifier();
const cn = (name: string) => [['CN', name] as const, ['O', 'Example, Inc.'] as const];
const manager = party({ key: 'callmanager-a', subject: cn('cm-a'), serial: '0a01' });
const recovery = party({ key: 'sast-a', subject: cn('recovery'), serial: '0a02' });
const tvs = party({ key: 'tvs-a', subject: cn('tvs-a'), serial: '0a03' });
const foreign = party({ key: 'callmanager-b', subject: cn('cm-b'), serial: '8b01' });
const foreignTvs = party({ key: 'tvs-b', subject: cn('tvs-b'), serial: '8b02' });

function query(rows: readonly StoredCertificate[], who: Party, change: object = {}): TvsAnswered {
  const snapshot = takeSnapshot(crypto, rows, 'node-a', nowMs);
  return answerTvs(snapshot, {
    command: 'query-request',
    session: 7,
    device: 'CP-8861-SEP001122334455',
    subject: nameText(who.subject),
    issuer: nameText(who.issuer),
    serial: who.serial,
    ...change,
  });
}

function verify(rows: readonly StoredCertificate[], certificate: Uint8Array): TvsAnswered {
  const snapshot = takeSnapshot(crypto, rows, 'node-a', nowMs);
  return answerTvs(snapshot, { command: 'verify-request', session: 8, device: 'x', certificate });
}

/** Roles by query and by verify, which must agree; the refusal where there are none. */
function word(rows: readonly StoredCertificate[], who: Party): readonly Role[] | string {
  const byQuery = query(rows, who);
  const byVerify = verify(rows, who.der);
  expect(byVerify.response.vouched?.roles).toEqual(byQuery.response.vouched?.roles);
  return byQuery.response.vouched?.roles ?? byQuery.refusal ?? 'no reason';
}

describe('the table of stores and roles (security.md §5)', () => {
  it.each([
    ['callmanager', ['SAST', 'TFTP']],
    ['callmanager-ec', ['TFTP']],
    ['itlrecovery', ['SAST']],
    ['tftp-ec', ['TFTP']],
    ['capf', ['CAPF']],
    ['tvs', 'no-role'],
    ['callmanager-trust', ['TFTP']],
    ['phone-sast-trust', ['SAST', 'TFTP']],
    ['tomcat-trust', ['APP-SERVER']],
    ['capf-trust', 'no-role'],
    ['tvs-trust', 'no-role'],
  ] as const)('%s: %s', (place, roles) => {
    expect(word([row(manager, place)], manager)).toEqual(roles);
  });

  it("another node's CallManager signs files, as in the ITL, and no trust list", () => {
    expect(word([row(manager, 'callmanager', { node: 'node-b' })], manager)).toEqual(['TFTP']);
  });

  it('a certificate in two stores has the roles of both', () => {
    const rows = [row(foreign, 'callmanager-trust'), row(foreign, 'tomcat-trust')];
    expect(word(rows, foreign)).toEqual(['TFTP', 'APP-SERVER']);
  });

  it('never a SAST by CallManager-trust, never role 21 by any store', () => {
    const all = (['callmanager-trust', 'capf-trust', 'tvs-trust', 'tomcat-trust'] as const).map((place) =>
      word([row(foreign, place)], foreign),
    );
    expect(all.flat()).not.toContain('SAST');
    expect(all.flat()).not.toContain('TVS');
  });
});

describe('who is not vouched for', () => {
  it('a TVS that was put into phone-sast-trust as well: ours, or another cluster’s', () => {
    expect(word([row(tvs, 'tvs'), row(tvs, 'phone-sast-trust')], tvs)).toBe('no-role');
    expect(word([row(foreignTvs, 'callmanager-trust'), row(foreignTvs, 'tvs-trust')], foreignTvs)).toBe(
      'no-role',
    );
  });

  it('a retired certificate, also where it stands in another store', () => {
    const retired = row(manager, 'callmanager', { retiredMs: 5 });
    expect(word([retired], manager)).toBe('unknown');
    expect(word([retired, row(manager, 'phone-sast-trust')], manager)).toBe('no-role');
    expect(word([row(foreign, 'callmanager-trust', { retiredMs: 5 })], foreign)).toBe('unknown');
  });

  it('a stranger, and a certificate that differs in one bit', () => {
    const rows = [row(manager, 'callmanager')];
    expect(word(rows, foreign)).toBe('unknown');
    const almost = Uint8Array.from(manager.der);
    almost[almost.length - 1] = (almost.at(-1) ?? 0) ^ 1;
    expect(verify(rows, almost).refusal).toBe('unknown');
  });

  it('an issuer and serial that name two keys', () => {
    const twin = party({ key: 'callmanager-b', subject: cn('cm-a'), serial: '0a01' });
    const rows = [row(manager, 'callmanager'), row(twin, 'callmanager-trust')];
    expect(query(rows, manager).refusal).toBe('clash');
    const vouchedByDer = verify(rows, manager.der).response.vouched;
    expect(vouchedByDer?.roles).toEqual(['SAST', 'TFTP']);
    const asTvs = [row(manager, 'callmanager'), row(twin, 'tvs-trust')];
    expect(query(asTvs, manager).refusal).toBe('clash');
  });

  it('the right issuer with another serial, the right serial with another issuer', () => {
    const rows = [row(manager, 'callmanager'), row(foreign, 'callmanager-trust')];
    expect(query(rows, manager, { serial: Uint8Array.of(0x0a, 0x09) }).refusal).toBe('unknown');
    expect(query(rows, manager, { issuer: nameText(foreign.issuer) }).refusal).toBe('unknown');
  });
});

describe('the answer', () => {
  it('to a query has the certificate and the session of the question', () => {
    const { response } = query([row(manager, 'callmanager')], manager);
    expect(response).toEqual({
      command: 'query-response',
      session: 7,
      vouched: { certificate: Uint8Array.from(manager.der), roles: ['SAST', 'TFTP'], ttlSeconds: 86_400 },
    });
  });

  it('finds an issuer in any order and separator, and a serial with its leading 00', () => {
    const rows = [row(foreign, 'callmanager-trust')];
    const issuer = nameText(foreign.issuer.toReversed(), ',');
    expect(query(rows, foreign, { issuer }).response.vouched).toBeDefined();
    const serial = Uint8Array.of(0, ...foreign.serial);
    expect(query(rows, foreign, { serial }).response.vouched).toBeDefined();
  });

  it('of one key certified twice under one serial is the later certificate', () => {
    const later = party({
      key: 'callmanager-b',
      subject: cn('cm-b'),
      serial: '8b01',
      notAfter: 4_000_000_000,
    });
    const { response } = query([row(foreign, 'callmanager-trust'), row(later, 'callmanager-trust')], foreign);
    expect(response).toMatchObject({ vouched: { certificate: Uint8Array.from(later.der) } });
  });

  it('lives an hour while a certificate of a node is being renewed, a day else', () => {
    const next = party({ key: 'callmanager-b', subject: cn('cm-a'), serial: '0a11' });
    const both = [row(manager, 'callmanager'), row(next, 'callmanager'), row(recovery, 'itlrecovery')];
    expect(query(both, recovery).response.vouched?.ttlSeconds).toBe(3_600);
    const done = [row(manager, 'callmanager', { retiredMs: 5 }), ...both.slice(1)];
    expect(query(done, recovery).response.vouched?.ttlSeconds).toBe(86_400);
    const otherNode = [row(manager, 'callmanager'), row(next, 'callmanager', { node: 'node-b' })];
    expect(query(otherNode, manager).response.vouched?.ttlSeconds).toBe(86_400);
  });
});
