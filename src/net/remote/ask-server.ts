/**
 * One file from one server of a remote cluster: HTTP 6970 first, TFTP where HTTP does not answer, into a sink.
 * The first transport that says a word has the transfer; the other is given up before it may write. A server that
 * neither takes a connection nor sends a packet within remoteFirstAnswerMs is silent (security.md §4).
 *
 * Refused: more than `sizeBytesMax`, another size than announced, redirects, and whatever the clients refuse.
 */
import { isIPv6 } from 'node:net';
import { Failure } from '../../base/errors.ts';
import { remoteBudgetMs, remoteFirstAnswerMs, remoteIdleMs, remoteTftpAfterMs } from '../../base/limits.ts';
import { AddressHealth } from '../../core/cluster/health.ts';
import { hopHeader, hopOption, readHop } from '../../core/cluster/hop.ts';
import type { RemoteEndpoint, RemoteServer } from '../../core/cluster/remote.ts';
import type { FileSink, RemoteQuestion, RemoteWord } from '../../core/ports.ts';
import { openHttp, type HttpFile } from '../http-client.ts';
import { receiveTftp } from '../tftp-client.ts';
import { Deadline, Race } from './race.ts';

/** What is remembered of one server between requests. */
export class KnownServer {
  readonly server: RemoteServer;
  readonly http = new AddressHealth();
  readonly tftp = new AddressHealth();
  /** It answered with a hop mark of its own: it is one of us, and understands the option. */
  marks = false;

  constructor(server: RemoteServer) {
    this.server = server;
  }

  /** False while its circuits are open: nothing would be sent. */
  mayAsk(nowMs: number): boolean {
    const transports = this.server.http === undefined ? [this.tftp] : [this.http, this.tftp];
    return transports.some((transport) => transport.state(nowMs) !== 'resting');
  }
}

/** Who asks. */
export interface Asking {
  /** Our own id, for the hop mark. */
  readonly nodeId: string;
  /** Addresses to ask from; the system's choice where undefined. */
  readonly from: { readonly v4: string | undefined; readonly v6: string | undefined };
  readonly signal: AbortSignal;
}

type ServerQuestion = RemoteQuestion & Asking;

/** Never rejects: whatever happens is a word. */
export async function askServer(known: KnownServer, question: ServerQuestion): Promise<RemoteWord> {
  const race = new Race(question.signal);
  const http = askHttp(known, question, race);
  const ended = http.then((word) => (word && isDefinite(word) ? 'definite' : 'open'));
  const tftp = race.turnOfTftp(ended).then((begin) => (begin ? askTftp(known, question, race) : undefined));
  const words = await Promise.all([http, tftp]);
  const spoken = words.filter((word) => word !== undefined);
  // A word of the server counts more than the silence of its other transport.
  return (
    spoken.find(isDefinite) ??
    spoken.find(({ kind }) => kind !== 'silent') ??
    spoken[0] ?? { kind: 'silent', reason: 'left alone after it did not answer' }
  );
}

/** Nothing that another transport, or another server of the cluster, could say better. */
export function isDefinite({ kind }: RemoteWord): boolean {
  return kind === 'whole' || kind === 'not-found' || kind === 'no-room';
}

async function askHttp(
  known: KnownServer,
  question: ServerQuestion,
  race: Race,
): Promise<RemoteWord | undefined> {
  const { http } = known.server;
  if (http === undefined || !known.http.ask(performance.now())) return undefined;
  const { name, sizeBytesMax, nodeId } = question;
  const sink = new WatchedSink(question.sink);
  const clock = new Deadline(remoteFirstAnswerMs);
  const lost = race.lost('http');
  let spoke = false;
  try {
    const file = await openHttp({
      host: http.address,
      port: http.port,
      name,
      bytesMax: sizeBytesMax,
      idleMs: remoteIdleMs,
      localAddress: localAddress(http, question.from),
      headers: { [hopHeader]: nodeId },
      signal: AbortSignal.any([lost, clock.signal, question.signal]),
      onConnect() {
        race.connected = true;
        clock.set(remoteBudgetMs);
      },
      onAnswer(headers) {
        spoke = true;
        clock.set(question.timeoutMs);
        known.marks ||= readHop(String(headers[hopHeader])) !== undefined;
      },
    });
    if (!race.claim('http')) throw new Failure('interrupted', 'TFTP answered first');
    const sizeBytes = await pour(file, sink, sizeBytesMax);
    known.http.answered();
    return { kind: 'whole', sizeBytes };
  } catch (error) {
    settle(known.http, spoke, lost.aborted || question.signal.aborted);
    race.yieldHttp();
    return wordOf(error, sink, spoke);
  } finally {
    clock.end();
  }
}

async function pour(file: HttpFile, sink: FileSink, sizeBytesMax: number): Promise<number> {
  const { sizeBytes, body } = file;
  if ((sizeBytes ?? 0) > sizeBytesMax)
    throw new Failure('peer-error', `${sizeBytes} bytes are announced, at most ${sizeBytesMax} are taken`);
  let at = 0;
  if (sizeBytes !== undefined) await sink.announce(sizeBytes);
  for await (const part of body) {
    await sink.write(part, at);
    at += part.length;
  }
  return at;
}

async function askTftp(
  known: KnownServer,
  question: ServerQuestion,
  race: Race,
): Promise<RemoteWord | undefined> {
  if (!known.tftp.ask(performance.now())) return undefined;
  const { tftp } = known.server;
  const { name, sizeBytesMax, timeoutMs, nodeId } = question;
  const sink = new WatchedSink(question.sink);
  // After a refused or a slow HTTP what is left of the time, and enough for one packet there and back.
  const clock = new Deadline(Math.max(race.firstAnswerLeftMs, remoteFirstAnswerMs - remoteTftpAfterMs));
  const lost = race.lost('tftp');
  let spoke = false;
  try {
    const sizeBytes = await receiveTftp(
      {
        host: tftp.address,
        port: tftp.port,
        name,
        sizeBytesMax,
        timeoutMs,
        bindAddress: localAddress(tftp, question.from),
        ...(known.marks && { extraOptions: [{ name: hopOption, value: nodeId }] }),
        signal: AbortSignal.any([lost, clock.signal, question.signal]),
        onAnswer() {
          spoke = true;
          if (race.claim('tftp')) clock.set(timeoutMs);
          else clock.set(0);
        },
      },
      sink,
    );
    known.tftp.answered();
    return { kind: 'whole', sizeBytes };
  } catch (error) {
    settle(known.tftp, spoke, lost.aborted || question.signal.aborted);
    return wordOf(error, sink, spoke);
  } finally {
    clock.end();
  }
}

function settle(health: AddressHealth, spoke: boolean, givenUp: boolean): void {
  if (spoke) health.answered();
  else if (givenUp) health.abandoned();
  else health.failed(performance.now());
}

/** Tells failures of the sink, which are ours, from those of the server. */
class WatchedSink implements FileSink {
  failed = false;
  readonly #sink: FileSink;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  announce(sizeBytes: number): Promise<void> | undefined {
    return this.#watch(() => this.#sink.announce(sizeBytes));
  }

  write(bytes: Uint8Array, offset: number): Promise<void> | undefined {
    return this.#watch(() => this.#sink.write(bytes, offset));
  }

  #watch(call: () => Promise<void> | undefined): Promise<void> | undefined {
    try {
      return call()?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    this.failed = true;
    throw error;
  }
}

function wordOf(error: unknown, sink: WatchedSink, spoke: boolean): RemoteWord {
  const reason = error instanceof Error ? error.message : String(error);
  if (sink.failed) return { kind: 'no-room', reason };
  const code = error instanceof Failure ? error.code : undefined;
  if (code === 'not-found') return { kind: 'not-found' };
  if (code === 'peer-error') return { kind: 'wrong', reason };
  return { kind: spoke ? 'wrong' : 'silent', reason: code === 'interrupted' ? 'no answer in time' : reason };
}

function localAddress(to: RemoteEndpoint, from: ServerQuestion['from']): string | undefined {
  return isIPv6(to.address.split('%', 1)[0] ?? '') ? from.v6 : from.v4;
}
