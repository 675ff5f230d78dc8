/**
 * Phones before a pure proxy, with real sockets between four processes (design.md §3): twenty of two clusters behind one
 * NAT address, forged requests among theirs, and devices that are on both clusters, moved, or whose home dies.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { removeDevice } from '../../src/app/devices.ts';
import { hopOption } from '../../src/core/cluster/hop.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer, FileVerdict } from '../../src/core/phone/phone.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone, type BootResult } from '../../src/sim/boot-phone.ts';
import { encodeRequest } from '../../src/wire/tftp-packet.ts';
import { proxyWorld, type ClusterName, type ProxyWorld } from '../helpers/proxy-world.ts';

let world: ProxyWorld;
const nat = '127.0.44.1';
const phonesOf = (cluster: ClusterName): readonly string[] =>
  Array.from({ length: 10 }, (_, at) => `SEP0011223344${cluster === 'a' ? 'A' : 'B'}${at}`);
const everyPhone = [...phonesOf('a'), ...phonesOf('b')];
const homeOf = (device: string): ClusterName => (device.includes('44A') ? 'a' : 'b');

beforeAll(async () => {
  world = await proxyWorld(41);
  for (const device of everyPhone) await world.add(homeOf(device), device);
}, 180_000);
afterAll(() => world.close());

/** By TFTP these meet silence where phones of two clusters share an address; a phone does not wait for ever. */
const patienceMs = (name: string): number => (/^(?:AppDialRules|Ringlist)/.test(name) ? 2_000 : 40_000);

/** As a phone asks: by HTTP it comes back when it is told to, by TFTP the client repeats the request. */
async function patiently(how: 'tftp' | 'http', name: string): Promise<FetchAnswer> {
  const endMs = performance.now() + patienceMs(name);
  for (;;) {
    const answer = await world.proxy.ask(how, name, nat, patienceMs(name));
    if (answer.kind !== 'failed' || performance.now() > endMs || how === 'tftp') return answer;
    await sleep(500);
  }
}

interface Booted extends BootResult {
  readonly device: string;
  /** `name: outcome` of every file. */
  readonly outcomes: readonly string[];
}

async function bootAll(states: ReadonlyMap<string, PhoneState>): Promise<readonly Booted[]> {
  return Promise.all(
    everyPhone.map(async (device, at) => {
      const verdicts: FileVerdict[] = [];
      const how = at % 2 === 0 ? 'tftp' : 'http';
      const result = await bootPhone({
        crypto: createVerifier(),
        state: states.get(device) ?? newPhone(device),
        fetch: (name) => patiently(how, name),
        nowSeconds: () => Math.floor(Date.now() / 1000),
        report: (verdict) => verdicts.push(verdict),
      });
      return { ...result, device, outcomes: verdicts.map(({ name, outcome }) => `${name}: ${outcome}`) };
    }),
  );
}

/** Requests in the name of the NAT address that nobody completes: lists, configurations, marks, devices of nobody. */
async function forge(port: number, address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, nat);
  await once(socket, 'listening');
  const names = [
    ...everyPhone.flatMap((device) => [`CTL${device}.tlv`, `ITL${device}.tlv`, `${device}.cnf.xml.sgn`]),
    'CTLFile.tlv',
    'ITLFile.tlv',
    'AppDialRules.xml.sgn',
    'Ringlist.xml.sgn',
    'XMLDefault.cnf.xml.sgn',
    ...Array.from(
      { length: 40 },
      (_, at) => `CTLSEP00FFFFFFFF${at.toString(16).padStart(2, '0').toUpperCase()}.tlv`,
    ),
  ];
  let at = 0;
  const timer = setInterval(() => {
    const name = names[at % names.length] ?? '';
    const mark = { name: hopOption, value: 'ffffffffffffffff' };
    const options = Math.floor(at / names.length) % 2 === 0 ? [] : [mark];
    at++;
    socket.send(encodeRequest({ kind: 'rrq', name, mode: 'octet', options }), port, address);
  }, 10);
  socket.once('close', () => clearInterval(timer));
  return socket;
}

test(
  'twenty phones of two clusters behind one address end well, whatever is forged in its name',
  {
    timeout: 240_000,
  },
  async () => {
    const fresh = await bootAll(new Map());
    const lists = {
      a: await world.nodes.a.store.currentLists(),
      b: await world.nodes.b.store.currentLists(),
    };
    const hexOf = (cluster: ClusterName, kind: 'itl' | 'ctl'): string | null => {
      const found = lists[cluster].find((list) => list.kind === kind);
      return found === undefined ? null : Buffer.from(found.bytes).toString('hex');
    };
    const wellEnded = (booted: readonly Booted[]): void => {
      for (const { device, ok, refused, missing, state, outcomes } of booted) {
        const home = homeOf(device);
        expect({ device, ok, refused, missing, outcomes }).toMatchObject({
          ok: true,
          refused: [],
          missing: [],
        });
        expect([device, state.itl, state.ctl]).toEqual([device, hexOf(home, 'itl'), hexOf(home, 'ctl')]);
        expect(Buffer.from(state.config ?? '', 'hex').toString()).toContain(home === 'a' ? '74001' : '74002');
      }
    };
    wellEnded(fresh);
    const states = new Map(fresh.map(({ device, state }) => [device, state]));
    const undisturbed = await bootAll(states);
    wellEnded(undisturbed);
    // Nobody of A, which has no CTL, waits for the un-named one because B has one.
    for (const { device, outcomes } of undisturbed)
      if (homeOf(device) === 'a') expect(outcomes).toContain('CTLFile.tlv: not-found');

    const forger = await forge(world.proxy.server.port('tftp'), world.proxy.address);
    onTestFinished(() => void forger.close());
    const disturbed = await bootAll(states);
    wellEnded(disturbed);
    const seen = (booted: readonly Booted[]) => booted.map(({ device, outcomes }) => [device, outcomes]);
    expect(seen(disturbed)).toEqual(seen(undisturbed));
  },
);

interface Asked {
  readonly name: string;
  readonly how: string;
  readonly kind: FetchAnswer['kind'];
  readonly text: string;
}

/** Asks for a device's own files, one after the other, until it is told to end; by both transports at once. */
function askOnAndOn(device: string, address: string) {
  const asked: Asked[] = [];
  const names = [`${device}.cnf.xml.sgn`, `ITL${device}.tlv`, 'ITLFile.tlv', `${device}.cnf.xml`];
  const told = { over: false };
  const line = async (how: 'tftp' | 'http'): Promise<void> => {
    for (let at = 0; !told.over; at++) {
      const name = names[at % names.length] ?? '';
      const answer = await world.proxy.ask(how, name, address, 1_500);
      const text = answer.kind === 'bytes' ? Buffer.from(answer.bytes).toString('latin1') : '';
      asked.push({ name, how, kind: answer.kind, text });
      if (answer.kind === 'failed') await sleep(100);
    }
  };
  const lines = Promise.all([line('tftp'), line('http')]);
  return {
    asked,
    async end(): Promise<readonly Asked[]> {
      told.over = true;
      await lines;
      return asked;
    },
  };
}

const isFrom = (cluster: ClusterName, { name, text }: Asked): boolean =>
  name.includes('.cnf.xml') && text.includes(cluster === 'a' ? '74001' : '74002');

test(
  'a device on both clusters, moved, or whose home dies never meets a not-found',
  { timeout: 240_000 },
  async () => {
    const [both, moved, dying] = ['SEP00112233C001', 'SEP00112233C002', 'SEP00112233C003'] as const;
    for (const device of [both, moved, dying]) await world.add('a', device);
    await world.add('b', both);
    const loops = {
      both: askOnAndOn(both, '127.0.45.1'),
      moved: askOnAndOn(moved, '127.0.45.2'),
      dying: askOnAndOn(dying, '127.0.45.3'),
    };
    const served = (
      loop: { readonly asked: readonly Asked[] },
      cluster: ClusterName,
      after = 0,
    ): Promise<void> =>
      expect
        .poll(() => loop.asked.slice(after).filter((one) => isFrom(cluster, one)).length, { timeout: 60_000 })
        .toBeGreaterThan(3);
    await served(loops.moved, 'a');
    await served(loops.dying, 'a');

    await world.add('b', moved);
    await world.add('b', dying);
    await served(loops.moved, 'a', loops.moved.asked.length);
    await removeDevice(world.nodes.a.store, moved);
    await served(loops.moved, 'b', loops.moved.asked.length);

    world.servers.a.child.kill('SIGKILL');
    const atDeath = loops.dying.asked.length;
    await expect
      .poll(() => loops.dying.asked.slice(atDeath).filter(({ kind }) => kind === 'failed').length, {
        timeout: 60_000,
      })
      .toBeGreaterThan(3);
    await served(loops.moved, 'b', loops.moved.asked.length);

    const all = [...(await loops.both.end()), ...(await loops.moved.end()), ...(await loops.dying.end())];
    console.log(`${all.length} requests: ${all.filter(({ kind }) => kind === 'bytes').length} served`);
    expect(all.filter(({ kind }) => kind === 'not-found')).toEqual([]);
    // Both lines of each went on to the end.
    for (const loop of Object.values(loops))
      for (const how of ['tftp', 'http'])
        expect(loop.asked.filter((one) => one.how === how).length).toBeGreaterThan(5);
  },
);
