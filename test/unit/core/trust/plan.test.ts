import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CertificatePurpose, ClusterMode } from '../../../../src/core/cluster/model.ts';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { checkInvariants, viewOfList, viewOfPlan } from '../../../../src/core/trust/invariants.ts';
import { planCtl } from '../../../../src/core/trust/plan-ctl.ts';
import { planItl, withoutFileSigners } from '../../../../src/core/trust/plan-itl.ts';
import type { OwnCertificate, TrustInput, TrustPlan } from '../../../../src/core/trust/trust-plan.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { decodeTrustList } from '../../../../src/wire/trust-list.ts';
import { a, role } from '../../../helpers/clusters.ts';
import { openToolCertificate } from '../../../helpers/open-tool-signers.ts';
import { record, trustList } from '../../../helpers/trust-builder.ts';

const template = openToolCertificate('callmanager');

/** A certificate of its own: plans tell certificates by their fingerprint alone. */
function certificate(name: string): CertificateFacts {
  return { ...template, subject: `CN=${name}`, fingerprint: name };
}

function own(purpose: CertificatePurpose, node?: string, generation = ''): OwnCertificate {
  return { purpose, node, certificate: certificate([purpose, node, generation].filter(Boolean).join(' ')) };
}

function cluster(nodes: readonly string[], thisNode: string, mode: ClusterMode = 'mixed'): TrustInput {
  return {
    thisNode,
    mode,
    nodes: nodes.map((name) => ({ name })),
    own: [
      own('itlrecovery'),
      own('capf'),
      ...nodes.flatMap((node) => [own('callmanager', node), own('tvs', node), own('tftp-ec', node)]),
    ],
    foreignSasts: [],
    foreignFileSigners: [],
  };
}

function lines(plan: TrustPlan): readonly string[] {
  return plan.records.map(
    ({ role, certificate, dnsName }) => `${role} ${certificate?.fingerprint ?? '-'} @${dnsName}`,
  );
}

describe('planItl (domain.md §2)', () => {
  it('lists this node as TFTP and SAST, the others as TFTP only, every TVS, CAPF', () => {
    const plan = planItl(cluster(['a', 'b'], 'b'));
    expect(plan.signer.fingerprint).toBe('itlrecovery');
    expect(lines(plan)).toEqual([
      'SAST itlrecovery @b',
      'TFTP callmanager b @b',
      'SAST callmanager b @b',
      'TFTP callmanager a @a',
      'TFTP tftp-ec b @b',
      'TFTP tftp-ec a @a',
      'TVS tvs b @b',
      'TVS tvs a @a',
      'CAPF capf @b',
    ]);
  });

  it('has two SAST records however many nodes there are (formats.md §3)', () => {
    const plan = planItl(cluster(['a', 'b', 'c', 'd'], 'c'));
    expect(plan.records.filter(({ role }) => role === 'SAST')).toHaveLength(2);
  });

  it('does without TVS, CAPF and EC certificates', () => {
    const input = cluster(['a'], 'a');
    const bare = input.own.filter(({ purpose }) => purpose === 'itlrecovery' || purpose === 'callmanager');
    expect(lines(planItl({ ...input, own: bare }))).toEqual([
      'SAST itlrecovery @a',
      'TFTP callmanager a @a',
      'SAST callmanager a @a',
    ]);
  });

  it('lists the next certificate beside the one in use (design.md §5, "One signer for all")', () => {
    const input = cluster(['a'], 'a');
    const plan = planItl({ ...input, own: [...input.own, own('itlrecovery', undefined, 'next')] });
    expect(plan.signer.fingerprint).toBe('itlrecovery');
    expect(lines(plan).slice(0, 2)).toEqual(['SAST itlrecovery @a', 'SAST itlrecovery next @a']);
  });

  it('carries addresses where they are known', () => {
    const input = cluster(['a', 'b'], 'a');
    const ipAddress = Uint8Array.of(10, 0, 0, 2);
    const plan = planItl({ ...input, nodes: [{ name: 'a' }, { name: 'b', ipAddress }] });
    expect(
      plan.records.filter((record) => record.ipAddress === ipAddress).map(({ dnsName }) => dnsName),
    ).toEqual(['b', 'b', 'b']);
  });
});

describe('planCtl (domain.md §2)', () => {
  it('lists SAST CallManager, CCM+TFTP of every node, CAPF, SAST ITLRecovery and phone-sast-trust', () => {
    const plan = planCtl({ ...cluster(['a', 'b'], 'a'), foreignSasts: [certificate('foreign')] });
    expect(plan.signer.fingerprint).toBe('itlrecovery');
    expect(lines(plan)).toEqual([
      'SAST callmanager a @a',
      'CCM+TFTP callmanager a @a',
      'CCM+TFTP callmanager b @b',
      'CAPF capf @a',
      'SAST itlrecovery @a',
      'SAST foreign @',
    ]);
  });

  it('names the servers of a nonsecure cluster without certificates (design.md §5)', () => {
    expect(lines(planCtl(cluster(['a', 'b'], 'a', 'nonsecure')))).toEqual([
      'SAST callmanager a @a',
      'CCM+TFTP - @a',
      'CCM+TFTP - @b',
      'CAPF capf @a',
      'SAST itlrecovery @a',
    ]);
  });

  it('lists the signers of a proxy TFTP as TFTP, in mixed mode alone: a nonsecure CTL signs no file in', () => {
    const foreignFileSigners = [certificate('proxy')];
    const proxies = (mode: ClusterMode) =>
      lines(planCtl({ ...cluster(['a'], 'a', mode), foreignFileSigners })).filter((line) =>
        line.includes('proxy'),
      );
    expect(proxies('mixed')).toEqual(['TFTP proxy @']);
    expect(proxies('nonsecure')).toEqual([]);
  });

  it('lists a foreign SAST that is our own only once', () => {
    const input = cluster(['a'], 'a');
    const plan = planCtl({
      ...input,
      foreignSasts: [certificate('itlrecovery'), certificate('callmanager a')],
    });
    expect(plan.records.filter(({ role }) => role === 'SAST')).toHaveLength(2);
  });
});

describe.each([
  ['planItl', planItl],
  ['planCtl', planCtl],
])('%s refuses', (_name, plan) => {
  it.each([
    ['no ITLRecovery', 'itlrecovery', undefined, 'there is no itlrecovery certificate'],
    ['no CallManager of this node', 'callmanager', 'a', 'there is no callmanager certificate of node a'],
    ['no CallManager of another node', 'callmanager', 'b', 'there is no callmanager certificate of node b'],
  ])('a cluster with %s', (_case, purpose, node, message) => {
    const input = cluster(['a', 'b'], 'a');
    const rest = input.own.filter((each) => each.purpose !== purpose || each.node !== node);
    expect(() => plan({ ...input, own: rest })).toThrowError(
      expect.objectContaining({ code: 'refused', message }),
    );
  });
});

describe('invariants of a generation (design.md §5)', () => {
  const arbitraryInput: fc.Arbitrary<TrustInput> = fc
    .record({
      nodes: fc.integer({ min: 1, max: 5 }),
      here: fc.nat(4),
      mode: fc.constantFrom<ClusterMode>('mixed', 'nonsecure'),
      foreign: fc.array(fc.constantFrom('itlrecovery', 'foreign 1', 'foreign 2'), { maxLength: 3 }),
      next: fc.subarray<CertificatePurpose>(['itlrecovery', 'callmanager', 'tvs', 'capf']),
      order: fc.nat(),
    })
    .map(({ nodes, here, mode, foreign, next, order }) => {
      const names = Array.from({ length: nodes }, (_, index) => `n${index}`);
      const thisNode = names[here % nodes] ?? 'n0';
      const input = cluster(names, thisNode, mode);
      const rotated = [...input.nodes.slice(order % nodes), ...input.nodes.slice(0, order % nodes)];
      const more = next.map((purpose) =>
        own(purpose, purpose === 'itlrecovery' ? undefined : thisNode, 'next'),
      );
      return {
        ...input,
        nodes: rotated,
        own: [...input.own, ...more],
        foreignSasts: foreign.map(certificate),
      };
    });

  it('hold for every pair of lists that planItl and planCtl make', () => {
    fc.assert(
      fc.property(arbitraryInput, (input) => {
        const itl = viewOfPlan(planItl(input));
        const ctl = viewOfPlan(planCtl(input));
        const keys = {
          fileSigner: `callmanager ${input.thisNode}`,
          nextSigners: ['itlrecovery', `callmanager ${input.thisNode}`],
        };
        expect(checkInvariants(itl, ctl, keys)).toEqual([]);
        expect(checkInvariants(itl, undefined, keys)).toEqual([]);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  it('hold between the lists of different nodes: a phone may fall over', () => {
    fc.assert(
      fc.property(arbitraryInput, fc.nat(4), (input, there) => {
        const other = { ...input, thisNode: input.nodes[there % input.nodes.length]?.name ?? '' };
        for (const [one, two] of [
          [planItl(input), planCtl(other)],
          [planItl(other), planCtl(input)],
        ] as const) {
          const keys = { fileSigner: `callmanager ${other.thisNode}`, nextSigners: ['itlrecovery'] };
          expect(checkInvariants(viewOfPlan(one), viewOfPlan(two), keys)).toEqual([]);
        }
      }),
      { numRuns: 200, seed: 12 },
    );
  });

  const input = cluster(['a', 'b'], 'a');
  const itl = viewOfPlan(planItl(input));
  const ctl = viewOfPlan(planCtl(input));
  const keys = { fileSigner: 'callmanager a', nextSigners: ['itlrecovery', 'callmanager a'] };

  it.each([
    [
      'the CTL signed by the CallManager of another node',
      itl,
      { ...ctl, signer: 'callmanager b' },
      keys,
      ['the signer of the CTL is no SAST in the ITL', 'the signer of the CTL is no SAST in the CTL'],
    ],
    [
      'the ITL signed by a TVS',
      { ...itl, signer: 'tvs a' },
      ctl,
      keys,
      ['the signer of the ITL is no SAST in the ITL', 'the signer of the ITL is no SAST in the CTL'],
    ],
    [
      'files signed by the TVS',
      itl,
      ctl,
      { ...keys, fileSigner: 'tvs a' },
      [
        'the signer of files is neither TFTP nor CCM+TFTP in the ITL',
        'the signer of files is neither TFTP nor CCM+TFTP in the CTL',
      ],
    ],
    [
      'a next signer that no list holds yet',
      itl,
      ctl,
      { ...keys, nextSigners: ['itlrecovery next'] },
      [
        'the next list signer itlrecovery next is no SAST in the ITL',
        'the next list signer itlrecovery next is no SAST in the CTL',
      ],
    ],
  ])('name what is broken: %s', (_name, itlView, ctlView, signing, broken) => {
    expect([...checkInvariants(itlView, ctlView, signing)].sort()).toEqual([...broken].sort());
  });

  it('an ITL prepared for rollback may name no signer of files, the CTL beside it must', () => {
    const empty = viewOfPlan(withoutFileSigners(planItl(input)));
    const noFiles = { ...ctl, records: ctl.records.filter(({ role }) => role !== 'CCM+TFTP') };
    const prepared = { ...keys, itlPreparedForRollback: true };
    expect(checkInvariants(empty, undefined, prepared)).toEqual([]);
    expect(checkInvariants(empty, ctl, prepared)).toEqual([]);
    expect(checkInvariants(empty, noFiles, prepared)).toEqual([
      'the signer of files is neither TFTP nor CCM+TFTP in the CTL',
    ]);
    expect(checkInvariants(empty, ctl, { ...keys, itlPreparedForRollback: false })).toEqual([
      'the signer of files is neither TFTP nor CCM+TFTP in the ITL',
    ]);
  });

  it('a list in the field is seen as its plan was: certificates by their SHA-256, servers without one', () => {
    const bytes = trustList({
      by: a.sast,
      as: 'CTLFile.tlv',
      records: [record({ role: role.sast, of: a.sast }), record({ role: role.ccmTftp })],
    });
    const list = decodeTrustList(bytes);
    const crypto = createVerifier();
    const fingerprint = crypto.readCertificate(a.sast.der)?.fingerprint;
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(list.ok && viewOfList(crypto, list.value, 'who')).toEqual({
      signer: 'who',
      records: [
        { role: 'SAST', fingerprint },
        { role: 'CCM+TFTP', fingerprint: undefined },
      ],
    });
  });
});
