/** Names that are kept against those of a real database, whatever came and went (src/node/device-names.ts). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../src/core/ports.ts';
import { createDeviceNames } from '../../../src/node/device-names.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { seeded } from '../../helpers/prng.ts';
import { audit, cluster, crypto, device, node } from '../../store/store-values.ts';

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-names-'));
  store = await openStore({ path: join(folder, 'db.sqlite'), create: true, crypto });
  await store.createCluster(cluster, node, [], audit);
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

test('any history: they are those of the database, and all of them are read only where one is gone', async () => {
  let reads = 0;
  const counting = {
    ...store,
    listDeviceNames: () => {
      reads += 1;
      return store.listDeviceNames();
    },
  };
  const names = createDeviceNames(counting);
  expect([...(await names())]).toEqual([]);
  const random = seeded(25);
  const all = Array.from({ length: 8 }, (_, at) => `SEP00000000000${at}`);
  for (let step = 0; step < 150; step++) {
    const before = reads;
    let removed = 0;
    for (let acts = Math.floor(random() * 3); acts >= 0; acts--) {
      const name = all[Math.floor(random() * all.length)] ?? '';
      const isThere = (await store.findDevice(name)) !== undefined;
      if (!isThere) await store.addDevice(device(name));
      else if (random() < 0.5) await store.changeDevice(device(name), step);
      else {
        await store.removeDevice(name);
        removed += 1;
      }
    }
    expect([...(await names())].toSorted()).toEqual([...(await store.listDeviceNames())].toSorted());
    if (removed === 0) expect(reads).toBe(before);
  }
  expect(reads).toBeGreaterThan(1);
});
