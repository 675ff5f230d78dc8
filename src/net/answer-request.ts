/**
 * From an admitted RRQ to bytes that can travel: asks the resolver, opens what it names, converts to netascii.
 * Shared by the packet engines; nothing here sends. Whatever goes wrong becomes a decline, never an exception.
 */
import { netasciiBytesMax, netasciiTotalBytesMax } from '../base/limits.ts';
import type { Resolver } from '../core/ports.ts';
import { contentSize, type Content } from '../core/files/resolution.ts';
import type { Decline } from '../core/tftp/endpoint-effect.ts';
import { encodeNetascii } from '../core/tftp/netascii.ts';
import { FileChanged, memoryReader, type ContentReader, type OpenContent } from './content-reader.ts';

export type Answer =
  | { readonly kind: 'open'; readonly reader: ContentReader; readonly by: string }
  | { readonly kind: 'decline'; readonly outcome: Decline; readonly reason: string };

export interface Asked {
  readonly name: string;
  /** `octet` or `netascii`. */
  readonly mode: string;
  readonly address: string;
  readonly port: number;
  /** The hop mark of a proxy in front of us. */
  readonly hop?: string | undefined;
}

export type AnswerRequest = (asked: Asked) => Promise<Answer>;

/** The caller closes the reader of an `open` answer. */
export function requestAnswerer(resolver: Resolver, openContent: OpenContent): AnswerRequest {
  const netascii = new NetasciiBudget();
  return async ({ name, mode, address, port, hop }) => {
    try {
      const resolution = await resolver.resolve({
        name,
        transport: 'tftp',
        address,
        port,
        ...(hop !== undefined && { hop }),
      });
      switch (resolution.kind) {
        case 'served': {
          const { by, content } = resolution;
          if (mode !== 'netascii') return { kind: 'open', by, reader: await openContent(content) };
          const reader = await netascii.convert(content, openContent);
          if (!reader)
            return { kind: 'decline', outcome: 'busy', reason: 'netascii conversions use up their memory' };
          return { kind: 'open', by, reader };
        }
        case 'not-found':
          return { kind: 'decline', outcome: 'not-found', reason: 'not found' };
        case 'refused':
        case 'retry':
          return { kind: 'decline', outcome: resolution.kind, reason: resolution.reason };
      }
    } catch (error) {
      const reason = error instanceof FileChanged ? error.message : `failed: ${String(error)}`;
      return { kind: 'decline', outcome: 'unavailable', reason };
    }
  };
}

/** Converted copies live as long as their transfer; together they are bounded. */
class NetasciiBudget {
  #bytes = 0;

  async convert(content: Content, openContent: OpenContent): Promise<ContentReader | undefined> {
    const size = contentSize(content);
    if (size > netasciiBytesMax || this.#bytes + 2 * size > netasciiTotalBytesMax) return undefined;
    this.#bytes += 2 * size; // a file of line ends only doubles
    let kept = 2 * size;
    const keep = (bytes: number): void => {
      this.#bytes += bytes - kept;
      kept = bytes;
    };
    try {
      const source = await openContent(content);
      try {
        const wire = encodeNetascii(await source.read(0, size));
        keep(wire.length);
        return { ...memoryReader(wire), close: () => keep(0) };
      } finally {
        source.close();
      }
    } catch (error) {
      keep(0);
      throw error;
    }
  }
}
