/**
 * Files the worker may send without asking: bytes in memory by name, for as long as the resolver said they are
 * fresh, bounded in bytes; and the files on disk that transfers stream from right now, each opened once.
 * Refuses to repeat anything after an invalidation.
 */
import { netasciiBytesMax, netasciiTotalBytesMax } from '../../base/limits.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { encodeNetascii } from '../../core/tftp/netascii.ts';
import { memorySource, openSource } from './byte-source.ts';
import { type ImageCache, SharedFile } from './packet-image.ts';
import type { Answer } from './protocol.ts';

/** What a name and its bookkeeping cost beside the bytes. */
const entryBytes = 512;

interface Entry {
  readonly content: number;
  readonly file: SharedFile;
  readonly by: string;
  freshUntilMs: number;
}

export interface Found {
  readonly file: SharedFile;
  readonly by: string;
}

export class FileShelf {
  readonly #images: ImageCache;
  readonly #bytesMax: number;
  /** In order of last delivery by the main thread. */
  readonly #entries = new Map<string, Entry>();
  readonly #streamed = new Map<string, SharedFile>();
  #bytes = 0;
  #netasciiBytes = 0;

  constructor(images: ImageCache, bytesMax: number) {
    this.#images = images;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A fresh answer for `name`; whoever keeps the file longer than this call must retain it. */
  find(name: string, nowMs: number): Found | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.freshUntilMs > nowMs ? entry : undefined;
  }

  /** The file of an answer, held for the caller, who must release it; or why it cannot be opened. */
  take(name: string, answer: Exclude<Answer, { kind: 'none' }>, nowMs: number): Outcome<Found, string> {
    if (answer.kind === 'file') return this.#stream(answer);
    const known = this.#entries.get(name);
    if (known?.content === answer.content) {
      known.freshUntilMs = nowMs + answer.freshForMs;
      this.#images.retain(known.file);
      return good(known);
    }
    if (known !== undefined) this.#forget(name, known);
    const entry: Entry = {
      content: answer.content,
      file: new SharedFile(memorySource(answer.bytes)),
      by: answer.by,
      freshUntilMs: nowMs + answer.freshForMs,
    };
    if (answer.freshForMs > 0) this.#keep(name, entry);
    return good(entry);
  }

  /** The file as netascii, made once per file and held for the caller; undefined: conversions use up their memory. */
  asNetascii(file: SharedFile): SharedFile | undefined {
    if (file.netascii !== undefined) {
      this.#images.retain(file.netascii);
      return file.netascii;
    }
    const { sizeBytes } = file.source;
    // A file of line ends only doubles.
    if (sizeBytes > netasciiBytesMax || this.#netasciiBytes + 2 * sizeBytes > netasciiTotalBytesMax)
      return undefined;
    const bytes = new Uint8Array(sizeBytes);
    if (!file.source.read(bytes, 0)) return undefined;
    const wire = encodeNetascii(bytes);
    this.#netasciiBytes += wire.length;
    file.netascii = new SharedFile(memorySource(wire), () => {
      file.netascii = undefined;
      this.#netasciiBytes -= wire.length;
    });
    return file.netascii;
  }

  invalidate(): void {
    for (const [name, entry] of this.#entries) this.#forget(name, entry);
  }

  #keep(name: string, entry: Entry): void {
    this.#images.retain(entry.file);
    this.#entries.set(name, entry);
    this.#bytes += entry.file.source.sizeBytes + entryBytes;
    for (const [oldName, old] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(oldName, old);
    }
  }

  #forget(name: string, entry: Entry): void {
    this.#entries.delete(name);
    this.#bytes -= entry.file.source.sizeBytes + entryBytes;
    this.#images.release(entry.file);
  }

  #stream(answer: Extract<Answer, { kind: 'file' }>): Outcome<Found, string> {
    const { path, identity } = answer.content;
    const key = `${identity.device} ${identity.inode} ${identity.size} ${identity.mtimeMs} ${path}`;
    const shared = this.#streamed.get(key);
    if (shared !== undefined) {
      this.#images.retain(shared);
      return good({ file: shared, by: answer.by });
    }
    const opened = openSource(answer.content);
    if (!opened.ok) return bad(opened.error);
    const file = new SharedFile(opened.value, () => this.#streamed.delete(key));
    this.#streamed.set(key, file);
    return good({ file, by: answer.by });
  }
}
