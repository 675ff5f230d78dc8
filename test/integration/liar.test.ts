/**
 * A liar before a real server (security.md §4): from one address it fetches the lists and the configuration of 1,000
 * devices, reads the name that only a believed configuration shows and asks for it too; in the name of the phones' own
 * addresses it sends the last ACKs of lists over TFTP. That makes no plan safe and blocks no renewal.
 */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { GuidedField } from '../helpers/guided-field.ts';

const devicesMax = 1_000;
const guided = ['renew-cert', 'callmanager', '--guided', '--yes'];
const patience = { timeout: 30_000, interval: 250 };
let field: GuidedField;
afterEach(() => field.end());

/** As whatever it likes, and whoever it likes. Gives how many configurations it read. */
async function lie(names: readonly string[] = field.names): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, localAddress: '127.66.66.66' });
  // "Come again" is said to whoever asks for too much at once.
  const fetch = async (name: string): Promise<FetchAnswer> => {
    for (let time = 0; ; time++) {
      const answer = await field.fetch(agent, name);
      if (answer.kind !== 'failed' || time === 100) return answer;
      await delay(50);
    }
  };
  let taken = 0;
  const waiting = [...names];
  const phones = new Set(field.phones.map(({ name }) => name));
  const line = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const config = await fetch(`${name}.cnf.xml.sgn`);
      const text = config.kind === 'bytes' ? Buffer.from(config.bytes).toString('latin1') : '';
      const marker = /FP[0-9a-f-]{36}\.xml/.exec(text)?.[0];
      if (marker === undefined) continue;
      taken += 1;
      // Of the phones alone: an address that asks for a thousand names which nobody has is answered slowly.
      if (phones.has(name)) await fetch(`${marker}.sgn`);
    }
  };
  await Promise.all([fetch('CTLFile.tlv'), fetch('ITLFile.tlv'), ...Array.from({ length: 8 }, line)]);
  agent.destroy();
  const port = field.server?.port('tftp') ?? 0;
  for (const { address, name } of field.phones)
    for (const file of ['CTLFile.tlv', 'ITLFile.tlv', `${name}.cnf.xml.sgn`])
      await fetchTftp({ host: '127.0.0.1', port, name: file, bindAddress: address });
  return taken;
}

test('1,000 names from one address and forged last ACKs: no plan is safe by it, no renewal blocked', async () => {
  field = new GuidedField(devicesMax, 10);
  await field.begin();
  const phones = field.phones.map(({ name }) => name);
  const heard = () => field.done('show-trust', phones[0] ?? '');

  // A renewal goes its way among lies: after each of them the phones come, and the next step is allowed.
  await field.come();
  expect(await lie()).toBe(devicesMax);
  await field.change(...guided);
  expect(await lie(phones)).toBe(phones.length);
  await field.come();
  await field.change(...guided, '--within', '0');
  expect(await field.renewal()).toMatchObject({ step: 'switched' });
  await field.come();
  await field.change(...guided, '--within', '0');
  expect(await field.renewal()).toBeUndefined();
  await field.come();

  // A renewal that no phone comes for strands nobody: ITLRecovery leads them. Without it, they would be lost.
  for (let step = 0; step < 3; step++) await field.change(...guided, '--within', '0');
  expect(await field.renewal()).toBeUndefined();
  await field.change('renew-cert', 'itlrecovery', '--yes');
  const dangerous = ['renew-cert', 'itlrecovery', '--switch'];
  const stranded = async (): Promise<readonly string[]> => {
    const { text } = await field.run('plan', ...dangerous);
    return (JSON.parse(text) as { phones: { stranded: readonly string[] } }).phones.stranded;
  };
  expect(await stranded()).toEqual(expect.arrayContaining(phones));
  const before = await heard();
  expect(await lie(field.names.slice(0, 100))).toBe(100);
  await expect.poll(heard, patience).not.toBe(before);
  expect(await stranded()).toEqual(expect.arrayContaining(phones));
  const refused = await field.run(...dangerous, '--yes');
  expect(refused.status).toBe(1);
  expect(refused.said).toContain('would have no path');

  // What lies do not do, phones do that come.
  await field.come();
  await expect
    .poll(
      async () => {
        await field.come();
        return (await stranded()).filter((name) => phones.includes(name));
      },
      { timeout: 90_000, interval: 2_000 },
    )
    .toEqual([]);
}, 600_000);
