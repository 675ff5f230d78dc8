/**
 * A guided renewal over 500 phones, 5 % of them away: the command is killed in the middle, then the server, both go on,
 * and every phone ends on the new signer with nothing refused. And the two ways out of one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { programPath } from '../cli/testscript.ts';
import { GuidedField } from '../helpers/guided-field.ts';

/** Every twentieth: 5 %. */
const isAway = (at: number): boolean => at % 20 === 7;
const guided = ['renew-cert', 'callmanager', '--guided', '--yes'];

let field: GuidedField;
afterEach(() => field.end());

test('500 phones, 5 % away, command and server killed on the way: all on the new signer, none refused', async () => {
  field = new GuidedField(500);
  await field.begin();
  const online = field.phones.filter((_, at) => !isAway(at));
  await field.come();
  const [old, ...others] = field.signers();
  expect(others).toEqual([]);

  // Step 1, by a command that is killed while it waits for the phones.
  const waits = spawn(process.execPath, [programPath, ...guided, '--wait', '600', '--data', field.data], {
    stdio: 'ignore',
  });
  await field.until('published');
  waits.kill('SIGKILL');
  await once(waits, 'exit');
  expect(await field.renewal()).toMatchObject({ step: 'published' });

  // All are told to come; in the middle of it the server is killed.
  expect(await field.reset()).toHaveLength(field.phones.length);
  const child = field.server?.child;
  const ended = child && once(child, 'exit');
  const met = await field.boot(online, (count) => {
    if (count === online.length / 5) child?.kill('SIGKILL');
  });
  await ended;
  expect(met.length).toBeGreaterThan(0);
  await field.serve();
  await field.come(met);
  await field.allCome(online);
  expect(field.signers(online)).toEqual([old]);

  // Those that are away keep it waiting until the day that was set; "--within 0" makes that day now.
  expect(await field.done(...guided)).toContain('"toCome"');
  expect(await field.renewal()).toMatchObject({ step: 'published', come: online.length });
  const away = field.phones.filter((_, at) => isAway(at));
  expect(await field.reset()).toEqual(away);
  await field.change(...guided, '--within', '0');
  expect(await field.renewal()).toMatchObject({ step: 'switched' });
  // With the lists as they are, the same command tells those to come that were not heard since.
  expect(await field.reset()).toHaveLength(field.phones.length);
  await field.allCome(online);
  expect(await field.reset()).toEqual(away);
  const [fresh, ...more] = field.signers(online);
  expect(more).toEqual([]);
  expect(fresh).not.toBe(old);

  await field.change(...guided, '--within', '0');
  expect(await field.renewal()).toBeUndefined();
  expect(await field.reset()).toHaveLength(field.phones.length);
  await field.come();
  expect(field.signers()).toEqual([fresh]);
}, 280_000);

describe('the ways out of a guided renewal', () => {
  test('--abort, from either step: the old key signs, everybody believes it', async () => {
    field = new GuidedField(6);
    await field.begin();
    expect((await field.run(...guided, '--abort')).said).toContain('no guided renewal of callmanager');
    const [away, ...online] = field.phones;
    await field.come();
    const [old] = field.signers();

    await field.change(...guided);
    await field.come(online);
    await field.change(...guided, '--abort');
    expect(await field.renewal()).toBeUndefined();
    await field.come();
    expect(field.signers()).toEqual([old]);

    // Again, and away through all of it is a phone that the plan must not forget.
    await field.change(...guided);
    await field.allCome(online);
    await field.change(...guided, '--within', '0');
    expect(await field.renewal()).toMatchObject({ step: 'switched' });
    await field.allCome(online);
    expect(field.signers(online)).not.toEqual([old]);
    await field.change(...guided, '--abort');
    expect(await field.renewal()).toBeUndefined();
    await field.come();
    expect(field.signers()).toEqual([old]);
    expect(away?.signer).toBe(old);
  }, 120_000);

  test('--compromised, before and within one: the old key is cut off at once, and the cost is said', async () => {
    field = new GuidedField(6);
    await field.begin();
    await field.come();
    const [first] = field.signers();
    const cost = JSON.parse(
      await field.change('renew-cert', 'callmanager', '--compromised', '--yes'),
    ) as Record<string, unknown>;
    expect(cost).toMatchObject({
      operation: 'renew-cert callmanager --compromised',
      phones: { count: 6, stranded: [] },
      warnings: [expect.stringContaining('have all of them reset now'), expect.any(String)],
      reset: 'all phones',
    });
    await field.come();
    const [second, ...more] = field.signers();
    expect(more).toEqual([]);
    expect(second).not.toBe(first);

    // Within a guided renewal the new key is there already, and phones that came know it.
    await field.change(...guided);
    await field.come();
    await field.change('renew-cert', 'callmanager', '--compromised', '--yes');
    expect(await field.renewal()).toBeUndefined();
    await field.come();
    expect(field.signers()).not.toContain(second);
    expect(field.signers()).toHaveLength(1);
    for (const { signer } of field.phones) expect([first, second]).not.toContain(signer);
  }, 120_000);
});
