import { expect, it } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import type { Device } from '../../../src/core/cluster/model.ts';
import { parseFileName } from '../../../src/core/files/file-name.ts';
import { createChain } from '../../../src/files/chain.ts';
import { createDeviceConfigLink } from '../../../src/files/device-config.ts';
import type { Link } from '../../../src/files/link.ts';
import { isMarker, markerContent, markerName } from '../../../src/core/trust/marker.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { contextOf, deviceOf, salt } from '../core/render/golden-pair.ts';

const stored: Link = {
  name: 'local',
  async answer({ name }, below) {
    if (name.asked !== 'SEP0000000000FF.cnf.xml' && name.asked !== 'Ringlist.xml')
      return below({ name } as never);
    const content = { kind: 'memory', bytes: Uint8Array.of(1) } as const;
    return { kind: 'served', content, by: 'local', freshForMs: 1, modifiedMs: 1 };
  },
};

const crypto = createVerifier();

function ask(
  name: string,
  devices: readonly Device[],
  autoRegistration = false,
  events: Event[] = [],
  signer = 'aa',
) {
  const { provisioning } = contextOf({ provisioning: { autoRegistration, buildCnf: 'all' } });
  const link = createDeviceConfigLink({
    devices: {
      findBuildSource: async (wanted) => {
        const device = devices.find((known) => known.name === wanted);
        return device && { device, document: undefined, salt, changedMs: 7 };
      },
    },
    provisioning: { provisioning, salt, changedMs: 5 },
    nodes: ['tftp.example'],
    crypto,
    markers: {
      of: (device) => markerName(crypto, 'office', device, signer),
      is: (base) => isMarker(crypto, 'office', base),
    },
    onEvent: (event) => events.push(event),
  });
  const chain = createChain({
    links: { 'device-config': link, local: stored },
    onEvent: (event) => events.push(event),
  });
  return chain.resolve({ name, transport: 'tftp', address: '127.0.0.1', port: 1 });
}

it('builds what the database knows and the directory does not have', async () => {
  const resolution = await ask('SEP001122334455.cnf.xml', [deviceOf()]);
  expect(resolution).toMatchObject({ kind: 'served', by: 'device-config' });
  expect(resolution.trace.at(-1)?.verdict).toMatch(/^built, version [0-9a-f-]{36}$/);
  expect(await ask('sep001122334455.cnf.xml', [deviceOf()])).toMatchObject({ kind: 'served' });
  expect(await ask('SIP001122334455.cnf', [deviceOf()])).toMatchObject({ by: 'device-config' });
});

it('a file of the directory wins, and the trace says so', async () => {
  const resolution = await ask('SEP0000000000FF.cnf.xml', [deviceOf({ name: 'SEP0000000000FF' })]);
  expect(resolution).toMatchObject({ kind: 'served', by: 'local' });
  expect(resolution.trace.at(-1)).toMatchObject({
    link: 'device-config',
    verdict: 'a file of the provisioning directory wins over the built one',
  });
  expect(await ask('Ringlist.xml', [])).toMatchObject({ by: 'local' });
});

it.each(['SEP0000000000AA.cnf.xml', 'SEP001122334455.cnf.xml.sgn', 'XMLDefault.cnf.xml', 'ringlist.xml'])(
  '%s is not found',
  async (name) => {
    expect(await ask(name, [deviceOf()])).toMatchObject({ kind: 'not-found' });
  },
);

it('unknown phones get the default file where auto-registration is on', async () => {
  expect(await ask('XMLDefault.cnf.xml', [], true)).toMatchObject({ by: 'device-config' });
  expect(await ask('SIPDefault.cnf', [], true)).toMatchObject({ by: 'device-config' });
});

it('a configuration that cannot be built is a retry and an event, never the default file', async () => {
  const events: Event[] = [];
  const resolution = await ask('SEP001122334455.cnf.xml', [deviceOf({ pool: 'Berlin' })], true, events);
  expect(resolution).toMatchObject({ kind: 'retry' });
  expect(events).toMatchObject([{ type: 'link-failed', link: 'device-config' }]);
});

it('the marker of a configuration is a policy of no feature that never changes, unless a file has its name', async () => {
  const marker = markerName(crypto, 'office', 'SEP001122334455', 'aa');
  const bytes = markerContent;
  expect(await ask(marker, [])).toMatchObject({ kind: 'served', content: { kind: 'memory', bytes } });
  expect(await ask(markerName(crypto, 'plant', 'SEP001122334455', 'aa'), [])).toMatchObject({
    kind: 'not-found',
  });
});

it('configurations of two nodes differ in their marker, and count as one for their timestamp', async () => {
  const built = await Promise.all(
    ['aa', 'bb'].map(async (signer) => {
      const link = createDeviceConfigLink({
        devices: {
          findBuildSource: async () => ({ device: deviceOf(), document: undefined, salt, changedMs: 7 }),
        },
        provisioning: { provisioning: contextOf({}).provisioning, salt, changedMs: 5 },
        nodes: ['tftp.example'],
        crypto,
        markers: { of: (device) => markerName(crypto, 'office', device, signer), is: () => false },
        onEvent: () => undefined,
      });
      const name = parseFileName('SEP001122334455.cnf.xml');
      if (!name.ok) throw new Error('a name');
      const request = { name: name.value.asked, transport: 'tftp', address: '127.0.0.1', port: 1 } as const;
      const answer = await link.answer({ request, name: name.value, exact: false, trace: [] }, async () => ({
        kind: 'not-found',
      }));
      if (answer.kind !== 'served' || answer.content.kind !== 'memory') throw new Error('it is built');
      return { text: new TextDecoder().decode(answer.content.bytes), shared: answer.sharedSha256 };
    }),
  );
  const [first, second] = built;
  expect(first?.text).toContain(markerName(crypto, 'office', 'SEP001122334455', 'aa'));
  expect(second?.text).not.toBe(first?.text);
  expect(second?.shared).toMatch(/^[0-9a-f]{64}$/);
  expect(second?.shared).toBe(first?.shared);
});
