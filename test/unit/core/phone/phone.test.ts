import { describe, expect, it } from 'vitest';
import {
  newPhone,
  readPhoneState,
  writePhoneState,
  type PhoneState,
} from '../../../../src/core/phone/phone-state.ts';
import { step, switchOn, type FetchAnswer, type PhoneInput } from '../../../../src/core/phone/phone.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import type { TvsAnswer } from '../../../../src/core/trust/judge.ts';
import { a, b, ctlOf, itlOf, type TestCluster } from '../../../helpers/clusters.ts';
import { day, now, signBytes } from '../../../helpers/trust-builder.ts';

const crypto = createVerifier();
const device = 'SEP001122334455';
const plainConfig = Buffer.from(
  '<device><softKeyFile>SKa9bea76c-2993-07f8-9c8f-07e996ec91d4.xml</softKeyFile><loadInformation>sip88xx.14-0</loadInformation></device>',
);

type Served = ReadonlyMap<string, Uint8Array>;

/** What a cluster serves: lists, and every name with `.sgn` signed. */
function serve(cluster: TestCluster, lists: { ctl?: boolean } = {}, timestamp = now - 60): Served {
  const signed = (name: string, content: Uint8Array): [string, Uint8Array] => [
    `${name}.sgn`,
    signBytes({ by: cluster.callmanager, as: `${name}.sgn`, content, timestamp }),
  ];
  const plain: [string, Uint8Array][] = [
    [`${device}.cnf.xml`, plainConfig],
    ['AppDialRules.xml', Buffer.from('<DialRules/>')],
    ['SKa9bea76c-2993-07f8-9c8f-07e996ec91d4.xml', Buffer.from('<SoftKeys/>')],
    ['Ringlist.xml', Buffer.from('<CiscoIPPhoneRingList/>')],
  ];
  return new Map([
    ...(lists.ctl === true ? [['CTLFile.tlv', ctlOf(cluster)] as const] : []),
    ['ITLFile.tlv', itlOf(cluster)],
    ...plain,
    ...plain.map(([name, content]) => signed(name, content)),
  ]);
}

interface Boot {
  readonly log: readonly string[];
  readonly held: PhoneState;
  readonly done: { ok: boolean; refused: readonly string[]; missing: readonly string[] } | undefined;
  readonly reasons: readonly string[];
}

/** Runs the machine by hand: no driver, no time but `at`. */
function boot(held: PhoneState, served: Served, tvs: TvsAnswer = { kind: 'unreachable' }, at = now): Boot {
  const log: string[] = [];
  const reasons: string[] = [];
  let done: Boot['done'];
  let phone = switchOn(held);
  const inputs: PhoneInput[] = [{ type: 'start' }];
  for (let input = inputs.shift(); input; input = inputs.shift()) {
    const next = step(crypto, phone, input, at);
    phone = next.phone;
    for (const effect of next.effects) {
      if (effect.type === 'fetch') {
        const bytes = served.get(effect.name);
        const answer: FetchAnswer = bytes ? { kind: 'bytes', bytes } : { kind: 'not-found' };
        inputs.push({ type: 'fetched', answer });
      } else if (effect.type === 'ask-tvs') {
        log.push('TVS?');
        inputs.push({ type: 'tvs-answered', answer: tvs });
      } else if (effect.type === 'verdict') {
        log.push(
          [effect.name, effect.judgement?.code ?? effect.outcome, effect.message].filter(Boolean).join(' | '),
        );
        if (effect.judgement) reasons.push(effect.judgement.reason);
      } else done = effect;
    }
  }
  return { log, held: phone.held, done, reasons };
}

describe('boot order (domain.md §3)', () => {
  it('a phone from the factory in a mixed-mode cluster', () => {
    const { log, done, held } = boot(newPhone(device), serve(a, { ctl: true }));
    expect(log).toEqual([
      `CTL${device}.tlv | not-found | File Not Found <CTL${device}.tlv>`,
      'CTLFile.tlv | accepted-first-use | Trust List updated',
      `ITL${device}.tlv | not-found | File Not Found <ITL${device}.tlv>`,
      'ITLFile.tlv | accepted-by-ctl | Trust List updated',
      `${device}.cnf.xml.enc.sgn | not-found | File Not Found <${device}.cnf.xml.enc.sgn>`,
      `${device}.cnf.xml.sgn | accepted-by-ctl`,
      'sip88xx.14-0.loads | not-found | File Not Found <sip88xx.14-0.loads>',
      'AppDialRules.xml.sgn | accepted-by-ctl',
      'SKa9bea76c-2993-07f8-9c8f-07e996ec91d4.xml.sgn | accepted-by-ctl',
      'Ringlist.xml.sgn | accepted-by-ctl',
    ]);
    expect(done).toMatchObject({ ok: true, refused: [], missing: [] });
    expect(held.config).toBe(plainConfig.toString('hex'));
    expect(held.newest[`${device}.cnf.xml.sgn`]).toBe(now - 60);
  });

  it('where no list is served it takes what is served, by plain names', () => {
    const served = new Map([...serve(a)].filter(([name]) => !name.endsWith('.tlv')));
    const { log, done } = boot(newPhone(device), served);
    expect(log.slice(4)).toEqual([
      `${device}.cnf.xml | accepted-unsigned`,
      'sip88xx.14-0.loads | not-found | File Not Found <sip88xx.14-0.loads>',
      'AppDialRules.xml | accepted-unsigned',
      'SKa9bea76c-2993-07f8-9c8f-07e996ec91d4.xml | accepted-unsigned',
      'Ringlist.xml | accepted-unsigned',
    ]);
    expect(done?.ok).toBe(true);
  });

  it('a device without configuration asks for the default and ends without what it needs', () => {
    const served = new Map([['ITLFile.tlv', itlOf(a)]]);
    const { log, done } = boot(newPhone(device), served);
    expect(log.at(-1)).toBe('XMLDefault.cnf.xml.sgn | not-found | File Not Found <XMLDefault.cnf.xml.sgn>');
    expect(done).toMatchObject({ ok: false, missing: ['XMLDefault.cnf.xml.sgn'] });
  });
});

describe('trust over boots (domain.md §2)', () => {
  const settled = boot(newPhone(device), serve(a, { ctl: true })).held;

  it('its own cluster again: the same lists, nothing to update', () => {
    const { log, done } = boot(settled, serve(a, { ctl: true }));
    expect(log).toContain('CTLFile.tlv | accepted-same-list');
    expect(log).toContain('ITLFile.tlv | accepted-same-list');
    expect(done?.ok).toBe(true);
  });

  it('another cluster: refuses and says which certificate it wanted', () => {
    const { log, done, held, reasons } = boot(settled, serve(b, { ctl: true }));
    expect(log).toContain('CTLFile.tlv | tvs-unreachable | Trust List update failed');
    expect(log).toContain('ITLFile.tlv | signer-not-in-ctl | Trust List update failed');
    expect(log).toContain(`${device}.cnf.xml.sgn | tvs-unreachable | File auth error`);
    expect(done?.ok).toBe(false);
    expect(done?.refused).toContain(`${device}.cnf.xml.sgn`);
    expect(held).toMatchObject({ ctl: settled.ctl, itl: settled.itl, config: settled.config });
    const config = reasons.find(
      (reason) => reason.includes('serial 0b:0b:00:02') && reason.includes('the phone wanted'),
    );
    expect(config).toMatch(/wanted CN=cucm-a.*serial f0:0a:00:02, SHA-256 [0-9a-f]{64}/);
  });

  it('migration: its TVS vouches for the new cluster, once a day per signer', () => {
    const vouched: TvsAnswer = {
      kind: 'vouched',
      server: a.tvs.der,
      certificate: b.callmanager.der,
      roles: ['SAST', 'TFTP'],
    };
    const { log, held, done } = boot(settled, serve(b, { ctl: true }), vouched);
    expect(log.filter((line) => line === 'TVS?')).toHaveLength(1);
    expect(log).toContain('CTLFile.tlv | accepted-by-tvs | Trust List updated');
    expect(log).toContain('ITLFile.tlv | accepted-by-ctl | Trust List updated');
    expect(log).toContain(`${device}.cnf.xml.sgn | accepted-by-ctl`);
    expect(done?.ok).toBe(true);
    expect(Object.values(held.vouched)).toMatchObject([{ until: now + day }]);
  });

  it("a TVS's word is forgotten after 24 hours", () => {
    const vouched: TvsAnswer = {
      kind: 'vouched',
      server: a.tvs.der,
      certificate: b.callmanager.der,
      roles: ['TFTP'],
    };
    const onlyItl = boot(newPhone(device), serve(a)).held;
    const foreignFiles = new Map([...serve(b)].filter(([name]) => !name.endsWith('.tlv')));
    const first = boot(onlyItl, foreignFiles, vouched);
    expect(first.log).toContain(`${device}.cnf.xml.sgn | accepted-by-tvs`);
    expect(boot(first.held, foreignFiles, { kind: 'unreachable' }, now + day).log).not.toContain('TVS?');
    const later = boot(first.held, foreignFiles, { kind: 'unreachable' }, now + day + 1);
    expect(later.log).toContain(`${device}.cnf.xml.sgn | tvs-unreachable | File auth error`);
  });

  it('an older configuration than the one it accepted is refused', () => {
    const { log, done } = boot(settled, serve(a, { ctl: true }, now - 120));
    expect(log).toContain(`${device}.cnf.xml.sgn | timestamp-older | File auth error`);
    expect(done?.ok).toBe(false);
  });

  it('a holder of a list never asks for an unsigned name', () => {
    const { log } = boot(settled, serve(a, { ctl: true }));
    const asked = log
      .map((line) => line.split(' | ')[0] ?? '')
      .filter((name) => !/\.(tlv|loads)$/.test(name));
    expect(asked.every((name) => name.endsWith('.sgn'))).toBe(true);
  });
});

describe('the state of a phone', () => {
  it('survives JSON', () => {
    const { held } = boot(newPhone(device), serve(a, { ctl: true }));
    const read = readPhoneState(writePhoneState(held));
    expect(read).toEqual({ ok: true, value: held });
    const old = { ...held, sha1Only: true };
    expect(readPhoneState(writePhoneState(old))).toEqual({ ok: true, value: old });
  });

  it('says what it reads: one that reads SHA-1 alone keeps what it has', () => {
    const served = serve(a);
    const { held } = boot(newPhone(device), served);
    const old = boot({ ...held, sha1Only: true }, serve(a, {}, now));
    expect(old.done).toMatchObject({ ok: false });
    expect(old.done?.refused).toContain(`${device}.cnf.xml.sgn`);
    expect(old.held.config).toBe(held.config);
  });

  it.each([
    ['no JSON', 'x'],
    ['no object', '[]'],
    ['no name', '{}'],
    ['a list that is not hex', JSON.stringify({ ...newPhone(device), ctl: 'zz' })],
    ['a word for what it reads', JSON.stringify({ ...newPhone(device), sha1Only: 'yes' })],
    ['a timestamp that is no number', JSON.stringify({ ...newPhone(device), newest: { a: '1' } })],
    ['a vouched certificate without role', JSON.stringify({ ...newPhone(device), vouched: { a: {} } })],
  ])('refuses %s', (_, text) => {
    expect(readPhoneState(text).ok).toBe(false);
  });
});
