/** security.md §4, "remote lying": none of the lies reaches a phone in `enforce`; all of the truths do. */
import { describe, expect, test } from 'vitest';
import { serverKey } from '../../src/core/cluster/remote-store.ts';
import type { RemoteAnswer } from '../../src/core/cluster/remote.ts';
import { a, b, ctlOf, itlOf, stranger } from '../helpers/clusters.ts';
import {
  foreignRemote,
  httpNotFound,
  httpOk,
  tftpData,
  tftpFiles,
  type ForeignRemote,
  type HttpLines,
  type TftpAct,
} from '../helpers/foreign-remote.ts';
import { asker, relayWorld, remoteCluster, type RelayWorld } from '../helpers/relay-world.ts';
import { day, now, signBytes, type SignOptions } from '../helpers/trust-builder.ts';

const device = 'SEP001122334455';
const config = `${device}.cnf.xml.sgn`;
const xml = Buffer.from('<device><deviceName>x</deviceName></device>\n'.repeat(20));

function signed(as: string, more: Partial<SignOptions> = {}): Buffer {
  return signBytes({ by: a.callmanager, as, content: xml, ...more });
}

/** Pinned, in front of a server that says this. */
async function pinned(
  transports: { http?: HttpLines; tftp?: TftpAct },
  more: Parameters<typeof remoteCluster>[2] = {},
): Promise<RelayWorld & { remote: ForeignRemote }> {
  const remote = await foreignRemote('127.0.8.1', transports);
  const trust = { itl: itlOf(a), ctl: ctlOf(a) };
  const world = relayWorld({
    remotes: [remoteCluster('a', [remote.server], more)],
    phones: () => [{ server: serverKey(remote.server.tftp), trust }],
  });
  return { ...world, remote };
}

/** The same bytes over HTTP, and over TFTP where there is no HTTP. */
const ways = (files: (name: string) => Uint8Array | undefined) => {
  const http: HttpLines = (name) => {
    const bytes = files(name);
    return bytes === undefined ? httpNotFound : httpOk(bytes);
  };
  return [
    ['http', { http }],
    ['tftp', { tftp: tftpFiles(files) }],
  ] as const;
};

function bytesOf(answer: RemoteAnswer): Buffer | undefined {
  return answer.kind === 'have' && answer.content.kind === 'memory'
    ? Buffer.from(answer.content.bytes)
    : undefined;
}

const lies: readonly (readonly [string, string, Uint8Array, string])[] = [
  ['another file', config, signed('Ringlist.xml.sgn'), 'file-name-other'],
  ["another device's file", config, signed('SEP00112233AAAA.cnf.xml.sgn'), 'file-name-device'],
  ['an encrypted name for a plain one', config, signed(`${device}.cnf.xml.enc.sgn`), 'file-name-encryption'],
  ['an unsigned file under .sgn', config, xml, 'unsigned-under-signed-name'],
  ["another cluster's signature", config, signed(config, { by: b.callmanager }), 'tvs-unreachable'],
  ["a stranger's signature", config, signed(config, { by: stranger }), 'tvs-unreachable'],
  ['a signer that only signs lists', config, signed(config, { by: a.sast }), 'tvs-unreachable'],
  ['a changed byte', config, changed(signed(config)), 'signature-content'],
  ['a file cut behind its header', config, signed(config).subarray(0, -20), 'signature-content'],
  ['bytes behind the file', config, Buffer.concat([signed(config), Buffer.from('x')]), 'signature-content'],
  ["another cluster's ITL", 'ITLFile.tlv', itlOf(b), 'signer-not-in-ctl'],
  ["another cluster's CTL", 'CTLFile.tlv', ctlOf(b), 'tvs-unreachable'],
  ['an ITL for a CTL', 'CTLFile.tlv', itlOf(a), 'file-name-list-kind'],
  ['an older ITL', 'ITLFile.tlv', itlOf(a, now - 2 * day), 'timestamp-older'],
  ['an older CTL', 'CTLFile.tlv', ctlOf(a, now - 2 * day), 'timestamp-older'],
  ["the cluster's ITL changed", 'ITLFile.tlv', changed(itlOf(a, now)), 'signature-content'],
  ['no list at all', `ITL${device}.tlv`, Buffer.from('<html>'), 'not-signed'],
];

function changed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

describe('a pinned remote that lies in content', () => {
  describe.each(lies)('%s', (_, name, bytes, code) => {
    test.each(ways(() => bytes))('over %s: blocked, told, not kept', async (way, transports) => {
      const { relay, events, remote, quarantine } = await pinned(transports);
      const answer = await relay.fetch('a', name, asker());
      expect(answer).toMatchObject({ kind: 'blocked' });
      const refused = events.find(({ type }) => type === 'relay-refused');
      expect(refused).toMatchObject({ cluster: 'a', name, code, blocked: true });
      expect(remote.asked.length).toBeGreaterThan(0);
      await relay.fetch('a', name, asker());
      expect(remote.asked.filter((asked) => asked.startsWith(way)).length).toBe(2);
      expect(quarantine.bytes).toBe(0);
    });
  });

  test('an older timestamp than what was passed on before', async () => {
    let file = signed(config, { timestamp: now - 100 });
    const { relay } = await pinned({ http: () => httpOk(file) });
    expect(bytesOf(await relay.fetch('a', config, asker()))).toEqual(file);
    file = signed(config, { timestamp: now - 50 });
    await expect.poll(async () => bytesOf(await relay.fetch('a', config, asker()))).toEqual(file);
    file = signed(config, { timestamp: now - 100 });
    await expect.poll(async () => (await relay.fetch('a', config, asker())).kind).toBe('blocked');
  });

  test('not pinned, or told to observe: passed on, and what a phone would refuse is told', async () => {
    const lie = signed(config, { by: b.callmanager });
    const observed = await pinned({ http: () => httpOk(lie) }, { verify: 'observe' });
    expect(bytesOf(await observed.relay.fetch('a', config, asker()))).toEqual(lie);
    expect(observed.events).toContainEqual(
      expect.objectContaining({ type: 'relay-refused', blocked: false }),
    );
    const open = await pinned({ http: () => httpOk(lie) }, { pin: undefined, verify: 'enforce' });
    expect(bytesOf(await open.relay.fetch('a', config, asker()))).toEqual(lie);
  });
});

describe('a pinned remote that lies in protocol', () => {
  const good = signed(config);
  const first = (packet: Buffer): boolean => packet[1] === 1;
  const block = (packet: Buffer): number => (first(packet) ? 1 : packet.readUInt16BE(2) + 1);
  const oack = (...fields: string[]): Buffer =>
    Buffer.concat([Buffer.of(0, 6), Buffer.from(fields.map((field) => `${field}\0`).join(''))]);
  const cut = (n: number): Buffer => good.subarray((n - 1) * 512, n * 512);

  const acts: readonly (readonly [string, { http?: HttpLines; tftp?: TftpAct }])[] = [
    ['a body cut short', { http: () => httpOk(good).subarray(0, -30) }],
    ['a body that never ends', { http: () => `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(200_000)}` }],
    ['a redirect', { http: () => 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n' }],
    ['a huge announcement', { http: () => 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx' }],
    ['a header that never ends', { http: () => `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}` }],
    [
      'longer than its tsize',
      { tftp: (p, answer) => answer(first(p) ? oack('tsize', '100') : tftpData(block(p), cut(1))) },
    ],
    [
      'shorter than its tsize',
      { tftp: (p, answer) => answer(first(p) ? oack('tsize', '9999') : tftpData(1, cut(9))) },
    ],
    ['endless', { tftp: (p, answer) => answer(tftpData(block(p), Buffer.alloc(512))) }],
    [
      'options that were not asked',
      { tftp: (p, answer) => answer(first(p) ? oack('timeout', '3') : cut(1)) },
    ],
    [
      'a 60 kB error text',
      { tftp: (_, answer) => answer(Buffer.concat([Buffer.of(0, 5, 0, 0), Buffer.alloc(60_000, '\x1b')])) },
    ],
    ['silence after block 1', { tftp: (p, answer) => (first(p) ? answer(tftpData(1, cut(1))) : undefined) }],
    [
      'noise',
      { tftp: (_, answer) => answer(Buffer.from('SSH-2.0'), Buffer.alloc(2), Buffer.alloc(1400, 7)) },
    ],
  ];

  test.each(acts)('%s: no file', async (_, transports) => {
    const { relay, quarantine } = await pinned(transports);
    const begun = performance.now();
    // A list: its bound is small enough for "never ends" to be tried.
    const name = _.includes('end') ? 'ITLFile.tlv' : config;
    const answer = await relay.fetch('a', name, asker());
    expect(['unreachable', 'busy']).toContain(answer.kind);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(quarantine.bytes).toBeLessThanOrEqual(65_536);
  });

  test('packets of another port are not the file', async () => {
    const mallory = await foreignRemote('127.0.8.1', {});
    const { createSocket } = await import('node:dgram');
    const other = createSocket('udp4');
    const { relay } = await pinned({
      tftp: (p, answer, from) => {
        if (!first(p)) return;
        answer(tftpData(1, cut(1)));
        other.send(tftpData(2, Buffer.from('not of the file')), from.port, from.address);
      },
    });
    const answer = await relay.fetch('a', config, asker());
    other.close();
    expect(answer.kind).toBe('busy');
    expect(mallory.asked).toEqual([]);
  });
});

describe('a pinned remote that tells the truth', () => {
  const files = new Map<string, Buffer>([
    [config, signed(config)],
    ['Ringlist.xml.sgn', signed('Ringlist.xml.sgn', { hash: 'sha1' })],
    ['ITLFile.tlv', itlOf(a, now)],
    ['CTLFile.tlv', ctlOf(a, now)],
    [`ITL${device}.tlv`, itlOf(a)],
    ['SIPDefault.cnf', xml],
    ['sip88xx.12-8-1.loads', xml],
  ]);

  test.each(ways((name) => files.get(name)))('%s: everything passes', async (_, transports) => {
    const { relay, events } = await pinned(transports);
    for (const [name, bytes] of files) expect(bytesOf(await relay.fetch('a', name, asker()))).toEqual(bytes);
    expect((await relay.fetch('a', 'nothing.xml', asker())).kind).toBe('not-found');
    expect(events.filter(({ type }) => type === 'relay-refused')).toEqual([]);
  });

  test('a signer that the TVS vouches for passes', async () => {
    const file = signed(config, { by: b.callmanager });
    const remote = await foreignRemote('127.0.8.1', { http: () => httpOk(file) });
    const { relay } = relayWorld({
      remotes: [remoteCluster('a', [remote.server])],
      phones: () => [{ server: serverKey(remote.server.tftp), trust: { itl: itlOf(a) } }],
      tvs: { kind: 'vouched', server: a.tvs.der, certificate: b.callmanager.der, roles: ['TFTP'] },
    });
    expect(bytesOf(await relay.fetch('a', config, asker()))).toEqual(file);
  });

  test('a signer that is new: the lists are looked at anew, and then it passes', async () => {
    const file = signed(config, { by: b.callmanager });
    const remote = await foreignRemote('127.0.8.1', { http: () => httpOk(file) });
    let lists = itlOf(a);
    const { relay, refreshes } = relayWorld({
      remotes: [remoteCluster('a', [remote.server])],
      phones: () => [{ server: serverKey(remote.server.tftp), trust: { itl: lists } }],
      onRefresh: () => (lists = itlOf(b)),
    });
    expect(bytesOf(await relay.fetch('a', config, asker()))).toEqual(file);
    expect(refreshes).toEqual(['a']);
  });

  test('a large signed file is verified from disk, byte by byte', async () => {
    const content = Buffer.alloc(3_000_000, 'locale ');
    let file = signed('English_United_States/ml-sip.jar.sgn', { content });
    const { relay, remote } = await pinned({ http: () => httpOk(file) });
    const name = 'English_United_States/ml-sip.jar.sgn';
    await expect.poll(async () => (await relay.fetch('a', name, asker())).kind).toBe('have');
    const answer = await relay.fetch('a', name, asker());
    expect(answer.kind === 'have' && answer.content).toMatchObject({
      kind: 'file',
      identity: { size: file.length },
    });
    file = changed(file);
    relay.setRemotes([]);
    relay.setRemotes([remoteCluster('a', [remote.server])]);
    await expect
      .poll(async () => (await relay.fetch('a', name, asker())).kind, { timeout: 10_000 })
      .toBe('blocked');
  });
});
