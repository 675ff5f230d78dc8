/**
 * One suite for every implementation of the Store port: what SQLite does, PostgreSQL will have to do.
 * A `Bench` makes an empty store and opens more of them on the same data.
 */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { auditChainFault } from '../../src/core/audit/audit-chain.ts';
import { Failure } from '../../src/base/errors.ts';
import { readCertificateFile } from '../../src/pki/certificate.ts';
import { createSoftwareKeys } from '../../src/pki/fresh-key.ts';
import { createIssuer } from '../../src/pki/issue.ts';
import type { NewCertificate, Store } from '../../src/core/ports.ts';
import { remoteCases } from './remote.case.ts';
import { audit, cluster, crypto, device, list, node } from './store-values.ts';

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
    certificateCases(() => bench);
    auditCases(() => bench);
    remoteCases(() => store);

    test('version grows with own commits and with those of another connection, and rests without', async () => {
      const other = await bench.another();
      const versions = [await store.version(), await store.version()];
      expect(versions[1]).toBe(versions[0]);
      await store.addDevice(device('SEP000000000001'));
      versions.push(await store.version());
      await other.addDevice(device('SEP000000000002'));
      versions.push(await store.version());
      await other.publish([list('itl', 'x')], accept, audit);
      versions.push(await store.version());
      expect(versions.slice(2)).toEqual(versions.slice(2).sort((a, b) => a - b));
      expect(new Set(versions.slice(1)).size).toBe(4);
      // Cold signatures change nothing that is served: no chain is rebuilt for them.
      await other.signedTimestamp('a.xml.sgn', 's', 'A', 1);
      await store.signedTimestamp('b.xml.sgn', 's', 'A', 1);
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
    await store.createCluster(cluster, node, [certificate, foreign], audit);
    expect(await store.readCluster()).toEqual(cluster);
    expect(await store.listNodes()).toEqual([node]);
    const [own, other, ...none] = await store.listCertificates();
    expect(none).toEqual([]);
    expect(own).toEqual({ ...certificate, id: own?.id, retiredMs: undefined });
    expect(other).toEqual({ ...foreign, id: other?.id, retiredMs: undefined });
    expect(own?.id).not.toBe(other?.id);
  });

  test('a node gets another host name and its first one back; a node that is none gets none', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [certificate], audit);
    const rename = (name: string, host: string) =>
      store.publish([list('itl', 'x')], accept, audit, { renameNodes: [{ name, host }] });
    await rename(node.name, 'new.example');
    expect(await store.listNodes()).toEqual([{ ...node, host: 'new.example' }]);
    await expect(rename('nobody', 'new.example')).rejects.toMatchObject({ code: 'not-found' });
    await rename(node.name, node.name);
    expect(await store.listNodes()).toEqual([node]);
  });

  test('another hash is one change with its lists, and no file keeps its old timestamp', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [certificate], audit);
    const stamp = () => store.signedTimestamp('Ringlist.xml.sgn', 'signer', 'content', 1);
    expect(await stamp()).toBe(1);
    await store.publish([list('itl', 'x')], accept, { ...audit, atMs: 7_500 }, { hash: 'sha512' });
    expect(await store.readCluster()).toEqual({ ...cluster, hash: 'sha512' });
    expect(await stamp()).toBe(7);
  });

  test('a second cluster is refused and changes nothing', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [certificate], audit);
    const second = store.createCluster({ ...cluster, id: 'beta' }, { ...node, name: 'b' }, [], audit);
    await expect(second).rejects.toMatchObject({ code: 'refused' });
    expect(await store.readCluster()).toEqual(cluster);
    expect(await store.listNodes()).toEqual([node]);
  });

  test('a cluster whose certificates cannot be written is not there at all', async () => {
    const { store } = bench();
    await expect(store.createCluster(cluster, node, [certificate, certificate], audit)).rejects.toThrow(
      /unique/i,
    );
    expect(await store.readCluster()).toBeUndefined();
    expect(await store.listNodes()).toEqual([]);
    await store.createCluster(cluster, node, [certificate], audit);
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
    const first = await store.publish(
      [list('itl', 'one'), list('ctl', 'one')],
      (staged, current) => {
        expect(staged.map(({ kind }) => kind)).toEqual(['ctl', 'itl']);
        expect(current).toEqual([]);
      },
      audit,
    );
    const seen: unknown[] = [];
    const second = await store.publish(
      [list('itl', 'two')],
      (staged, current) => {
        seen.push(staged, current);
      },
      audit,
    );
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
    const first = await store.publish([list('itl', 'one')], accept, audit);
    const refusal = new Failure('refused', 'would strand phones');
    const refused = store.publish(
      [list('itl', 'two')],
      () => {
        throw refusal;
      },
      audit,
    );
    await expect(refused).rejects.toBe(refusal);
    expect(await store.currentLists()).toEqual([{ ...list('itl', 'one'), generation: first }]);
    expect(await store.listGeneration(first + 1)).toEqual([]);
    expect(await store.publish([list('itl', 'three')], accept, audit)).toBe(first + 2);
  });

  test('of two publications at once, one wins and the other is told', async () => {
    const { store } = bench();
    const other = await bench().another();
    const results = await Promise.allSettled([
      store.publish([list('itl', 'mine')], accept, audit),
      other.publish([list('itl', 'theirs')], accept, audit),
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
    await other.publish([list('itl', 'x')], accept, audit);
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

  test('many at once: each has its answer, and of two contents under one name the second is later', async () => {
    const other = await bench().another();
    const names = Array.from({ length: 300 }, (_, i) => `SEP${i}.cnf.xml.sgn`);
    const first = await Promise.all(names.map((name) => ask(`${name} one`, 1000, name)));
    expect(new Set(first)).toEqual(new Set([1000]));
    const both = await Promise.all(
      names.flatMap((name) => [ask(`${name} two`, 2000, name), ask(`${name} three`, 2000, name)]),
    );
    expect(both).toEqual(names.flatMap(() => [2000, 2001]));
    const again = names.map((name) => other.signedTimestamp(name, 's', `${name} three`, 0));
    expect(new Set(await Promise.all(again))).toEqual(new Set([2001]));
    await other.close();
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

/** A certificate of the open tool's vectors, in a store. */
function stored(file: string, more: Partial<NewCertificate> = {}): NewCertificate {
  const pem = readFileSync(new URL(`../vectors/open-tool/${file}.pem`, import.meta.url));
  const [facts] = readCertificateFile(pem);
  if (!facts) throw new Error(`no certificate in ${file}`);
  return {
    store: 'phone-sast-trust',
    purpose: undefined,
    node: undefined,
    der: facts.der,
    fingerprint: facts.fingerprint,
    provenance: 'imported from beta',
    addedMs: 1_790_000_000_001,
    ...more,
  };
}

function certificateCases(bench: () => Bench): void {
  test('a certificate is added once per store, and its retirement is final', async () => {
    const { store } = bench();
    const id = await store.addCertificate(stored('capf'), audit);
    await expect(store.addCertificate(stored('capf'), audit)).rejects.toMatchObject({ code: 'refused' });
    await store.addCertificate(stored('capf', { store: 'capf-trust' }), audit);
    await store.retireCertificate(id, audit);
    await expect(store.retireCertificate(id, audit)).rejects.toMatchObject({ code: 'not-found' });
    await expect(store.retireCertificate(99, audit)).rejects.toMatchObject({ code: 'not-found' });
    const [row] = await store.listCertificates();
    expect(row).toEqual({ ...stored('capf'), id, retiredMs: audit.atMs });
  });

  test('a retired foreign certificate returns to its row; an own one never does', async () => {
    const { store } = bench();
    await store.createCluster(
      cluster,
      node,
      [stored('tvs', { store: 'own', purpose: 'tvs', node: node.name })],
      audit,
    );
    const foreign = await store.addCertificate(stored('capf'), audit);
    for (const { id } of await store.listCertificates()) await store.retireCertificate(id, audit);
    expect(await store.addCertificate(stored('capf', { provenance: 'again' }), audit)).toBe(foreign);
    const own = store.addCertificate(stored('tvs', { store: 'own', purpose: 'tvs', node: node.name }), audit);
    await expect(own).rejects.toMatchObject({ code: 'refused' });
    const rows = await store.listCertificates();
    expect(rows.map(({ provenance, retiredMs }) => [provenance, retiredMs])).toEqual([
      ['imported from beta', audit.atMs],
      ['again', undefined],
    ]);
  });

  test('security.md §5: no second key for a known issuer and serial, in any store, retired ones included', async () => {
    const { store } = bench();
    const first = stored('callmanager');
    const id = await store.addCertificate(first, audit);
    const twin = crypto.readCertificate(await certificateWithSerialOf(first.der));
    if (!twin) throw new Error('the twin cannot be read');
    const second = { ...first, store: 'tvs-trust' as const, der: twin.der, fingerprint: twin.fingerprint };
    await expect(store.addCertificate(second, audit)).rejects.toMatchObject({ code: 'refused' });
    await store.retireCertificate(id, audit);
    await expect(store.addCertificate(second, audit)).rejects.toMatchObject({ code: 'refused' });
    expect(await store.listCertificates()).toHaveLength(1);
    await expect(
      store.addCertificate({ ...first, der: Uint8Array.of(0x30, 0) }, audit),
    ).rejects.toMatchObject({
      code: 'format',
    });
  });

  test('a publication brings its change and its audit row, or none of it', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [stored('capf')], audit);
    const [old] = await store.listCertificates();
    const change = {
      addCertificates: [stored('tvs')],
      retireCertificates: [old?.id ?? 0],
      mode: 'nonsecure',
    } as const;
    const refused = store.publish(
      [list('itl', 'no')],
      () => {
        throw new Failure('refused', 'no');
      },
      audit,
      change,
    );
    await expect(refused).rejects.toMatchObject({ code: 'refused' });
    const twice = { ...change, addCertificates: [stored('tvs'), stored('tvs')] };
    await expect(store.publish([list('itl', 'no')], accept, audit, twice)).rejects.toMatchObject({
      code: 'refused',
    });
    expect(await store.currentLists()).toEqual([]);
    expect((await store.readCluster())?.mode).toBe('mixed');
    expect((await store.listCertificates()).map(({ retiredMs }) => retiredMs)).toEqual([undefined]);
    expect(await store.listAudit()).toHaveLength(1);

    const generation = await store.publish([list('itl', 'yes')], accept, audit, change);
    expect((await store.readCluster())?.mode).toBe('nonsecure');
    expect((await store.listCertificates()).map(({ retiredMs }) => retiredMs)).toEqual([
      audit.atMs,
      undefined,
    ]);
    const rows = await store.listAudit();
    expect(JSON.parse(rows.at(-1)?.detail ?? '')).toEqual({ ...audit.detail, generation });
  });

  test('adopted lists are generation 0, and the first publication replaces them', async () => {
    const { store } = bench();
    await store.createCluster(cluster, node, [], audit, [list('itl', 'theirs')]);
    expect(await store.currentLists()).toEqual([{ ...list('itl', 'theirs'), generation: 0 }]);
    const next = await store.publish(
      [list('itl', 'ours')],
      (_staged, current) => expect(current.map(({ generation }) => generation)).toEqual([0]),
      audit,
    );
    expect(next).toBe(1);
    expect(await store.listGeneration(0)).toEqual([{ ...list('itl', 'theirs'), generation: 0 }]);
  });
}

/** Another key under the names and the serial of a certificate: the DER with its modulus changed. */
async function certificateWithSerialOf(original: Uint8Array): Promise<Uint8Array> {
  const modulus = crypto.readCertificate(original)?.publicKey;
  if (modulus?.kind !== 'rsa') throw new Error('not an RSA certificate');
  const { certificate } = await createIssuer({ keys: createSoftwareKeys('x') }).issue({
    purpose: 'callmanager',
    clusterId: 'alpha',
    nodeName: 'twin.example',
    notBeforeMs: 1_790_000_000_000,
  });
  const bytes = Buffer.from(original);
  const at = bytes.indexOf(modulus.spki);
  return Uint8Array.from(
    Buffer.concat([
      bytes.subarray(0, at),
      certificate.publicKey.spki,
      bytes.subarray(at + modulus.spki.length),
    ]),
  );
}

function auditCases(bench: () => Bench): void {
  test('each row follows the one before it, whoever wrote it', async () => {
    const { store } = bench();
    const other = await bench().another();
    await store.createCluster(cluster, node, [], audit);
    await other.publish([list('itl', 'x')], accept, { ...audit, who: 'another' });
    await store.addCertificate(stored('capf'), audit);
    const rows = await store.listAudit();
    expect(rows.map(({ seq, who }) => [seq, who])).toEqual([
      [1, 'tester'],
      [2, 'another'],
      [3, 'tester'],
    ]);
    expect(auditChainFault(crypto, rows)).toBeUndefined();
    expect(await other.listAudit()).toEqual(rows);
    await other.close();
  });
}
