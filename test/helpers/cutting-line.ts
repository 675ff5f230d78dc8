/** A line to a server that is cut after a number of bytes of the client, as a radio link or a firewall does. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface CuttingLine {
  readonly port: number;
  /** Bytes that clients sent so far. */
  sent(): number;
  /** From now on: after `bytes`, `cut` runs and both ends are gone; Infinity for a whole line. */
  cutAfter(bytes: number, cut?: () => void): void;
  close(): Promise<void>;
}

export async function cuttingLine(serverPort: number): Promise<CuttingLine> {
  let sent = 0;
  let left = Infinity;
  let onCut: () => void = () => undefined;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const far = connect(serverPort, '127.0.0.1');
    for (const socket of [client, far]) {
      open.add(socket);
      // The other end may reset what was cut.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
    }
    far.on('data', (chunk) => client.write(chunk));
    far.on('close', () => client.destroy());
    client.on('close', () => far.destroy());
    client.on('data', (chunk) => {
      sent += chunk.length;
      const passed = chunk.subarray(0, Math.min(chunk.length, left));
      left -= passed.length;
      far.write(passed);
      if (left > 0) return;
      onCut();
      for (const socket of open) socket.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    sent: () => sent,
    cutAfter(bytes, cut = () => undefined) {
      sent = 0;
      left = bytes;
      onCut = cut;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
