/**
 * One answer of the phones' HTTP, written once for whole files, ranges, HEAD and every kind of miss.
 * The texts are fixed: what was asked for, and why it is not given, stands in the log and nowhere else.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { EventSink } from '../base/events.ts';
import { certificateBytesMax, httpStreamsMax } from '../base/limits.ts';
import { hopHeader, readHop } from '../core/cluster/hop.ts';
import { isNoiseMiss, parseFileName } from '../core/files/file-name.ts';
import { contentSize } from '../core/files/resolution.ts';
import type { FileContent, FileRequest, Resolution } from '../core/files/resolution.ts';
import type { FileOpener, Resolver } from '../core/ports.ts';
import { streamFile } from './file-stream.ts';
import { plainAddress } from '../base/peer-address.ts';
import { readRange } from './range.ts';
import type { ByteRange } from './range.ts';
import { nameOfTarget } from './request-name.ts';

/** Fixed headers of every file. */
const fileHeaders = {
  'Content-Type': 'application/octet-stream',
  'Cache-Control': 'no-store',
  'Accept-Ranges': 'bytes',
} as const;

/** That we are one of us is all that it says; which node, no answer tells. */
const ownMark = '0'.repeat(16);

const notFoundText = 'File not found\n';
const methodText = 'Only GET and HEAD are served\n';
const busyText = 'Busy, try again\n';
const rangeText = 'The file ends before this range\n';

export interface AnswerOptions {
  readonly resolver: Resolver;
  readonly opener: FileOpener;
  readonly onEvent: EventSink;
  readonly transport: 'http' | 'https';
}

export function createAnswerer(
  options: AnswerOptions,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const { resolver, opener, onEvent, transport } = options;
  let streams = 0;

  const miss = (request: FileRequest, reply: FastifyReply, code: 404 | 503, resolution: NotServed) => {
    onEvent({
      type: 'file-not-served',
      transport,
      address: request.address,
      name: request.name,
      outcome: resolution.kind,
      reason: resolution.reason,
      quiet: resolution.kind === 'not-found' && isNoiseMiss(request.name),
    });
    return code === 503 ? sendBusy(reply) : reply.code(404).type('text/plain').send(notFoundText);
  };

  const sendFile = async (
    request: FileRequest,
    reply: FastifyReply,
    content: FileContent,
    range: ByteRange,
  ) => {
    if (streams >= httpStreamsMax) {
      return miss(request, reply, 503, {
        kind: 'busy',
        reason: `${httpStreamsMax} files are being streamed`,
      });
    }
    streams++;
    const file = await opener.open(content).catch(releaseAndThrow);
    if (file === undefined) {
      streams--;
      return miss(request, reply, 503, { kind: 'retry', reason: 'the file was replaced meanwhile' });
    }
    const stream = streamFile(file, range);
    stream.once('close', () => streams--);
    return reply.send(stream);
  };
  const releaseAndThrow = (error: unknown): never => {
    streams--;
    throw error;
  };

  return async (incoming, reply) => {
    const { raw } = incoming;
    if (hasBody(raw)) reply.header('Connection', 'close');
    if (raw.method !== 'GET' && raw.method !== 'HEAD') {
      return reply.code(405).header('Allow', 'GET, HEAD').type('text/plain').send(methodText);
    }
    const request = fileRequest(raw, transport);
    // Who marks a request is one of us and learns that we are, too.
    if (request.hop !== undefined) reply.header(hopHeader, ownMark);
    // A target that is no name goes down the chain as it stands, so that it costs what an unknown name costs.
    const resolution = await resolver.resolve(request);
    if (resolution.kind !== 'served')
      return miss(request, reply, resolution.kind === 'retry' ? 503 : 404, words(resolution));

    const { content } = resolution;
    const size = contentSize(content);
    const wanted = raw.headers['if-range'] === undefined ? readRange(raw.headers.range, size) : 'whole';
    if (wanted === 'unsatisfiable') {
      return reply.code(416).header('Content-Range', `bytes */${size}`).type('text/plain').send(rangeText);
    }
    const range = wanted === 'whole' ? { start: 0, end: size } : wanted;
    writeFileHeaders(reply, range, wanted === 'whole' ? undefined : size);
    if (raw.method === 'HEAD') return reply.send();
    reportEnd(onEvent, request, reply, range, resolution.by, range.end - range.start < size);
    if (content.kind === 'memory') return reply.send(content.bytes.subarray(range.start, range.end));
    return sendFile(request, reply, content, range);
  };
}

/** design.md §2: `retry` on HTTP. */
export function sendBusy(reply: FastifyReply): FastifyReply {
  return reply.code(503).header('Retry-After', '2').type('text/plain').send(busyText);
}

interface NotServed {
  readonly kind: 'not-found' | 'refused' | 'retry' | 'busy';
  readonly reason: string;
}

function words(resolution: Exclude<Resolution, { kind: 'served' }>): NotServed {
  const last = resolution.trace.at(-1);
  const reason = resolution.kind === 'not-found' ? (last?.verdict ?? 'not found') : resolution.reason;
  return { kind: resolution.kind, reason };
}

function fileRequest(raw: IncomingMessage, transport: FileRequest['transport']): FileRequest {
  const target = raw.url ?? '';
  const hop = readHop(raw.headers[hopHeader]?.toString());
  return {
    name: nameOfTarget(target) ?? target,
    transport,
    address: plainAddress(raw.socket.remoteAddress),
    port: raw.socket.remotePort ?? 0,
    ...(hop !== undefined && { hop }),
    ...certificateOf(raw, transport, target),
  };
}

/** Where it can matter: for a configuration by HTTPS. TLS has proved that the client holds its key. */
function certificateOf(
  { socket }: IncomingMessage,
  transport: FileRequest['transport'],
  target: string,
): Pick<FileRequest, 'certificate'> {
  const name = parseFileName(nameOfTarget(target) ?? '');
  if (transport !== 'https' || !name.ok || name.value.kind !== 'config') return {};
  const certificate = (socket as TLSSocket).getPeerX509Certificate()?.raw;
  return certificate !== undefined && certificate.length <= certificateBytesMax
    ? { certificate: Uint8Array.from(certificate) }
    : {};
}

function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0'
  );
}

function writeFileHeaders(reply: FastifyReply, range: ByteRange, partOf: number | undefined): void {
  reply.headers(fileHeaders);
  reply.header('Content-Length', range.end - range.start);
  if (partOf === undefined) return;
  reply.code(206).header('Content-Range', `bytes ${range.start}-${range.end - 1}/${partOf}`);
}

/** Served is what the client's kernel was given in full; a connection that closed before is an ended transfer. */
function reportEnd(
  onEvent: EventSink,
  request: FileRequest,
  reply: FastifyReply,
  range: ByteRange,
  by: string,
  isPart: boolean,
): void {
  const begunMs = performance.now();
  const { address, name } = request;
  reply.raw.once('close', () => {
    if (reply.raw.statusCode >= 400) return;
    if (!reply.raw.writableFinished) {
      onEvent({
        type: 'transfer-ended',
        address,
        name,
        outcome: 'stopped',
        reason: 'the connection closed early',
      });
      return;
    }
    const durationMs = performance.now() - begunMs;
    const transport = request.transport;
    const bytes = range.end - range.start;
    const part = isPart ? { part: true as const } : {};
    onEvent({
      type: 'file-served',
      transport,
      address,
      name,
      bytes,
      durationMs,
      retransmits: 0,
      by,
      ...part,
    });
  });
}
