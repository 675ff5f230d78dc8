import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newPhone } from '../../../src/core/phone/phone-state.ts';
import type { FileVerdict } from '../../../src/core/phone/phone.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { bootPhone, fetchFirst, type Fetch } from '../../../src/sim/boot-phone.ts';
import { loadPhone, savePhone } from '../../../src/sim/phone-folder.ts';
import { a, b, itlOf } from '../../helpers/clusters.ts';
import { now, signBytes } from '../../helpers/trust-builder.ts';

const crypto = createVerifier();
const name = 'SEP001122334455';
const config = (by: typeof a): Uint8Array =>
  signBytes({ by: by.callmanager, as: `${name}.cnf.xml.sgn`, content: Buffer.from('<device/>') });
const serving =
  (files: Record<string, Uint8Array>): Fetch =>
  async (asked) => {
    const bytes = files[asked];
    return bytes ? { kind: 'bytes', bytes } : { kind: 'not-found' };
  };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phones-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('boot-phone', () => {
  it('keeps its trust between boots, and refuses the other cluster', async () => {
    const verdicts: FileVerdict[] = [];
    const common = {
      crypto,
      nowSeconds: () => now,
      report: (verdict: FileVerdict) => verdicts.push(verdict),
    };
    const home = serving({ 'ITLFile.tlv': itlOf(a), [`${name}.cnf.xml.sgn`]: config(a) });
    const first = await bootPhone({ ...common, state: await loadPhone(folder, name), fetch: home });
    expect(first).toMatchObject({ ok: true, refused: [], missing: [] });
    await savePhone(folder, first.state);

    const away = serving({ 'ITLFile.tlv': itlOf(b), [`${name}.cnf.xml.sgn`]: config(b) });
    const second = await bootPhone({ ...common, state: await loadPhone(folder, name), fetch: away });
    expect(second.ok).toBe(false);
    expect(second.refused).toEqual(['ITLFile.tlv', `${name}.cnf.xml.sgn`]);
    expect(second.state).toEqual(first.state);
    const lists = verdicts.filter(({ purpose }) => purpose === 'itl').map(({ message }) => message);
    expect(lists.filter(Boolean)).toEqual([
      `File Not Found <ITL${name}.tlv>`,
      'Trust List updated',
      `File Not Found <ITL${name}.tlv>`,
      'Trust List update failed',
    ]);
  });

  it('a server that does not answer leaves the phone without what it needs', async () => {
    const fetch: Fetch = async () => ({ kind: 'failed', reason: 'no answer in 4 s' });
    const verdicts: FileVerdict[] = [];
    const result = await bootPhone({
      crypto,
      state: newPhone(name),
      fetch,
      nowSeconds: () => now,
      report: (verdict) => verdicts.push(verdict),
    });
    expect(result).toMatchObject({ ok: false, missing: ['XMLDefault.cnf.xml'] });
    expect(
      verdicts.every(({ outcome, reason }) => outcome === 'failed' && reason === 'no answer in 4 s'),
    ).toBe(true);
  });

  it('asks the second source only where the first fails', async () => {
    const failing: Fetch = async () => ({ kind: 'failed', reason: 'refused' });
    const empty = serving({});
    const full = serving({ x: Buffer.of(1) });
    expect(await fetchFirst(failing, full)('x')).toEqual({ kind: 'bytes', bytes: Buffer.of(1) });
    expect(await fetchFirst(empty, full)('x')).toEqual({ kind: 'not-found' });
    expect(await fetchFirst()('x')).toMatchObject({ kind: 'failed' });
  });
});

describe('the folder of phones', () => {
  it('gives a phone from the factory where there is none', async () => {
    expect(await loadPhone(join(folder, 'not-there'), name)).toEqual(newPhone(name));
  });

  it('refuses a file that is no state, and the state of another phone', async () => {
    writeFileSync(join(folder, `${name}.json`), '{');
    await expect(loadPhone(folder, name)).rejects.toMatchObject({ code: 'format' });
    await savePhone(folder, newPhone('SEP001122334466'));
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(newPhone('SEP001122334466')));
    await expect(loadPhone(folder, name)).rejects.toThrow(/state of SEP001122334466/);
  });
});
