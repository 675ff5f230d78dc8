/**
 * UDP sockets as the TFTP engines and clients want them: bound exclusively, IPv4 and IPv6 apart,
 * sending to addresses only (a name is never looked up), receive buffer as large as the kernel allows.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Event } from '../base/events.ts';
import { receiveBufferBytes } from '../base/limits.ts';
import { listenFailure } from '../base/listen-failure.ts';

/** Failure `address-in-use`, `address-unavailable` or `permission-denied`; `service` names it to a person. */
export async function bindUdp(address: string, port: number, service: string, fd?: number): Promise<Socket> {
  const v6 = isIPv6(address.split('%', 1)[0] ?? '');
  const socket = createSocket({
    type: v6 ? 'udp6' : 'udp4',
    ipv6Only: v6,
    // Destinations are addresses of received datagrams; Node would defer each send for a look-up of them.
    lookup: (hostname, _options, callback) => {
      callback(null, hostname, v6 ? 6 : 4);
    },
  });
  try {
    const listening = once(socket, 'listening'); // rejects on 'error'
    // A handed socket is bound already.
    socket.bind(fd === undefined ? { address, port, exclusive: true } : { fd, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw listenFailure(error, service, v6 ? `[${address}]:${port}` : `${address}:${port}`);
  }
  return socket;
}

/** Asks for receiveBufferBytes; a warning when the kernel gives less. */
export function widenReceiveBuffer(socket: Socket): Event | undefined {
  // A socket that was handed over may have more than this process could ask for.
  if (receiveBufferOf(socket) < receiveBufferBytes) socket.setRecvBufferSize(receiveBufferBytes);
  const got = receiveBufferOf(socket);
  return got >= receiveBufferBytes ? undefined : receiveBufferWarning(got);
}

/** As it was asked for: Linux grants the double, for its own records (socket(7)). */
export function receiveBufferOf(socket: Socket): number {
  const granted = socket.getRecvBufferSize();
  return process.platform === 'linux' ? granted / 2 : granted;
}

/** `got` bytes is what the kernel gave. */
export function receiveBufferWarning(got: number): Event {
  return {
    type: 'warning',
    topic: 'receive-buffer',
    message:
      `the kernel gives ${got} of ${receiveBufferBytes} bytes of receive buffer; many phones at once will ` +
      `have to ask again (sysctl net.core.rmem_max=${receiveBufferBytes})`,
  };
}
