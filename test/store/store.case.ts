/**
 * One suite for every implementation of the Store port: what SQLite does, PostgreSQL will have to do.
 * A `Bench` makes an empty store and opens more of them on the same data.
 */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import type { NewCertificate, Store } from '../../src/core/ports.ts';
import { cluster, device, list, node } from './store-values.ts';

export interface Bench {
  readonly store: Store;
  /** Another connection to the same data, as another process would have it. */
  another(): Promise<Store>;
  close(): Promise<void>;
}

const accept = (): void => undefined;

export function storeCases(name: string, makeBench: () => Promise<Bench>): void {
  describe(name, () => {
    let bench: Bench;
    let store: Store;
    beforeEach(async () => {
      bench = await makeBench();
      store = bench.store;
    });
    afterEach(() => bench.close());

    clusterCases(() => bench);
    deviceCases(() => store);
    publicationCases(() => bench);
    timestampCases(() => bench);

    test('version grows with own commits and with those of another connection, and rests without', async () => {
      const other = await bench.another();
      const versions = [await store.version(), await store.version()];
      expect(versions[1]).toBe(versions[0]);
      await store.addDevice(device('SEP000000000001'));
      versions.push(await store.version());
      await other.addDevice(device('SEP000000000002'));
      versions.push(await store.version());
      await other.publish([list('itl', 'x')], accept);
      versions.push(await store.version());
      expect(versions.slice(2)).toEqual(versions.slice(2).sort((a, b) => a - b));
      expect(new Set(versions.slice(1)).size).toBe(4);
      expect(await store.version()).toBe(versions.at(-1));
      await other.close();
    });
  });
}

function clusterCases(bench: () => Bench): void {
  const certificate: NewCertificate = {
    store: 'own',
    purpose: 'callmanager',
    node: node.name,
    der: Uint8Array.of(0x30, 0, 0xff),
    fingerprint: 'ab'.repeat(32),
    provenance: 'issued by init',
    addedMs: 1_790_000_000_001,
  };
  const foreign: NewCertificate = {
    ...certificate,
    store: 'phone-sast-trust',
    purpose: undefined,
    node: undefined,
    provenance: 'imported from beta',
  };

  test('an empty store has no cluster, no nodes, no certificates', async () => {
    const { store } = bench();
    expect(await store.readCluster()).toBeUndefined();
    expect([await store.listNodes(), await store.listCertificates(), await store.listDevices()]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('a cluster with node and certificates is read back as it was written', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [certificate, foreign]);
    expect(await store.readCluster()).toEqual(cluster);
    expect(await store.listNodes()).toEqual([node]);
    const [own, other, ...none] = await store.listCertificates();
    expect(none).toEqual([]);
    expect(own).toEqual({ ...certificate, id: own?.id, retiredMs: undefined });
    expect(other).toEqual({ ...foreign, id: other?.id, retiredMs: undefined });
    expect(own?.id).not.toBe(other?.id);
  });

  test('a second cluster is refused and changes nothing', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [certificate]);
    const second = store.createCluster({ ...cluster, id: 'beta' }, { ...node, name: 'b' }, []);
    await expect(second).rejects.toMatchObject({ code: 'refused' });
    expect(await store.readCluster()).toEqual(cluster);
    expect(await store.listNodes()).toEqual([node]);
  });

  test('a cluster whose certificates cannot be written is not there at all', async () => {
    const { store } = bench();
    await expect(store.createCluster(cluster, node, [certificate, certificate])).rejects.toThrow(/unique/i);
    expect(await store.readCluster()).toBeUndefined();
    expect(await store.listNodes()).toEqual([]);
    await store.createCluster(cluster, node, [certificate]);
  });
}

function deviceCases(store: () => Store): void {
  const phone = device('SEP001122334455', {
    protocol: 'SCCP',
    security: 'encrypted',
    lines: [
      { index: 1, extension: '2001' },
      { index: 3, extension: '+49 "quoted"' },
    ],
    certificateDer: Uint8Array.of(0x30, 1),
  });

  test('devices are found by their exact name, lines in their order', async () => {
    await store().addDevice(device('SEP0000000000AA'));
    await store().addDevice({ ...phone, lines: phone.lines.toReversed() });
    expect(await store().findDevice(phone.name)).toEqual(phone);
    expect(await store().findDevice('sep001122334455')).toBeUndefined();
    expect(await store().findDevice("' OR 1=1 --")).toBeUndefined();
    expect(await store().listDevices()).toEqual([device('SEP0000000000AA'), phone]);
  });

  test('a second device of a name is refused and the first one stays', async () => {
    await store().addDevice(phone);
    const second = store().addDevice(device(phone.name, { lines: [{ index: 9, extension: '9' }] }));
    await expect(second).rejects.toMatchObject({ code: 'refused' });
    expect(await store().findDevice(phone.name)).toEqual(phone);
  });

  test('a removed device is gone with its lines; one that is not there is not found', async () => {
    await store().addDevice(phone);
    await store().removeDevice(phone.name);
    expect(await store().findDevice(phone.name)).toBeUndefined();
    await store().addDevice(device(phone.name));
    expect((await store().findDevice(phone.name))?.lines).toEqual([]);
    await expect(store().removeDevice('SEP0')).rejects.toMatchObject({ code: 'not-found' });
  });
}

function publicationCases(bench: () => Bench): void {
  test('nothing is current before the first publication', async () => {
    expect(await bench().store.currentLists()).toEqual([]);
    expect(await bench().store.listGeneration(1)).toEqual([]);
  });

  test('check sees what was staged and what it replaces, both read back, and nobody else sees it staged', async () => {
    const { store } = bench();
    const first = await store.publish([list('itl', 'one'), list('ctl', 'one')], (staged, current) => {
      expect(staged.map(({ kind }) => kind)).toEqual(['ctl', 'itl']);
      expect(current).toEqual([]);
    });
    const seen: unknown[] = [];
    const second = await store.publish([list('itl', 'two')], (staged, current) => {
      seen.push(staged, current);
    });
    expect(second).toBeGreaterThan(first);
    expect(seen).toEqual([
      [{ ...list('itl', 'two'), generation: second }],
      await store.listGeneration(first),
    ]);
    expect(await store.currentLists()).toEqual([{ ...list('itl', 'two'), generation: second }]);
    expect((await store.listGeneration(first)).map(({ generation }) => generation)).toEqual([first, first]);
  });

  test('a refusal by check is passed on, the old lists stay, and the number is spent', async () => {
    const { store } = bench();
    const first = await store.publish([list('itl', 'one')], accept);
    const refusal = new Failure('refused', 'would strand phones');
    const refused = store.publish([list('itl', 'two')], () => {
      throw refusal;
    });
    await expect(refused).rejects.toBe(refusal);
    expect(await store.currentLists()).toEqual([{ ...list('itl', 'one'), generation: first }]);
    expect(await store.listGeneration(first + 1)).toEqual([]);
    expect(await store.publish([list('itl', 'three')], accept)).toBe(first + 2);
  });

  test('of two publications at once, one wins and the other is told', async () => {
    const { store } = bench();
    const other = await bench().another();
    const results = await Promise.allSettled([
      store.publish([list('itl', 'mine')], accept),
      other.publish([list('itl', 'theirs')], accept),
    ]);
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won.length).toBeGreaterThan(0);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'storage-busy' });
    const current = await store.currentLists();
    expect(current).toHaveLength(1);
    expect(await other.currentLists()).toEqual(current);
    expect(won.map(({ value }) => value)).toContain(current[0]?.generation);
    await other.close();
  });

  test('what another connection published is current here', async () => {
    const { store } = bench();
    const other = await bench().another();
    await other.publish([list('itl', 'x')], accept);
    expect((await store.currentLists()).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['x']);
    await other.close();
  });
}

function timestampCases(bench: () => Bench): void {
  const ask = (content: string, least: number, name = 'a.xml.sgn', signer = 's') =>
    bench().store.signedTimestamp(name, signer, content, least);

  test('the first timestamp is the floor; the same content keeps it', async () => {
    expect(await ask('A', 1000)).toBe(1000);
    expect(await ask('A', 1000)).toBe(1000);
    expect(await ask('A', 500)).toBe(1000);
  });

  test('other content is later: at its own age, or one second after the last', async () => {
    await ask('A', 1000);
    expect(await ask('B', 2000)).toBe(2000);
    expect(await ask('C', 2000)).toBe(2001);
  });

  test('content of the past is published above what replaced it', async () => {
    await ask('A', 1000);
    await ask('B', 2000);
    expect(await ask('A', 1000)).toBe(2001);
    expect(await ask('A', 1000)).toBe(2001);
  });

  test('a restored backup that is asked for a floor above the field keeps above it', async () => {
    await ask('A', 1000);
    expect(await ask('A', 5000)).toBe(5000);
    expect(await ask('B', 1000)).toBe(5001);
  });

  test('names and signers have timestamps of their own', async () => {
    await ask('A', 9000);
    expect(await ask('B', 10, 'b.xml.sgn')).toBe(10);
    expect(await ask('B', 20, 'a.xml.sgn', 't')).toBe(20);
    expect(await ask('A', 10)).toBe(9000);
  });

  test('any history: never back, never below the floor, later when the content differs', async () => {
    const question = fc.record({
      content: fc.constantFrom('A', 'B', 'C'),
      least: fc.integer({ min: 0, max: 50 }),
      here: fc.boolean(),
    });
    const other = await bench().another();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(question, { maxLength: 12 }), async (questions) => {
        const name = `run-${++run}`;
        let last: { readonly content: string; readonly timestamp: number } | undefined;
        for (const { content, least, here } of questions) {
          const timestamp = await (here ? bench().store : other).signedTimestamp(name, 's', content, least);
          expect(timestamp).toBeGreaterThanOrEqual(least);
          if (last?.content === content) expect(timestamp).toBe(Math.max(last.timestamp, least));
          else if (last) expect(timestamp).toBeGreaterThan(last.timestamp);
          last = { content, timestamp };
        }
      }),
      { seed: 5, numRuns: 25 },
    );
    await other.close();
  });

  test('asked by two at once, different content never shares a timestamp', async () => {
    const other = await bench().another();
    const answers = await Promise.all([
      ask('A', 100),
      other.signedTimestamp('a.xml.sgn', 's', 'B', 100),
      other.signedTimestamp('a.xml.sgn', 's', 'C', 100),
    ]);
    expect(answers.sort((a, b) => a - b)).toEqual([100, 101, 102]);
    await other.close();
  });
}
