/**
 * A guided renewal on a node that answers from one port, for phones that boot by TFTP alone: one that is reached from
 * other ports proves what it took, one behind a firewall that passes the known port alone gets everything at its next
 * try, and whoever forges acknowledgements in the name of a third proves nothing.
 */
import { afterEach, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { GuidedField } from '../helpers/guided-field.ts';
import { Probe, ack, rrq } from '../helpers/raw-tftp.ts';
import { serveProgram } from '../helpers/served-node.ts';

const guided = ['renew-cert', 'callmanager', '--guided', '--yes', '--within', '0'];
const patience = { timeout: 30_000, interval: 100 };
const crypto = createVerifier();
let field: GuidedField;
afterEach(() => field.end());

type Fetch = (name: string) => Promise<FetchAnswer>;

function server(): { address: string; port: number } {
  return { address: '127.0.0.1', port: field.server?.port('tftp') ?? 0 };
}

function fetchFrom(bindAddress: string): Fetch {
  return async (name) => {
    const { address, port } = server();
    try {
      return { kind: 'bytes', bytes: await fetchTftp({ host: address, port, name, bindAddress }) };
    } catch (error) {
      if (error instanceof Failure && error.code === 'not-found') return { kind: 'not-found' };
      throw error;
    }
  };
}

/** RFC 1350 with 512-byte blocks; what comes from another port than the one that was asked is not let in. */
function fetchThroughFirewall(from: string): Fetch {
  return async (name) => {
    const at = server();
    const client = await Probe.to(at, from);
    const blocks: Buffer[] = [];
    let last: Buffer = rrq(name);
    for (const endMs = performance.now() + patience.timeout; performance.now() < endMs;) {
      client.send(last);
      const answer = await client.next(300).catch(() => undefined);
      if (answer?.port !== at.port) continue;
      if (answer.bytes[1] === 5) return { kind: 'not-found' };
      const block = answer.bytes.readUInt16BE(2);
      if (block === blocks.length + 1) blocks.push(answer.bytes.subarray(4));
      last = ack(blocks.length);
      if (block !== blocks.length || answer.bytes.length === 516) continue;
      client.send(last);
      return { kind: 'bytes', bytes: new Uint8Array(Buffer.concat(blocks)) };
    }
    return { kind: 'failed', reason: `no ${name}` };
  };
}

interface Booted {
  readonly state: PhoneState;
  readonly signer: string;
}

async function boot(state: PhoneState, fetch: Fetch): Promise<Booted> {
  let signer = '';
  const booted = await bootPhone({
    crypto,
    state,
    fetch,
    nowSeconds: () => Math.floor(Date.now() / 1000),
    report({ purpose, outcome, judgement }) {
      if (purpose === 'config' && outcome === 'accepted') signer = judgement?.signer?.fingerprint ?? '';
    },
  });
  expect(booted).toMatchObject({ refused: [], missing: [] });
  return { state: booted.state, signer };
}

interface Shown {
  readonly showedBelief: string | null;
  readonly pairs: readonly { readonly itl: string }[];
  readonly deliveries: readonly { readonly generation: number; readonly how: string }[];
}

async function shown(name: string): Promise<Shown> {
  return JSON.parse(await field.done('show-trust', name)) as Shown;
}

/** Files that left from ports of their own so far. */
function proofs(): number {
  return field.server?.log.filter((line) => line['ownPort'] === true).length ?? 0;
}

test('a phone that boots by TFTP proves that it took a renewal, on a node with one port', async () => {
  field = new GuidedField(3);
  await field.begin();
  const [open, walled, forged] = field.phones.map(({ name }) => name) as [string, string, string];
  const openFetch = fetchFrom('127.3.0.1');
  const wallFetch = fetchThroughFirewall('127.3.0.2');
  let phone = await boot(newPhone(open), openFetch);
  let behind = await boot(newPhone(walled), wallFetch);
  const old = phone.signer;
  expect(proofs()).toBe(0);

  /** In the name of the third phone, to the port that everybody knows. */
  const forge = async (): Promise<void> => {
    const liar = await Probe.to(server(), '127.3.0.3');
    for (const file of ['CTLFile.tlv', 'ITLFile.tlv', `${forged}.cnf.xml.sgn`])
      liar.send(rrq(file), ...Array.from({ length: 64 }, (_, block) => ack(block + 1)));
  };
  await field.change(...guided);
  await forge();
  [phone, behind] = await Promise.all([boot(phone.state, openFetch), boot(behind.state, wallFetch)]);
  expect([phone.signer, behind.signer]).toEqual([old, old]);
  expect(proofs()).toBeGreaterThan(3);

  // A server that starts in the middle of it goes on so, with the other engine too.
  await field.server?.stop();
  const loopback = ['--tftp', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  field.server = await serveProgram([...loopback, '--engine', 'dgram', '--data', field.data]);
  const given = (await shown(open)).deliveries.filter(({ generation }) => generation === 2);
  expect(given.map(({ how }) => how)).toEqual(['transfer-port', 'transfer-port']);
  await field.change(...guided);
  await forge();
  phone = await boot(phone.state, openFetch);
  expect(phone.signer).not.toBe(old);
  await expect.poll(async () => (await shown(open)).showedBelief, patience).not.toBeNull();
  // Only lists that name the new key are left, and nothing that nobody knows.
  const left = (await shown(open)).pairs.map(({ itl }) => itl);
  expect(left).not.toContain('unknown');
  expect((await shown(walled)).showedBelief).toBeNull();
  const claimed = await shown(forged);
  expect(claimed.showedBelief).toBeNull();
  expect(claimed.pairs.map(({ itl }) => itl)).toContain('unknown');
  expect(claimed.deliveries.filter(({ how }) => how === 'transfer-port')).toEqual([]);

  // When it is over, everything leaves from the one port again.
  await field.change(...guided);
  expect(await field.renewal()).toBeUndefined();
  const before = proofs();
  await boot(phone.state, openFetch);
  expect((await boot(behind.state, wallFetch)).signer).toBe(phone.signer);
  expect(proofs()).toBe(before);
}, 120_000);
