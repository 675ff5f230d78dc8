/**
 * Roles of a proxy (design.md §4): one that is nobody's home, and one beside it that has phones of its own. Each signs
 * with its own key, and evidence about one of them says nothing about the other.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDevice } from '../../src/app/devices.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import { judgeFile } from '../../src/core/trust/judge.ts';
import { openNode } from '../../src/node/open-node.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { command, proxyWorld, type Proxy, type ProxyWorld } from '../helpers/proxy-world.ts';

const crypto = createVerifier();
const picture = 'Desktops/320x196x4/List.xml';
const files = { [picture]: '<CiscoIPPhoneImageList/>\n', 'XMLDefault.cnf.xml': '<Default/>\n' };
const settings = { autoRegistration: true, files };
const own = 'SEP00112233E0FF';
let world: ProxyWorld;
let pure: Proxy;
let home: Proxy;

beforeAll(async () => {
  world = await proxyWorld(51, { pure: true, ...settings });
  pure = world.proxy;
  home = await world.addProxy('campus', '127.0.54.1', { pure: false, ...settings });
  for (const { data } of [pure, home]) {
    const node = await openNode({ dataDir: data, passphraseFile: undefined });
    const device = { name: own, model: 'CP-8851', protocol: 'SIP', security: 'none', lines: [] } as const;
    await addDevice(node, device);
    await node.close();
  }
}, 240_000);
afterAll(() => world.close());

test(
  'a pure proxy publishes no list and registers nobody; one that is a home does both',
  { timeout: 120_000 },
  async () => {
    const lists = ['CTL', 'ITL'].map((kind) => `${kind}${own}.tlv`);
    const kinds = async (proxy: Proxy, names: readonly string[], from: string): Promise<string[]> => {
      const answers: string[] = [];
      for (const name of names) answers.push((await settled(() => proxy.ask('http', name, from))).kind);
      return answers;
    };
    const none = (names: readonly string[]): string[] => names.map(() => 'not-found');
    const ofOwn = [...lists, 'ITLFile.tlv'];
    expect(await kinds(pure, ofOwn, '127.0.55.1')).toEqual(none(ofOwn));
    expect(await kinds(home, ofOwn, '127.0.55.1')).toEqual(['not-found', 'bytes', 'bytes']);

    const stranger = 'SEP00112233E001';
    const boot = [
      `CTL${stranger}.tlv`,
      'CTLFile.tlv',
      `ITL${stranger}.tlv`,
      'ITLFile.tlv',
      `${stranger}.cnf.xml.sgn`,
      `${stranger}.cnf.xml`,
    ];
    expect(await kinds(pure, [...boot, 'XMLDefault.cnf.xml'], '127.0.55.2')).toEqual(
      none([...boot, 'XMLDefault.cnf.xml']),
    );
    expect(await kinds(home, [...boot, 'XMLDefault.cnf.xml'], '127.0.55.2')).toEqual([
      ...none(boot),
      'bytes',
    ]);
  },
);

test(
  'two proxies side by side: a phone takes from each what its cluster trusts that one for',
  { timeout: 180_000 },
  async () => {
    const device = 'SEP00112233D001';
    await world.add('b', device);
    const at = new Map<Proxy, PhoneState>();
    const boot = async (proxy: Proxy): Promise<PhoneState> => {
      const result = await bootPhone({
        crypto,
        state: [...at.values()].at(-1) ?? newPhone(device),
        fetch: (name) => settled(() => proxy.ask('http', name, '127.0.55.3')),
        nowSeconds: () => Math.floor(Date.now() / 1000),
        report: () => undefined,
      });
      expect(result).toMatchObject({ ok: true, refused: [], missing: [] });
      at.delete(proxy);
      at.set(proxy, result.state);
      return result.state;
    };
    for (const proxy of [pure, home]) await boot(proxy);

    const signers = new Set<unknown>();
    for (const [turn, proxy] of [pure, home].entries()) {
      const pem = join(proxy.data, 'signer.pem');
      await command('export-cert', 'callmanager', '-o', pem, '--data', proxy.data);
      // Nobody vouches for it yet; nor does the word about the one before it.
      expect((await settled(() => proxy.ask('http', `${picture}.sgn`, '127.0.55.3'))).kind).toBe('not-found');
      await command('trust-cert', pem, '--store', 'phone-tftp-trust', '--yes', '--data', world.data.b);
      await command('update-ctl', '--yes', '--data', world.data.b);
      await expect
        .poll(
          async () => {
            const said = (await command('probe-cluster', 'b', '--data', proxy.data)) as { sentence: string };
            return said.sentence;
          },
          { timeout: 60_000, interval: 500 },
        )
        .toContain('Phones of b will accept files that we sign');
      const { signer } = (await command('probe-cluster', 'b', '--data', proxy.data)) as { signer: string };
      signers.add(signer);
      // A list that was passed on a moment ago is passed on again; the boot after that takes the new one.
      await expect
        .poll(
          async () => {
            const held = await boot(proxy);
            const trust = { ctl: bytesOf(held.ctl), itl: bytesOf(held.itl) };
            const answer = await proxy.ask('http', `${picture}.sgn`, '127.0.55.3');
            if (answer.kind !== 'bytes') return answer.kind;
            const file = { name: `${picture}.sgn`, bytes: answer.bytes };
            return judgeFile(crypto, trust, file, Math.floor(Date.now() / 1000)).phone;
          },
          { timeout: 60_000, interval: 1_000 },
        )
        .toBe('accept');
      expect(signers.size).toBe(turn + 1);
    }
  },
);

const bytesOf = (hex: string | null): Uint8Array | undefined =>
  hex === null ? undefined : Uint8Array.from(Buffer.from(hex, 'hex'));

/** A phone comes back when it is told to. */
async function settled(ask: () => Promise<FetchAnswer>): Promise<FetchAnswer> {
  let answer = await ask();
  await expect
    .poll(async () => (answer = answer.kind === 'failed' ? await ask() : answer).kind, {
      timeout: 30_000,
      interval: 300,
    })
    .not.toBe('failed');
  return answer;
}
