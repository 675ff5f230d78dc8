/** Which keys stay when the change they came with fails (src/app/new-keys.ts): real files, a real database. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withNewKeys, type NewKey } from '../../../src/app/new-keys.ts';
import { Failure, type ErrorCode } from '../../../src/base/errors.ts';
import type { Store } from '../../../src/core/ports.ts';
import { createKeyFiles } from '../../../src/store/key-files.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { audit, cluster, crypto, node } from '../../store/store-values.ts';

const pem = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
const [old, fresh, second] = ['0a', '0b', '0c'].map((byte): NewKey => ({
  fingerprint: byte.repeat(32),
  encryptedKeyPem: pem,
})) as [NewKey, NewKey, NewKey];

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-new-keys-'));
  store = await openStore({ path: join(folder, 'db.sqlite'), create: true, crypto });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function ports() {
  return { store, keyFiles: createKeyFiles(folder) };
}

function kept(): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.pem'));
}

const fails = (code: ErrorCode) => (): Promise<never> => Promise.reject(new Failure(code, 'told'));

test('they are durable before the change, and stay with it', async () => {
  await withNewKeys(ports(), [fresh, second], async () => expect(kept()).toHaveLength(2));
  expect(kept()).toHaveLength(2);
});

test.each(['refused', 'storage-busy', 'storage-full', 'not-found'] as const)(
  'a change that was surely not made (%s) leaves those that were there before, and no other',
  async (code) => {
    await ports().keyFiles.save(old.fingerprint, pem);
    await expect(withNewKeys(ports(), [old, fresh, second], fails(code))).rejects.toMatchObject({ code });
    expect(kept()).toEqual([`${old.fingerprint}.pem`]);
  },
);

test.each(['unreachable', 'storage-unreadable', 'storage-corrupt', 'interrupted'] as const)(
  'a change that may have been made (%s) keeps them',
  async (code) => {
    await expect(withNewKeys(ports(), [fresh], fails(code))).rejects.toMatchObject({ code });
    expect(kept()).toEqual([`${fresh.fingerprint}.pem`]);
  },
);

test('a bug keeps them, and so does a database that names them after all or cannot be asked', async () => {
  await expect(withNewKeys(ports(), [fresh], () => Promise.reject(new TypeError('a bug')))).rejects.toThrow(
    'a bug',
  );
  const row = { store: 'own', purpose: 'tvs', node: node.name, provenance: 'a test', addedMs: 1 } as const;
  const made = async (): Promise<never> => {
    const certificate = { ...row, der: new Uint8Array([1]), fingerprint: second.fingerprint };
    await store.createCluster(cluster, node, [certificate], audit);
    return fails('storage-busy')();
  };
  await expect(withNewKeys(ports(), [second], made)).rejects.toMatchObject({ code: 'storage-busy' });
  expect(kept()).toHaveLength(2);
  const gone = { listCertificates: () => Promise.reject(new Failure('unreachable', 'away')) };
  const asking = { ...ports(), store: gone };
  await expect(withNewKeys(asking, [old], fails('storage-busy'))).rejects.toMatchObject({
    code: 'storage-busy',
  });
  expect(kept()).toHaveLength(3);
});
