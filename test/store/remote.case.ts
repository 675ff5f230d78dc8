/** Remote clusters and homes: a part of the suite for every implementation of the Store port. */
import { describe, expect, test } from 'vitest';
import type { Evidence } from '../../src/core/cluster/evidence.ts';
import type { RemoteList } from '../../src/core/cluster/remote-store.ts';
import type { RemoteCluster } from '../../src/core/cluster/remote.ts';
import type { Store } from '../../src/core/ports.ts';
import { audit } from './store-values.ts';

function remote(id: string): RemoteCluster {
  const address = '10.0.0.1';
  const server = { tftp: { address, port: 69 }, http: { address, port: 6970 }, tvs: { address, port: 2445 } };
  return {
    id,
    servers: [server, { ...server, http: undefined }],
    secure: true,
    pin: { fingerprint: 'f'.repeat(64), pinnedMs: 5 },
    common: 'local',
    verify: 'observe',
    asks: ['c'],
    addedMs: 4,
  };
}

const server = '10.0.0.1:69';
const evidence: Evidence = {
  cluster: 'b',
  server,
  signer: 's',
  seenMs: 7,
  ctl: 'absent',
  itl: 'names',
  tvs: 'unknown',
};
const list: RemoteList = {
  cluster: 'b',
  server,
  kind: 'itl',
  bytes: Uint8Array.of(1, 2, 3),
  sha256: 'aa',
  seenMs: 7,
};

export function remoteCases(storeOf: () => Store): void {
  describe('remote clusters', () => {
    test('read back as they were added, in their order, and once', async () => {
      const store = storeOf();
      const bare = { ...remote('a'), pin: undefined, verify: undefined, secure: false, asks: [] };
      await store.addRemote(remote('b'), audit);
      await store.addRemote(bare, audit);
      expect(await store.listRemotes()).toEqual([remote('b'), bare]);
      await expect(store.addRemote(remote('b'), audit)).rejects.toMatchObject({ code: 'refused' });
    });

    test('what a probe found is replaced by the next one, and gone with another pin', async () => {
      const store = storeOf();
      await store.addRemote(remote('b'), audit);
      const probe = { cluster: 'b', server, atMs: 7, lists: [list], evidence: [evidence], frozen: undefined };
      await store.saveProbe(probe);
      expect(await store.listRemoteLists()).toEqual([list]);
      await store.saveProbe({
        ...probe,
        atMs: 8,
        lists: undefined,
        evidence: [],
        frozen: 'a stranger',
      });
      expect(await store.listRemoteLists()).toEqual([list]);
      expect(await store.listProbes()).toEqual([
        { cluster: 'b', server, probedMs: 8, frozen: 'a stranger', evidence: [] },
      ]);
      await store.saveProbe({ ...probe, lists: [] });
      expect(await store.listRemoteLists()).toEqual([]);
      await store.saveProbe(probe);
      await store.pinRemote('b', { fingerprint: 'e'.repeat(64), pinnedMs: 9 }, audit);
      expect(await store.listRemoteLists()).toEqual([]);
      expect(await store.listProbes()).toEqual([]);
      expect((await store.listRemotes())[0]?.pin).toEqual({ fingerprint: 'e'.repeat(64), pinnedMs: 9 });
    });

    test('one that is not there is said to be so', async () => {
      const store = storeOf();
      const missing = { code: 'not-found' };
      const probe = { cluster: 'x', server, atMs: 1, lists: [], evidence: [], frozen: undefined };
      await expect(store.removeRemote('x', audit)).rejects.toMatchObject(missing);
      await expect(store.pinRemote('x', { fingerprint: 'e', pinnedMs: 1 }, audit)).rejects.toMatchObject(
        missing,
      );
      await expect(store.saveProbe(probe)).rejects.toMatchObject(missing);
    });
  });

  describe('homes of devices', () => {
    const home = { kind: 'remote', cluster: 'b' } as const;

    test('what a server learnt is no news, an administrator’s word is, and both leave with the cluster', async () => {
      const store = storeOf();
      await store.addRemote(remote('b'), audit);
      const before = await store.version();
      await store.rememberHomes([
        { device: 'SEP1', home, confirmedMs: 10 },
        { device: 'SEP2', home: { kind: 'remote', cluster: 'gone' }, confirmedMs: 10 },
      ]);
      expect(await store.version()).toBe(before);
      expect(await store.findHome('SEP1')).toEqual({ home, confirmedMs: 10 });
      expect(await store.findHome('SEP2')).toBeUndefined();
      expect(await store.homesMovedAfter(0)).toEqual([]);

      const devices = Array.from({ length: 450 }, (_, i) => `SEP${i}`);
      await store.moveHomes(devices, home, { ...audit, atMs: 20 });
      expect(await store.version()).toBeGreaterThan(before);
      expect(await store.homesMovedAfter(19)).toHaveLength(450);
      expect(await store.homesMovedAfter(20)).toEqual([]);
      // A server that finds it there does not undo that it was moved.
      await store.rememberHomes([{ device: 'SEP1', home, confirmedMs: 30 }]);
      expect(await store.homesMovedAfter(19)).toContainEqual({ device: 'SEP1', home, confirmedMs: 30 });

      await store.removeRemote('b', audit);
      expect(await store.findHome('SEP1')).toBeUndefined();
    });

    test('a device that is ours by command', async () => {
      const store = storeOf();
      await store.moveHomes(['SEP1'], { kind: 'here' }, { ...audit, atMs: 20 });
      expect(await store.findHome('SEP1')).toEqual({ home: { kind: 'here' }, confirmedMs: 20 });
    });
  });
}
