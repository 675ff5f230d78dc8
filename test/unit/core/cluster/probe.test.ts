import { describe, expect, it } from 'vitest';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { planMove } from '../../../../src/core/cluster/move-path.ts';
import {
  judgeProbe,
  wordOfTvs,
  wordsOfLists,
  type FetchedList,
  type ProbeQuestion,
} from '../../../../src/core/cluster/probe.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, b, ctlOf, ctlRecords, itlOf, itlRecords, role, stranger } from '../../../helpers/clusters.ts';
import { day, now, record, trustList, type Party } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();

function facts({ der }: Party): CertificateFacts {
  const read = crypto.readCertificate(Uint8Array.from(der));
  if (read === undefined) throw new Error('a test certificate');
  return read;
}

const list = (bytes: Uint8Array): FetchedList => ({ kind: 'bytes', bytes: Uint8Array.from(bytes) });
const absent: FetchedList = { kind: 'absent' };
const none = { itl: undefined, ctl: undefined };
const bytesOf = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);

function judge(question: Partial<ProbeQuestion>) {
  return judgeProbe(crypto, {
    fetched: { itl: list(itlOf(b)), ctl: absent },
    known: none,
    pin: facts(b.sast).fingerprint,
    nowSeconds: now,
    ...question,
  });
}

describe('a probe, the first time', () => {
  it('believes lists that the pinned certificate signed, or a SAST of such a list', () => {
    const fetched = { itl: list(itlOf(b)), ctl: list(ctlOf(b)) };
    for (const pin of [b.sast, b.callmanager]) {
      const result = judge({ fetched, pin: facts(pin).fingerprint });
      expect(result).toMatchObject({ frozen: undefined, unreadable: undefined });
      expect(result.accepted).toEqual({ itl: bytesOf(itlOf(b)), ctl: bytesOf(ctlOf(b)) });
    }
  });

  it('names the signers for a person, and accepts nothing without a pin', () => {
    const { accepted, frozen, signers } = judge({ pin: undefined });
    expect([accepted, frozen]).toEqual([undefined, undefined]);
    expect(signers).toMatchObject([{ kind: 'itl', signer: { fingerprint: facts(b.sast).fingerprint } }]);
  });

  it.each<[string, Partial<ProbeQuestion>]>([
    ['lists of another cluster', { fetched: { itl: list(itlOf(a)), ctl: absent } }],
    ['one list of another cluster', { fetched: { itl: list(itlOf(b)), ctl: list(ctlOf(a)) } }],
    [
      'a list that names the pinned certificate and is signed by somebody else in it',
      {
        fetched: {
          itl: list(
            trustList({
              by: stranger,
              as: 'ITLFile.tlv',
              timestamp: now,
              records: [...itlRecords(b), record({ role: role.sast, of: stranger })],
            }),
          ),
          ctl: absent,
        },
      },
    ],
    ['a changed list', { fetched: { itl: list(Buffer.from(itlOf(b)).fill(0, 1_000, 1_001)), ctl: absent } }],
  ])('freezes: %s', (_, question) => {
    expect(judge(question)).toMatchObject({ accepted: undefined, unreadable: undefined });
    expect(judge(question).frozen).toContain('not by the pinned certificate');
  });

  it('a server that cannot be read is neither', () => {
    const result = judge({ fetched: { itl: { kind: 'unknown', reason: 'silence' }, ctl: absent } });
    expect(result).toMatchObject({ accepted: undefined, frozen: undefined });
    expect(result.unreadable).toContain('silence');
  });
});

describe('a probe after another', () => {
  const known = { itl: bytesOf(itlOf(b)), ctl: undefined };

  it('takes what a phone that holds the last lists takes', () => {
    const newer = itlOf(b, now);
    expect(judge({ known, fetched: { itl: list(newer), ctl: absent } }).accepted?.itl).toEqual(
      bytesOf(newer),
    );
  });

  it('keeps a list that is served no longer: phones do', () => {
    expect(judge({ known, fetched: { itl: absent, ctl: absent } }).accepted).toEqual(known);
  });

  it.each<[string, FetchedList]>([
    ['an older one', list(itlOf(b, now - 2 * day))],
    ['another cluster’s', list(itlOf(a, now))],
  ])('freezes on %s, whatever the pin says', (_, itl) => {
    const pin = facts(a.sast).fingerprint;
    expect(judge({ known, pin, fetched: { itl, ctl: absent } }).frozen).toContain(
      'would not take its ITLFile.tlv',
    );
  });
});

describe('what lists and TVS say of our signer', () => {
  it('by role and by certificate', () => {
    const lists = { itl: bytesOf(itlOf(b)), ctl: bytesOf(ctlOf(b)) };
    expect(wordsOfLists(crypto, lists, facts(b.callmanager))).toEqual({ itl: 'names', ctl: 'names' });
    expect(wordsOfLists(crypto, lists, facts(b.sast))).toEqual({ itl: 'other-role', ctl: 'other-role' });
    expect(wordsOfLists(crypto, lists, facts(a.callmanager))).toEqual({ itl: 'silent', ctl: 'silent' });
    expect(wordsOfLists(crypto, none, facts(a.callmanager))).toEqual({ itl: 'absent', ctl: 'absent' });
  });

  it('a TVS counts when its own certificate has role 21 in the ITL and it vouches for this one as TFTP', () => {
    const lists = { itl: bytesOf(itlOf(b)), ctl: undefined };
    const ours = facts(a.callmanager);
    const vouched = (server: Party, of: Party, as: 'TFTP' | 'SAST') =>
      wordOfTvs(crypto, lists, ours, {
        kind: 'vouched',
        server: Uint8Array.from(server.der),
        certificate: Uint8Array.from(of.der),
        roles: [as],
      });
    expect(vouched(b.tvs, a.callmanager, 'TFTP')).toBe('vouches');
    expect(vouched(b.tvs, a.callmanager, 'SAST')).toBe('refuses');
    expect(vouched(a.tvs, a.callmanager, 'TFTP')).toBe('refuses');
    expect(vouched(b.tvs, stranger, 'TFTP')).toBe('refuses');
    expect(wordOfTvs(crypto, lists, ours, { kind: 'unreachable' })).toBe('unknown');
    expect(wordOfTvs(crypto, none, ours, { kind: 'refused', server: Uint8Array.from(b.tvs.der) })).toBe(
      'unknown',
    );
  });
});

describe('a move', () => {
  const of = (cluster: typeof a, mixed: boolean) => ({
    itl: bytesOf(itlOf(cluster, now)),
    ctl: mixed ? bytesOf(ctlOf(cluster, now)) : undefined,
  });

  it('has no path between clusters that know nothing of each other, and says whom it wants', () => {
    for (const mixed of [false, true]) {
      const path = planMove(crypto, of(a, mixed), of(b, mixed), now);
      expect(path.kind).toBe('none');
      if (path.kind === 'none') expect(path.needs.join('\n')).toContain('ITLRECOVERY_cucm-b');
    }
  });

  it('has one within a cluster, for a phone without lists, and where the old lists name the new signers', () => {
    expect(planMove(crypto, of(a, true), of(a, true), now).kind).toBe('path');
    expect(planMove(crypto, none, of(b, true), now).kind).toBe('path');
    const ready = trustList({
      by: a.sast,
      as: 'ITLFile.tlv',
      timestamp: now - day,
      records: [...itlRecords(a), record({ role: role.sast, of: b.sast })],
    });
    expect(planMove(crypto, { itl: bytesOf(ready), ctl: undefined }, of(b, false), now).kind).toBe('path');
  });

  it('a CTL that the destination does not replace stays, and must name who signs files there', () => {
    const ready = trustList({
      by: a.callmanager,
      as: 'CTLFile.tlv',
      timestamp: now - day,
      records: [...ctlRecords(a), record({ role: role.sast, of: b.sast })],
    });
    const path = planMove(crypto, { itl: bytesOf(itlOf(a)), ctl: bytesOf(ready) }, of(b, false), now);
    expect(path).toMatchObject({
      kind: 'none',
      because: expect.stringContaining('CTL that it keeps') as string,
    });
  });

  it('to somebody whose lists are not known is none', () => {
    expect(planMove(crypto, of(a, true), none, now).kind).toBe('none');
  });
});
