/**
 * Random histories of one cluster against the phone model: whatever the guard allows strands nobody who had a path
 * before, and whatever it refuses would strand a phone that holds what that device may hold.
 */
import { describe, expect, test } from 'vitest';
import { newPhone } from '../../src/core/phone/phone-state.ts';
import { verifyAgain } from '../../src/node/second-verifier.ts';
import { seeded, type Random } from '../helpers/prng.ts';
import {
  afterOperation,
  firstTrust,
  fromElsewhere,
  operations,
  TrustWorld,
  type TestPhone,
  type Trust,
} from '../helpers/trust-world.ts';

const histories = 1_000;
const phantoms = ['SEP00AA00000001', 'SEP00AA00000002'];

function phonesOf(random: Random): TestPhone[] {
  // Of half of the fields somebody said that their models read SHA-512; of the others some phones do not.
  const readsSha512 = random() < 0.5;
  return ['SEP001122330001', 'SEP001122330002', 'SEP001122330003'].map((name, at) => ({
    name,
    address: random() < 0.2 ? '10.0.0.1' : `10.0.0.${at + 1}`,
    proved: random() < 0.7,
    readsSha512,
    sha1Only: !readsSha512 && random() < 0.3,
    held: newPhone(name),
  }));
}

interface Tally {
  allowed: number;
  refused: number;
  stranded: string[];
  wrongRefusals: string[];
  doubts: string[];
}

/** What happens in a field between two changes of trust. */
async function live(world: TrustWorld, random: Random): Promise<void> {
  for (const phone of world.phones) {
    world.nowMs += 60_000;
    if (random() < 0.6) await world.boot(phone, true);
    // Somebody forges the last ACK of a list, in the name of this phone.
    if (random() < 0.15) {
      const forger = { address: phone.address, proved: false };
      world.observe(forger, `${phone.name}.cnf.xml.sgn`, 'asked');
      world.observe(forger, 'ITLFile.tlv', 'delivered');
    }
  }
  if (random() < 0.1)
    for (const name of phantoms)
      world.observe({ address: '10.9.9.9', proved: true }, `${name}.cnf.xml.sgn`, 'delivered');
  if (random() < 0.1) world.crash();
  const [moved] = world.phones;
  if (moved !== undefined && random() < 0.05)
    moved.held = random() < 0.5 ? newPhone(moved.name) : await fromElsewhere(moved.name);
  if (random() < 0.1) world.nowMs += 30 * 86_400_000;
}

/** Published although refused: the phone that holds a stranded pair, booted. */
async function strandsSomebody(
  world: TrustWorld,
  trust: Trust,
  plan: Awaited<ReturnType<TrustWorld['plan']>>,
): Promise<boolean> {
  const pairs = plan.report.pairs.filter(({ stranded }) => stranded);
  const before = world.current;
  const published = [...world.published];
  const held = pairs.flatMap(({ key, mayNeedSha1 }) => {
    const bytes = world.library.bytes(key);
    const hex = (list: Uint8Array | undefined): string | null =>
      list === undefined ? null : Buffer.from(list).toString('hex');
    if (bytes === undefined) return [];
    const state = { ...newPhone('SEP00BB00000001'), ctl: hex(bytes.ctl), itl: hex(bytes.itl) };
    return [false, ...(mayNeedSha1 ? [true] : [])].map((sha1Only) => ({ state, sha1Only }));
  });
  await world.publish(trust);
  let stranded = false;
  for (const { state, sha1Only } of held)
    stranded ||= !(await world.boot(
      {
        name: state.name,
        address: '10.8.8.8',
        proved: false,
        sha1Only,
        readsSha512: !sha1Only,
        held: state,
      },
      false,
    ));
  world.current = before;
  world.number -= 1;
  world.published.splice(0, world.published.length, ...published);
  return stranded;
}

async function history(seed: number, tally: Tally): Promise<void> {
  const random = seeded(seed);
  const world = new TrustWorld(phonesOf(random), phantoms);
  await world.publish(firstTrust);
  // One in ten is long; most are short, so that a thousand are done in a minute.
  const turns = seed % 10 === 0 ? 8 : 3;
  for (let turn = 0; turn < turns; turn++) {
    await live(world, random);
    const operation = operations[Math.floor(random() * operations.length)] ?? 'update';
    const trust = world.current && afterOperation(world.current.trust, operation);
    if (trust === undefined || world.isBroken(trust)) continue;
    const plan = await world.plan(trust);
    const where = `history ${seed}, turn ${turn}: ${operation}`;
    if (plan.report.stranded.length > 0) {
      tally.refused += 1;
      if (!(await strandsSomebody(world, trust, plan))) tally.wrongRefusals.push(where);
      continue;
    }
    const had = new Map<string, boolean>();
    for (const phone of world.phones) had.set(phone.name, await world.boot(phone, false));
    const before = world.current?.lists ?? [];
    await world.publish(trust);
    tally.allowed += 1;
    for (const phone of world.phones)
      if (had.get(phone.name) === true && !(await world.boot(phone, false)))
        tally.stranded.push(`${where}: ${phone.name}`);
    // The one operation that no command does; the publisher refuses a list that no list before it leads to.
    if (operation === 'replace both') continue;
    for (const list of world.current?.lists ?? []) {
      const previous = before.find(({ kind }) => kind === list.kind)?.bytes;
      const name = list.kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
      const doubt = verifyAgain(list.bytes, { name, previousList: previous });
      if (doubt !== undefined) tally.doubts.push(`${where}: ${doubt}`);
    }
  }
}

describe('no phone is ever stranded', () => {
  test(`${histories} random histories`, { timeout: 280_000 }, async () => {
    const tally: Tally = { allowed: 0, refused: 0, stranded: [], wrongRefusals: [], doubts: [] };
    for (let seed = 1; seed <= histories; seed++) await history(seed, tally);
    console.info(`${tally.allowed} changes allowed, ${tally.refused} refused`);
    expect(tally.stranded).toEqual([]);
    expect(tally.wrongRefusals).toEqual([]);
    expect(tally.doubts).toEqual([]);
    expect(tally.allowed).toBeGreaterThan(histories);
    expect(tally.refused).toBeGreaterThan(histories / 20);
  });

  test('a liar who fetches 1,000 names from one address makes no plan safe and blocks no rotation', async () => {
    const names = Array.from(
      { length: 1_000 },
      (_, at) => `SEP00110000${at.toString(16).toUpperCase().padStart(4, '0')}`,
    );
    const phones = names.map((name, at) => ({
      name,
      address: `10.1.${Math.floor(at / 250)}.${at % 250}`,
      proved: true,
      sha1Only: false,
      readsSha512: true,
      held: newPhone(name),
    }));
    const world = new TrustWorld(phones, []);
    const lie = (): void => {
      const liar = { address: '10.66.66.66', proved: true };
      for (const name of names) {
        world.observe(liar, 'CTLFile.tlv', 'delivered');
        world.observe(liar, 'ITLFile.tlv', 'delivered');
        world.observe(liar, `${name}.cnf.xml.sgn`, 'delivered');
        const signer = world.signerInUse();
        world.book.showedBelief(name, liar.address, signer, world.nowMs);
        // And last ACKs forged in the name of the phones' own addresses.
        const phone = phones.find((each) => each.name === name);
        if (phone !== undefined) world.observe({ ...phone, proved: false }, 'ITLFile.tlv', 'delivered');
      }
    };
    await world.publish({ ...firstTrust, mode: 'mixed' });
    // Ten phones stand for the thousand: every tenth of a thousand boots costs a minute and shows no more.
    const online = phones.slice(0, 10);
    for (const phone of online) await world.boot(phone, true);
    const change = async (operation: string): Promise<number> => {
      const trust = world.current && afterOperation(world.current.trust, operation);
      if (trust === undefined) throw new Error(operation);
      const { report } = await world.plan(trust);
      if (report.stranded.length === 0) await world.publish(trust);
      return report.stranded.length;
    };
    lie();
    expect(await change('begin callmanager')).toBe(0);
    // What would strand them is not made safe by lies about what they took.
    const both = world.current && afterOperation(world.current.trust, 'replace both');
    const stranding = both && (await world.plan(both)).report.stranded;
    lie();
    expect(stranding).toEqual(expect.arrayContaining(online.map(({ name }) => name)));
    expect(both && (await world.plan(both)).report.stranded).toEqual(
      expect.arrayContaining(online.map(({ name }) => name)),
    );
    for (const phone of online) await world.boot(phone, true);
    lie();
    expect(await change('switch callmanager')).toBe(0);
    lie();
    for (const phone of online) expect(await world.boot(phone, true)).toBe(true);
  }, 120_000);
});
