/**
 * Can the configured addresses be listened on? Where no server runs, each is bound for a moment; where ours runs, it is
 * asked. A port that somebody else has is told with the name of the program.
 */
import { once } from 'node:events';
import { connect, createServer, isIPv6 } from 'node:net';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import { receiveBufferBytes } from '../../base/limits.ts';
import { listenFailure } from '../../base/listen-failure.ts';
import type { Config } from '../../config/schema.ts';
import { isWithin, parseNetworks } from '../../core/tftp/network.ts';
import { receiveBufferOf, bindUdp, widenReceiveBuffer } from '../../net/udp.ts';
import { wantedSockets } from '../edge.ts';
import type { WantedSocket } from '../../net/handed-sockets.ts';
import { ok, warning, wrong, type CheckFinding } from './finding.ts';
import { findPortHolder } from './port-holder.ts';

/** pid of the service manager; a port it holds is there for socket activation. */
const serviceManagerPid = 1;
const askedName = 'tftp-pki-check';
const askAgainMs = 500;
const asks = 4;

/** `serverPid`: the server that runs on this folder. */
export async function checkPorts(
  config: Config,
  serverPid: number | undefined,
): Promise<readonly CheckFinding[]> {
  const places = wantedSockets(config);
  if (places.length === 0)
    return [wrong('port', 'no address is configured to listen on', 'Set tftp.listen.')];
  const findings = await Promise.all(
    places.map((place) => (serverPid === undefined ? bindFor(place) : askAt(place, config, serverPid))),
  );
  return findings.flat();
}

async function bindFor(place: WantedSocket): Promise<readonly CheckFinding[]> {
  const where = shown(place);
  try {
    const buffer = place.service === 'tftp' ? await tryUdp(place) : await tryTcp(place);
    return [ok('port', `${place.service} ${where} can be listened on`), ...buffer];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    const holder =
      thrown.code === 'address-in-use'
        ? findPortHolder(place.service === 'tftp' ? 'udp' : 'tcp', place.port)
        : undefined;
    if (holder === undefined) return [wrong('port', thrown.message, thrown.hint)];
    if (holder.pid === serviceManagerPid)
      return [ok('port', `${place.service} ${where} is held by ${holder.name} for socket activation`)];
    const message = `${place.service} ${where} is taken by ${holder.name} (process ${holder.pid})`;
    return [wrong('port', message, 'Stop it or choose another port.')];
  }
}

async function tryUdp({ address, port }: WantedSocket): Promise<readonly CheckFinding[]> {
  const socket = await bindUdp(address, port, 'tftp');
  const short = widenReceiveBuffer(socket);
  const got = receiveBufferOf(socket);
  socket.close();
  if (short === undefined) return [ok('buffer', `${got} bytes of receive buffer`)];
  return [
    warning(
      'buffer',
      `${got} of ${receiveBufferBytes} bytes of receive buffer: many phones at once will have to ask again`,
      `sysctl net.core.rmem_max=${receiveBufferBytes}, for good in docs/operations/60-tftp-pki.conf.`,
    ),
  ];
}

async function tryTcp({ service, address, port }: WantedSocket): Promise<readonly CheckFinding[]> {
  const server = createServer();
  try {
    const listening = once(server, 'listening');
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) });
    await listening;
    return [];
  } catch (error) {
    throw listenFailure(error, service, shown({ address, port }));
  } finally {
    server.close();
  }
}

/** One of ours runs: does it answer where the configuration says? */
async function askAt(place: WantedSocket, config: Config, pid: number): Promise<readonly CheckFinding[]> {
  const { service, port } = place;
  const address = askable(place.address);
  const where = shown(place);
  const allow = service === 'tftp' ? config.tftp.allow : config.http.allow;
  if (!isWithin(parseNetworks(allow), address))
    return [ok('port', `${service} ${where} was not asked: ${address} is not in an allowed network`)];
  if (port === 0) return [ok('port', `${service} ${where} was not asked: the server chose its port`)];
  const answers = service === 'tftp' ? await answersTftp(address, port) : await answersTcp(address, port);
  if (answers) return [ok('port', `${service} ${where} is answered by the running server (process ${pid})`)];
  return [
    wrong(
      'port',
      `${service} ${where} is not answered, though the server runs (process ${pid})`,
      'Addresses that were added since its start need a restart; its log says what failed.',
    ),
  ];
}

/** Any answer will do; the name is one that nobody has. */
async function answersTftp(address: string, port: number): Promise<boolean> {
  const socket: Socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const ended = new AbortController();
  // An ICMP refusal is no answer.
  socket.on('error', () => undefined);
  const answer = once(socket, 'message', { signal: ended.signal }).then(
    () => true,
    () => false,
  );
  for (let i = 0; i < asks; i++) {
    socket.send(Buffer.from(`\0\x01${askedName}\0octet\0`), port, address);
    if (await Promise.race([answer, sleep(askAgainMs, false)])) break;
  }
  ended.abort();
  const answered = await answer;
  socket.close();
  return answered;
}

async function answersTcp(address: string, port: number): Promise<boolean> {
  const socket = connect({ host: address, port, timeout: askAgainMs * asks });
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  const answered = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return answered;
}

function askable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

function shown({ address, port }: Pick<WantedSocket, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
