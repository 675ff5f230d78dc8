/** A phone of one cluster before the lists of another, in the order of a boot (domain.md §2, §8). */
import { describe, expect, test } from 'vitest';
import { planMove, type Lists, type MovePath } from '../../../../src/core/cluster/move-path.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import {
  a,
  b,
  ctlOf,
  ctlRecords,
  itlOf,
  itlRecords,
  role,
  stranger,
  type TestCluster,
} from '../../../helpers/clusters.ts';
import { day, now, record, trustList, type Party } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();

function itl(by: Party, ...records: readonly Buffer[]): Uint8Array {
  return trustList({ by, as: 'ITLFile.tlv', timestamp: now - day, records });
}

function ctl(by: Party, ...records: readonly Buffer[]): Uint8Array {
  return trustList({ by, as: 'CTLFile.tlv', timestamp: now - day, records });
}

const nothing: Lists = { ctl: undefined, itl: undefined };
const itlAlone = (of: TestCluster): Lists => ({ ctl: undefined, itl: itlOf(of) });
const both = (of: TestCluster): Lists => ({ ctl: ctlOf(of), itl: itlOf(of) });

function plan(from: Lists, to: Lists): MovePath {
  return planMove(crypto, from, to, now);
}

test('lists that nobody knows lead nowhere, one list is enough to know', () => {
  expect(plan(itlAlone(a), nothing)).toMatchObject({
    kind: 'none',
    because: 'the lists of the destination are not known',
    needs: [],
  });
  expect(plan(itlAlone(a), itlAlone(a))).toMatchObject({ kind: 'path' });
  expect(plan({ ctl: ctlOf(a), itl: undefined }, { ctl: ctlOf(a), itl: undefined })).toMatchObject({
    kind: 'path',
  });
});

test('a phone without lists takes the first ones; one that holds either is bound by it', () => {
  expect(plan(nothing, itlAlone(b))).toMatchObject({
    kind: 'path',
    because: expect.stringMatching(/holds no list/) as string,
  });
  expect(plan(itlAlone(a), itlAlone(b)).kind).toBe('none');
  expect(plan({ ctl: ctlOf(a), itl: undefined }, itlAlone(b)).kind).toBe('none');
});

describe('a list that is refused', () => {
  test('is named, with the signer that the old lists would have to name', () => {
    const path = plan(itlAlone(a), itlAlone(b));
    expect(path).toMatchObject({
      kind: 'none',
      because: expect.stringContaining('its ITLFile.tlv: ') as string,
    });
    expect(path.kind === 'none' && path.needs).toEqual([
      expect.stringMatching(/^SAST: .*CN=ITLRECOVERY_cucm-b/) as string,
    ]);
    const withCtl = plan(both(a), both(b));
    expect(withCtl).toMatchObject({ because: expect.stringContaining('its CTLFile.tlv: ') as string });
    // Its CTL is signed by one, its ITL by the other; each is wanted once, and no SAST that signed nothing.
    expect(withCtl.kind === 'none' && withCtl.needs).toHaveLength(2);
  });

  test('of which the signer stands in it as SAST twice over is one need, none where nobody of it is one', () => {
    const twin = itl(b.sast, ...itlRecords(b).slice(1));
    const path = plan(itlAlone(a), { ctl: undefined, itl: twin });
    expect(path).toMatchObject({ kind: 'none', needs: [] });
    const garbage = plan(itlAlone(a), { ctl: undefined, itl: Uint8Array.of(1, 2, 3) });
    expect(garbage).toMatchObject({ kind: 'none', needs: [] });
  });

  test('a record without a certificate is named by its subject', () => {
    const bare = itl(
      b.sast,
      record({ role: role.sast, of: b.sast, certificate: null }),
      ...itlRecords(b).slice(1),
    );
    const path = plan(itlAlone(a), { ctl: undefined, itl: bare });
    expect(path.kind === 'none' && path.needs.join()).toMatch(/^SAST: CN=ITLRECOVERY_cucm-b;/);
  });
});

describe('files by the signers of the destination', () => {
  const knowsB = [record({ role: role.sast, of: b.sast }), record({ role: role.sast, of: b.callmanager })];

  test('its CTL is asked where it has one, else its ITL', () => {
    expect(plan({ ctl: undefined, itl: itl(a.sast, ...itlRecords(a), ...knowsB) }, itlAlone(b)).kind).toBe(
      'path',
    );
    const ready = { ctl: ctl(a.callmanager, ...ctlRecords(a), ...knowsB), itl: itlOf(a) };
    expect(plan(ready, both(b))).toMatchObject({
      kind: 'path',
      because: expect.stringMatching(/takes the lists/) as string,
    });
  });

  test('an ITL that names nobody who signs files is said to, where no CTL is kept', () => {
    const ready = { ctl: undefined, itl: itl(a.sast, ...itlRecords(a), ...knowsB) };
    const [sast, callmanager] = itlRecords(b);
    if (!sast || !callmanager) throw new Error('records');
    // The destination's CTL is not there; its ITL names a signer of files without its certificate.
    const bare = itl(
      b.sast,
      sast,
      callmanager,
      record({ role: role.tftp, of: b.callmanager, certificate: null }),
    );
    expect(plan(ready, { ctl: undefined, itl: bare })).toMatchObject({
      kind: 'none',
      because: 'the ITL that it keeps does not name the signer of files there',
      needs: [expect.stringMatching(/^CCM\+TFTP: CN=cucm-b;/) as string],
    });
  });

  test('a CTL that the destination does not replace stays and must name them', () => {
    const kept = { ctl: ctl(a.callmanager, ...ctlRecords(a), ...knowsB), itl: itlOf(a) };
    expect(plan(kept, itlAlone(b))).toMatchObject({
      kind: 'none',
      because: 'the CTL that it keeps does not name the signer of files there',
      needs: [expect.stringMatching(/^CCM\+TFTP: .*CN=cucm-b/) as string],
    });
    const named = ctl(
      a.callmanager,
      ...ctlRecords(a),
      ...knowsB,
      record({ role: role.ccmTftp, of: b.callmanager }),
    );
    expect(plan({ ctl: named, itl: itlOf(a) }, itlAlone(b)).kind).toBe('path');
  });

  test('each of them counts: a cluster has a signer on every node', () => {
    const second = stranger;
    const two = itl(b.sast, ...itlRecords(b), record({ role: role.tftp, of: second }));
    const ready = [...ctlRecords(a), ...knowsB, record({ role: role.ccmTftp, of: b.callmanager })];
    const one = { ctl: ctl(a.callmanager, ...ready), itl: itlOf(a) };
    expect(plan(one, { ctl: undefined, itl: two })).toMatchObject({
      kind: 'none',
      needs: [expect.stringContaining('CN=stranger') as string],
    });
    const all = {
      ctl: ctl(a.callmanager, ...ready, record({ role: role.ccmTftp, of: second })),
      itl: itlOf(a),
    };
    expect(plan(all, { ctl: undefined, itl: two }).kind).toBe('path');
  });
});

test('a list of its own that nobody can read leads nowhere', () => {
  expect(plan({ ctl: undefined, itl: Uint8Array.of(9) }, itlAlone(b)).kind).toBe('none');
});
