/**
 * What a single port hands over to a port of its own while a key is renewed (RFC 1350 §4, design.md §5), on every engine:
 * who receives it proves it, and nobody else notices. Who does not receive it: test/integration/own-ports.test.ts.
 */
import { describe, expect, test } from 'vitest';
import type { EndpointLimits } from '../../src/core/tftp/endpoint-limits.ts';
import { Probe, ack, error, rrq } from '../helpers/raw-tftp.ts';
import { engines } from './engines.ts';
import { content, serve } from './served.ts';

const proofPorts = { low: 49_152, high: 65_535 };
const list = 'ITLFile.tlv';
const files = {
  [list]: content(600),
  'CTLFile.tlv': content(600),
  'SEP001122334455.cnf.xml.sgn': content(600),
  'Ringlist.xml.sgn': content(600),
};

describe.each(engines)('RFC 1350 §4, while a key is renewed, on $engine', ({ engine }) => {
  async function renewing(address = '127.0.0.1', limits: Partial<EndpointLimits> = {}) {
    const served = await serve(engine, files, { proofPorts, limits, listen: [{ address, port: 0 }] });
    served.server.renewing(true);
    return { ...served, at: { address: '127.0.0.1', port: served.at.port } };
  }

  test.each(['127.0.0.1', '0.0.0.0'])(
    'a list asked for at %s comes from a TID of its own, and its last ACK says so',
    async (listen) => {
      const { at, server, events } = await renewing(listen);
      const client = await Probe.to(at);
      client.send(rrq(list));
      const first = await client.next();
      expect(first.address).toBe(at.address);
      expect(first.port).toBeGreaterThanOrEqual(proofPorts.low);
      client.send(rrq(list)); // a repeat opens nothing …
      expect((await client.next()).port).toBe(first.port);
      await expect.poll(() => server.stats().transfers).toBe(1);
      client.send(ack(1), ack(2), error(0, 'forged')); // … and at the port that everybody knows is nothing of it
      expect(await client.settled()).toEqual([]);
      expect(events.filter((event) => 'name' in event && event.name === list)).toEqual([]);
      const stranger = await Probe.to(first);
      expect(await stranger.ask(ack(1))).toBe('ERROR 5 Unknown transfer ID');
      client.follow(first);
      client.send(ack(1));
      expect(await client.nextShown()).toBe('DATA 2 88');
      client.send(ack(2));
      const told = { type: 'file-served', name: list, ownPort: true };
      await expect.poll(() => events).toContainEqual(expect.objectContaining(told));
      expect(server.stats()).toMatchObject({ served: 1, bytesServed: 600 });
      await expect.poll(() => server.stats().transfers).toBe(0);
    },
  );

  test('other files, names without a file, and everything before and after leave from the single port', async () => {
    const { at, server, events } = await renewing();
    const client = await Probe.to(at);
    const portOf = async (name: string): Promise<number> => {
      client.send(rrq(name));
      const { port } = await client.next();
      client.send(error(0, 'enough'));
      return port;
    };
    expect(await portOf('Ringlist.xml.sgn')).toBe(at.port);
    expect(await portOf('CTLSEP001122334455.tlv')).toBe(at.port);
    expect(await portOf('SEP001122334455.cnf.xml.sgn')).not.toBe(at.port);
    server.renewing(false);
    // The engine's own thread hears of it a moment later.
    await expect.poll(() => portOf(list)).toBe(at.port);
    client.send(rrq(list));
    await client.next();
    client.send(ack(1));
    await client.next();
    client.send(ack(2));
    await expect.poll(() => events.find(({ type }) => type === 'file-served')).toMatchObject({ name: list });
    expect(events.find(({ type }) => type === 'file-served')).not.toHaveProperty('ownPort');
  });

  test('a flood opens no more ports than there may be, and all of them are given back', async () => {
    const transfersMax = 10;
    const { at, server } = await renewing('127.0.0.1', { transfersMax });
    const clients = await Promise.all(
      Array.from({ length: 3 * transfersMax }, (_, i) => Probe.to(at, `127.0.1.${1 + i}`)),
    );
    const sockets = () => process.getActiveResourcesInfo().filter((type) => type === 'UDPWrap').length;
    const before = sockets();
    for (const client of clients) client.send(rrq(list));
    await Promise.all(clients.slice(-transfersMax).map((client) => client.next()));
    await expect.poll(() => sockets() - before).toBeLessThanOrEqual(transfersMax);
    expect(sockets()).toBeGreaterThan(before);
    await server.close(0);
    await expect.poll(sockets).toBeLessThanOrEqual(before);
  });
});
