import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ImportedDevice } from '../../src/core/devices/device-store.ts';
import { defaultProvisioning } from '../../src/core/devices/provisioning.ts';
import { fillDocument } from '../../src/core/render/document.ts';
import type { Store } from '../../src/core/ports.ts';
import { readDocument } from '../../src/files/read-document.ts';
import { openStore } from '../../src/store/open-store.ts';
import { startPostgres, type PostgresServer } from '../helpers/postgres.ts';
import { crypto, device } from './store-values.ts';

let folder: string;
let store: Store;
let server: PostgresServer;
beforeAll(() => {
  server = startPostgres();
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-devices-'));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const databases = {
  SQLite: () => openStore({ path: join(folder, 'database.sqlite'), create: true, crypto }),
  PostgreSQL: async () => openStore({ url: await server.newDatabase(), crypto }),
};

function imported(name: string, text: string, sourceSha256 = text): ImportedDevice {
  const document = readDocument(Uint8Array.from(Buffer.from(text)), crypto);
  if (!document.ok) throw new Error(document.error);
  return { device: device(name), document: document.value, sourceSha256 };
}

async function fileOf(name: string): Promise<string | undefined> {
  const source = await store.findBuildSource(name);
  const filled = source?.document && fillDocument(source.document, new Map(), undefined);
  return filled?.ok ? filled.value : undefined;
}

describe.each(Object.entries(databases))('on %s', (_, open) => {
  beforeEach(async () => {
    store = await open();
  });

  describe('a device', () => {
    test('reads back as it was written, with all it may have', async () => {
      const full = device('SEP1', {
        pool: 'Berlin',
        load: 'sip.1',
        overrides: { 'vendorConfig/webAccess': '1' },
        lines: [
          { index: 1, extension: '1', label: 'ä', displayName: 'b', authName: 'c', authPassword: 'd' },
          { index: 2, extension: '2' },
        ],
      });
      await store.addDevice(full);
      expect(await store.findDevice('SEP1')).toStrictEqual(full);
      expect(await store.listDevices()).toStrictEqual([full]);
      expect(await store.countDevices()).toBe(1);
    });

    test('that changes has another salt, is to be reset, and then is not', async () => {
      await store.addDevice(device('SEP1'));
      const place = await store.lastChangedDevice();
      const before = await store.findBuildSource('SEP1');
      expect(before?.salt).toMatch(/^[0-9a-f]{32}$/);
      expect(await store.devicesToReset()).toEqual([]);
      const version = await store.version();
      const later = device('SEP1').addedMs + 1;
      await store.changeDevice(device('SEP1', { load: 'x', lines: [{ index: 3, extension: '3' }] }), later);
      expect(await store.version()).toBeGreaterThan(version);
      const after = await store.findBuildSource('SEP1');
      expect(after).toMatchObject({ changedMs: later, device: { load: 'x', lines: [{ index: 3 }] } });
      expect(after?.salt).not.toBe(before?.salt);
      expect(await store.devicesToReset()).toEqual(['SEP1']);
      expect(await store.devicesChangedAfter(place, 9)).toMatchObject([{ name: 'SEP1' }]);
      expect(await store.devicesChangedAfter(await store.lastChangedDevice(), 9)).toEqual([]);
      await store.markReset(['SEP1'], later);
      expect(await store.devicesToReset()).toEqual([]);
      await expect(store.changeDevice(device('SEP2'), later)).rejects.toMatchObject({ code: 'not-found' });
    });
  });

  test('changed devices are given page by page, none twice and none left out', async () => {
    const nothing = await store.lastChangedDevice();
    expect(nothing).toEqual({ mark: 0, name: '' });
    const batch = ['SEP2', 'SEP1', 'SEP3'].map((name) => ({
      device: device(name),
      document: undefined,
      sourceSha256: name,
    }));
    await store.importDevices(batch);
    await store.addDevice(device('SEP0'));
    const pages: string[][] = [];
    for (let after = nothing; ;) {
      const page = await store.devicesChangedAfter(after, 2);
      if (page.length === 0) break;
      pages.push(page.map(({ name }) => name));
      after = page.at(-1) ?? after;
    }
    expect(pages).toEqual([
      ['SEP1', 'SEP2'],
      ['SEP3', 'SEP0'],
    ]);
  });

  describe('provisioning', () => {
    test('is read back, gets a new salt, and marks the devices it touches', async () => {
      await store.addDevice(device('SEP1'));
      await store.addDevice(device('SEP2', { pool: 'Berlin' }));
      await store.addDevice(device('SEP3', { pool: 'Berlin', model: 'CP-7821' }));
      const before = await store.readProvisioning();
      expect(before).toMatchObject({ provisioning: undefined, changedMs: 0 });
      const wanted = { ...defaultProvisioning(['a.example']), autoRegistration: true };
      const at = device('SEP1').addedMs + 1;
      await store.writeProvisioning(wanted, { pools: ['Default'], models: ['CP-7821'] }, at);
      const after = await store.readProvisioning();
      expect(after).toMatchObject({ provisioning: wanted, changedMs: at });
      expect(after.salt).not.toBe(before.salt);
      expect(await store.devicesToReset()).toEqual(['SEP1', 'SEP3']);
    });
  });

  describe('an import', () => {
    const one = '<device>\n <odd a="1"/> <load>1</load></device>\n';

    test('keeps each file, shares the skeleton, and knows what it has seen', async () => {
      const two = one.replace('>1<', '>2<');
      const version = await store.version();
      expect(await store.importDevices([imported('SEP1', one), imported('SEP2', two)])).toEqual([
        'added',
        'added',
      ]);
      expect(await store.version()).toBe(version);
      await store.announceDevices();
      expect(await store.version()).toBeGreaterThan(version);
      expect([await fileOf('SEP1'), await fileOf('SEP2')]).toEqual([one, two]);
      const [first, second] = [await store.findBuildSource('SEP1'), await store.findBuildSource('SEP2')];
      expect(second?.document?.template.id).toBe(first?.document?.template.id);
      expect(
        await store.importDevices([
          imported('SEP1', one),
          imported('SEP2', one),
          imported('SEP3', one),
          imported('SEP3', two),
        ]),
      ).toEqual(['same', 'exists', 'added', 'exists']);
      expect(await fileOf('SEP2')).toBe(two);
      expect(await fileOf('SEP3')).toBe(one);
    });
  });
});
