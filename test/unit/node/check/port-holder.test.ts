import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findPortHolder } from '../../../../src/node/check/port-holder.ts';

test.runIf(process.platform === 'linux')('the holder of a port is named, whatever the family', async () => {
  const udp = createSocket('udp6').bind(0, '::1');
  onTestFinished(() => void udp.close());
  await once(udp, 'listening');
  const tcp = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void tcp.close());
  await once(tcp, 'listening');
  expect(findPortHolder('udp', udp.address().port)?.pid).toBe(process.pid);
  const { port } = tcp.address() as AddressInfo;
  expect(findPortHolder('tcp', port)?.pid).toBe(process.pid);
  expect(findPortHolder('udp', 0)).toBeUndefined();
});
