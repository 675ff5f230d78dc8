/**
 * A node under another host name, before phones that remember: the name changes in one publication that every phone
 * takes, its certificates follow one at a time, also past a phone that is off all the while. What a rename must not do,
 * to replace the signer in one go, is refused where a phone has no path, and would have stranded it.
 */
import { Agent } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { decodeTrustList } from '../../src/wire/trust-list.ts';
import { GuidedField, type Simulated } from '../helpers/guided-field.ts';

const host = 'cucm-new.example';
let field: GuidedField;
afterEach(() => field.end());

async function bytesOf(name: string): Promise<Uint8Array> {
  const agent = new Agent();
  const answer = await field.fetch(agent, name);
  agent.destroy();
  return answer.kind === 'bytes' ? answer.bytes : new Uint8Array();
}

/** DNSNAME of every record, each once. */
async function namesIn(list: string): Promise<readonly (string | undefined)[]> {
  const decoded = decodeTrustList(await bytesOf(list));
  return decoded.ok ? [...new Set(decoded.value.records.map(({ dnsName }) => dnsName))] : [];
}

async function misnamed(): Promise<readonly unknown[]> {
  const { misnamed: found } = JSON.parse(await field.done('status')) as {
    misnamed: readonly { purpose: string }[];
  };
  return found.map(({ purpose }) => purpose);
}

/** A boot of which nothing is demanded: the files that it refused. */
async function refusedBy({ address, state }: Simulated): Promise<readonly string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: address });
  const { refused } = await bootPhone({
    crypto: createVerifier(),
    state,
    fetch: (name) => field.fetch(agent, name),
    nowSeconds: () => Math.floor(Date.now() / 1000),
    report: () => undefined,
  });
  agent.destroy();
  return refused;
}

/** Who came once; the third lies in a drawer from then on. */
async function threePhones() {
  field = new GuidedField(3);
  await field.begin();
  await field.come();
  const [first, second, drawer] = field.phones;
  if (!first || !second || !drawer) throw new Error('three phones');
  return { first, desks: [first, second], drawer };
}

test('rename-node strands nobody: the name first, then each certificate, one at a time', async () => {
  const { first, desks } = await threePhones();

  const planned = await field.runPlain('plan', 'rename-node', 'cucm-a', host);
  expect(planned.status).toBe(0);
  expect(planned.text).toMatch(/ {2}~ TVS CN=cucm-a;.*: cucm-new\.example\n/);
  expect(planned.text).toMatch(/stranded 0,/);
  expect(planned.text).toMatch(/3\. .*callmanager --guided.*\n4\. .*tftp-ec.*\n5\. .*renew-cert tvs/);
  await field.change('rename-node', 'cucm-a', host, '--yes');
  for (const list of ['ITLFile.tlv', 'CTLFile.tlv']) expect(await namesIn(list)).toEqual([host]);
  expect(Buffer.from(await bytesOf(`${first.name}.cnf.xml.sgn`)).toString('latin1')).toContain(host);
  await field.come(desks);
  expect(await misnamed()).toEqual(['callmanager', 'tftp-ec', 'tvs']);

  const guided = ['renew-cert', 'callmanager', '--guided', '--within', '0', '--yes'];
  await field.change(...guided);
  expect((await field.run('rename-node', host, 'other.example', '--yes')).said).toContain(
    'the renewal of callmanager is not finished',
  );
  expect((await field.run('renew-cert', 'tvs', '--yes')).said).toContain('one change at a time');
  await field.come(desks);
  for (const left of [2, 1]) {
    await field.change(...guided);
    await field.come(desks);
    expect(await misnamed(), `${left} steps before the end`).toEqual(['tftp-ec', 'tvs']);
  }
  for (const purpose of ['tftp-ec', 'tvs'])
    for (const step of [[], ['--switch']]) {
      await field.change('renew-cert', purpose, ...step, '--yes');
      await field.come(desks);
    }
  expect(await misnamed()).toEqual([]);
  // Off since before the name was changed: it takes everything at once.
  await field.come();
}, 240_000);

test('the signer in one go is refused where a phone has no path, and would have stranded it', async () => {
  const { desks, drawer } = await threePhones();
  // Phones that missed the lists of a new ITLRecovery keep their path with a new name, for the signer stays …
  await field.change('renew-cert', 'itlrecovery', '--yes');
  await field.come(desks);
  await field.change('renew-cert', 'itlrecovery', '--switch', '--yes');
  await field.come(desks);
  await field.change('rename-node', 'cucm-a', host, '--yes');
  await field.come(desks);
  const config = `${drawer.name}.cnf.xml.sgn`;
  expect(await refusedBy(drawer)).not.toContain(config);
  // … and would lose it with a new signer.
  await field.change('renew-cert', 'callmanager', '--yes');
  await field.come(desks);
  const { status, text } = await field.run('plan', 'renew-cert', 'callmanager', '--switch');
  const { phones } = JSON.parse(text) as { phones: { stranded: readonly string[] } };
  expect(status).toBe(1);
  expect(phones.stranded).toContain(drawer.name);
  const switching = ['renew-cert', 'callmanager', '--switch', '--yes'];
  expect((await field.run(...switching)).said).toContain('no path to a configuration they believe');
  await field.change(...switching, '--strand', String(phones.stranded.length));
  await field.come(desks);
  expect(await refusedBy(drawer)).toContain(config);
}, 240_000);
