import { describe, expect, it } from 'vitest';
import { configGoneMs, homeRememberedMs, nowhereRememberedMs } from '../../../src/base/limits.ts';
import { encodeUtf8 } from '../../../src/base/text.ts';
import type { Device } from '../../../src/core/cluster/model.ts';
import { OriginMemory } from '../../../src/core/cluster/origin-memory.ts';
import type { FileRequest, Resolution } from '../../../src/core/files/resolution.ts';
import { createChain } from '../../../src/files/chain.ts';
import type { Link } from '../../../src/files/link.ts';
import { createOriginLink } from '../../../src/files/origin.ts';
import { FakeRemotes, remoteCluster } from '../../helpers/fake-remotes.ts';

const phoneA = 'SEP00000000000A';
const phoneB = 'SEP00000000000B';
const mine = 'SEP000000000001';

function setUp(ours: Readonly<Record<string, string>> = {}) {
  const files = new FakeRemotes(['a', 'b']);
  const memory = new OriginMemory();
  const clock = { ms: 1_000_000 };
  const devices = new Set([mine]);
  const here: Link = {
    name: 'local',
    answer: async ({ name }) => {
      await Promise.resolve();
      const text = ours[name.asked];
      if (text === undefined) return { kind: 'not-found' };
      const content = { kind: 'memory', bytes: encodeUtf8(text) } as const;
      return { kind: 'served', content, by: 'local', freshForMs: 1_000, modifiedMs: 0 };
    },
  };
  const origin = createOriginLink({
    remotes: [remoteCluster('a'), remoteCluster('b')],
    files,
    memory,
    store: {
      findHome: () => Promise.resolve(undefined),
      findDevice: (name) => Promise.resolve(devices.has(name) ? ({ name } as Device) : undefined),
    },
    evidence: [],
    signer: 's',
    beliefsAccept: () => 'unknown',
    autoRegistration: false,
    peers: new Set(['192.0.2.97']),
    clock: { nowMs: () => clock.ms },
  });
  const chain = createChain({ links: { origin, local: here }, onEvent: () => undefined });
  const put = (cluster: string, ...names: string[]): void => {
    for (const name of names) files.of(cluster).files.set(name, encodeUtf8(`${cluster} ${name}`));
  };
  const get = (name: string, request: Partial<FileRequest> = {}): Promise<Resolution> =>
    chain.resolve({ name, transport: 'http', address: '10.0.0.1', port: 1, ...request });
  const text = async (name: string, request: Partial<FileRequest> = {}): Promise<string> => {
    const resolution = await get(name, request);
    if (resolution.kind !== 'served') return resolution.kind;
    return resolution.content.kind === 'memory' ? new TextDecoder().decode(resolution.content.bytes) : 'file';
  };
  put('a', `${phoneA}.cnf.xml.sgn`, 'ITLFile.tlv', 'Ringlist.xml.sgn');
  put('b', `${phoneB}.cnf.xml.sgn`, 'ITLFile.tlv', 'CTLFile.tlv', 'Ringlist.xml.sgn');
  return { files, memory, clock, devices, put, get, text };
}

describe('the origin link', () => {
  it('gives a device what its home has, and its address what the devices there are given', async () => {
    const { text, get } = setUp({ 'ITLFile.tlv': 'ours', 'Ringlist.xml.sgn': 'ours' });
    expect(await text(`${phoneA}.cnf.xml.sgn`)).toBe(`a ${phoneA}.cnf.xml.sgn`);
    expect(await text('ITLFile.tlv')).toBe('a ITLFile.tlv');
    expect(await text('CTLFile.tlv')).toBe('not-found');
    expect(await text('Ringlist.xml.sgn')).toBe('a Ringlist.xml.sgn');
    expect(await get('Ringlist.xml.sgn')).toMatchObject({ requesterOnly: true, freshForMs: 0 });
    expect(await text('Ringlist.xml.sgn', { address: '10.0.0.2' })).toBe('retry');
  });

  it('writes home, row and source into the trace', async () => {
    const { get } = setUp();
    const { trace } = await get(`${phoneB}.cnf.xml.sgn`);
    expect(trace.map(({ link, verdict }) => `${link}: ${verdict}`)).toEqual([
      'guard: config, signed',
      'home: asked a (not-found), b (have): nobody is known to have it',
      `home: ${phoneB} is remote(b): b has it`,
      'origin: row 2, serve there from b: the home is b',
      'remote b: 192.0.2.98:69 has it, not judged',
    ]);
  });

  it("answers a device's own list with its home's, so that phones behind NAT get the right one", async () => {
    const { text } = setUp();
    for (const device of [phoneA, phoneB]) await text(`${device}.cnf.xml.sgn`);
    expect(await text(`ITL${phoneA}.tlv`)).toBe('a ITLFile.tlv');
    expect(await text(`ITL${phoneB}.tlv`)).toBe('b ITLFile.tlv');
    expect(await text(`CTL${phoneA}.tlv`)).toBe('not-found');
    expect(await text('ITLFile.tlv')).toBe('retry');
    expect(await text('Ringlist.xml.sgn')).toBe('retry');
  });

  it('asks once while it remembers, and shares what is ours with everybody', async () => {
    const { text, get, files } = setUp({ [`${mine}.cnf.xml.sgn`]: 'ours' });
    await text(`${phoneA}.cnf.xml.sgn`);
    await text(`CTL${phoneA}.tlv`);
    expect(files.asked.filter((line) => line.startsWith('search'))).toEqual([`search ${phoneA} a,b`]);
    files.asked.length = 0;
    expect(await get(`${mine}.cnf.xml.sgn`)).toMatchObject({ kind: 'served', freshForMs: 1_000 });
    expect(files.asked).toEqual([]);
  });

  it('follows a device that moved, at once and without a not-found', async () => {
    const { text, files, put } = setUp();
    const name = `${phoneA}.cnf.xml.sgn`;
    expect(await text(name)).toBe(`a ${name}`);
    put('b', name);
    expect(await text(name)).toBe(`a ${name}`);
    files.of('a').silent = true;
    expect(await text(name)).toBe('retry');
    files.of('a').silent = false;
    files.of('a').files.delete(name);
    expect(await text(name)).toBe(`b ${name}`);
  });

  it('believes no home that is deleting a device before it has said so for a while', async () => {
    const { text, files, put, clock } = setUp();
    const name = `${phoneA}.cnf.xml.sgn`;
    put('a', `${phoneA}.cnf.xml`);
    expect(await text(name)).toBe(`a ${name}`);
    files.of('a').files.delete(name);
    expect(await text(name)).toBe('retry');
    clock.ms += configGoneMs - 1;
    expect(await text(name)).toBe('retry');
    clock.ms += 1;
    expect(await text(name)).toBe('not-found');
    // A name that it never gave is missing at once.
    expect(await text(`${phoneB}.cnf.xml`)).toBe('not-found');
  });

  it('lets no answer that was under way take a moved device back to its old home', async () => {
    const { text, files, put } = setUp();
    const name = `${phoneA}.cnf.xml.sgn`;
    expect(await text(name)).toBe(`a ${name}`);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    files.of('a').pause = () => held;
    const late = text(name);
    await new Promise(setImmediate);
    delete files.of('a').pause;
    put('b', name);
    files.of('a').files.delete(name);
    expect(await text(name)).toBe(`b ${name}`);
    release();
    expect(await late).toBe(`a ${name}`);
    files.of('a').silent = true;
    expect(await text(name)).toBe(`b ${name}`);
  });

  it('waits for a dead home as long as it is remembered, then takes another that has the device', async () => {
    const { text, files, put, clock } = setUp();
    const name = `${phoneA}.cnf.xml.sgn`;
    await text(name);
    put('b', name);
    files.of('a').silent = true;
    clock.ms += homeRememberedMs - 1;
    expect(await text(name)).toBe('retry');
    clock.ms += 1;
    expect(await text(name)).toBe(`b ${name}`);
  });

  it('a device that nobody has is looked for again soon', async () => {
    const { text, put, clock, files } = setUp();
    const name = 'SEP0000000000FF.cnf.xml.sgn';
    expect(await text(name)).toBe('not-found');
    put('b', name);
    expect(await text(name)).toBe('not-found');
    clock.ms += nowhereRememberedMs;
    expect(await text(name)).toBe(`b ${name}`);
    files.of('a').silent = true;
    expect(await text('SEP0000000000FE.cnf.xml.sgn')).toBe('retry');
  });

  it('a peer and a marked request get ours, ask nobody and leave no memory', async () => {
    const { text, files, memory, clock } = setUp({ 'ITLFile.tlv': 'ours' });
    for (const request of [{ address: '192.0.2.97' }, { hop: '0123456789abcdef' }]) {
      expect(await text(`${phoneA}.cnf.xml.sgn`, request)).toBe('not-found');
      expect(await text('ITLFile.tlv', request)).toBe('ours');
    }
    expect(files.asked).toEqual([]);
    expect(memory.homes.get(phoneA)).toBeUndefined();
    expect(memory.sources.candidates('10.0.0.1', clock.ms).devices).toEqual([]);
  });

  it('a request by TFTP that was answered says who may be there, not who is', async () => {
    const { text } = setUp();
    const tftp = { transport: 'tftp' } as const;
    expect(await text(`${phoneA}.cnf.xml.sgn`, tftp)).toBe(`a ${phoneA}.cnf.xml.sgn`);
    expect(await text('ITLFile.tlv', tftp)).toBe('retry');
    // A forged request of a phone of b: nothing was completed, nothing is answered otherwise.
    expect(await text(`${phoneB}.cnf.xml.sgn`, tftp)).toBe(`b ${phoneB}.cnf.xml.sgn`);
    expect(await text('ITLFile.tlv', tftp)).toBe('retry');
  });

  it('a uuid is found in one of the homes and remembered by its name', async () => {
    const { text, put, files } = setUp();
    const name = 'SK12345678-1234-1234-1234-123456789abc.xml';
    put('b', name);
    for (const device of [phoneA, phoneB]) await text(`${device}.cnf.xml.sgn`);
    expect(await text(name)).toBe(`b ${name}`);
    files.asked.length = 0;
    expect(await text(name)).toBe(`b ${name}`);
    expect(files.asked).toEqual([`b ${name}`]);
  });

  it('a name that was rejected goes nowhere', async () => {
    const { get, files } = setUp();
    expect((await get('../etc/passwd')).kind).toBe('not-found');
    expect(files.asked).toEqual([]);
  });
});
