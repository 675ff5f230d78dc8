/**
 * Another hash for everything that is signed, over phones that remember and one of them reads SHA-1 alone: refused while
 * it would strand anybody, accepted by all once it does not, and what was refused for would have happened.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createVerifier } from '../../src/pki/verifier.ts';
import { bootPhone, type BootResult } from '../../src/sim/boot-phone.ts';
import { decodeSignedHeader } from '../../src/wire/signed-header.ts';
import { GuidedField, type Simulated } from '../helpers/guided-field.ts';

let field: GuidedField;
afterEach(() => field.end());

interface Planned {
  readonly phones: { readonly stranded: readonly string[]; readonly unknown: readonly string[] };
}

async function planned(): Promise<Planned['phones']> {
  const { text } = await field.run('plan', 'set-hash', 'sha512');
  return (JSON.parse(text) as Planned).phones;
}

/** A boot of which nothing is demanded. */
async function tries({ address, state }: Simulated): Promise<BootResult & { codes: readonly string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: address });
  const codes: string[] = [];
  const result = await bootPhone({
    crypto: createVerifier(),
    state,
    fetch: (name) => field.fetch(agent, name),
    nowSeconds: () => Math.floor(Date.now() / 1000),
    report: ({ outcome, judgement }) => {
      if (outcome === 'refused') codes.push(judgement?.code ?? '');
    },
  });
  agent.destroy();
  return { ...result, codes };
}

async function signature(name: string): Promise<{ hash: number; timestamp: number }> {
  const agent = new Agent();
  const answer = await field.fetch(agent, name);
  agent.destroy();
  const header = decodeSignedHeader(answer.kind === 'bytes' ? answer.bytes : new Uint8Array());
  if (!header.ok) throw new Error(`${name} is not signed`);
  return { hash: header.value.digestCode, timestamp: header.value.timestamp ?? 0 };
}

test('set-hash strands nobody: refused by name, then accepted by every phone, and back', async () => {
  field = new GuidedField(4);
  await field.begin();
  const [first, second, third, old] = field.phones;
  if (!first || !second || !third || !old) throw new Error('four phones');
  const able = [first, second, third];
  await field.done('change-device', old.name, '--model', 'CP-7960');
  old.state = { ...old.state, sha1Only: true };
  await field.come();
  const all = field.names;
  // What the phones did is noted a moment after they did it.
  const patience = { timeout: 30_000, interval: 500 };
  await expect.poll(async () => (await planned()).stranded, patience).toEqual(all);
  const unnamed = await field.run('set-hash', 'sha512', '--yes');
  expect(unnamed.status).toBe(1);
  expect(unnamed.said).toContain('4 phones would have no path');
  const shown = await field.runPlain('plan', 'set-hash', 'sha512');
  expect(shown.text).toContain('may need SHA-1');
  expect(shown.text).toContain('risk: { sha512Models: […] } in tftp-pki.yaml');

  const config = join(field.data, 'tftp-pki.yaml');
  writeFileSync(config, `${readFileSync(config, 'utf8')}\nrisk:\n  sha512Models: [CP-8851]\n`);
  await expect.poll(planned, patience).toMatchObject({ stranded: [old.name], unknown: [] });
  expect((await field.run('set-hash', 'sha512', '--yes', '--strand', '2')).said).toContain(
    '1 phone would have no path',
  );
  expect((await signature('Ringlist.xml.sgn')).hash).toBe(1);

  // It is given up, and all that are left read SHA-512.
  await field.done('remove-device', old.name);
  expect(await planned()).toMatchObject({ stranded: [] });
  const before = await signature('Ringlist.xml.sgn');
  await field.change('set-hash', 'sha512', '--yes');
  for (const name of ['CTLFile.tlv', 'ITLFile.tlv', 'Ringlist.xml.sgn', `${first.name}.cnf.xml.sgn`])
    expect(await signature(name), name).toMatchObject({ hash: 3 });
  expect((await signature('Ringlist.xml.sgn')).timestamp).toBeGreaterThan(before.timestamp);
  await field.come(able);
  await field.come(able);
  expect(JSON.parse(await field.done('status'))).toMatchObject({ cluster: { hash: 'sha512' }, risks: [] });
  expect((await field.runPlain('audit')).text).toContain('set-hash sha512');
  const explained = await field.runPlain('explain', first.name, `${first.name}.cnf.xml.sgn`);
  expect(explained.text).toMatch(/signer: .*, with SHA-512:/);
  expect(explained.text).toContain('believes this signer with every pair');
  expect((await field.run('set-hash', 'sha512')).said).toContain('signs with SHA-512 already');

  // What it was refused for: this phone has no path, keeps what it has, and gets its path back.
  await field.done('add-device', old.name, '--model', 'CP-7960', '--protocol', 'SIP');
  const stuck = await tries(old);
  expect(stuck.refused).toContain(`${old.name}.cnf.xml.sgn`);
  expect([...new Set(stuck.codes)]).toEqual(['hash-not-read']);
  expect(stuck.state.config).toBe(old.state.config);
  await field.change('set-hash', 'sha1', '--yes');
  await field.come();
}, 240_000);
