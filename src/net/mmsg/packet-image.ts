/**
 * Files as the packets they travel in: header and data of block after block, ready for the kernel to copy.
 * An image is a file at one blksize; it is made in chunks when they are needed, shared by all transfers of the
 * file, and its chunks are the cache: when the arena is full the ones not used lately give way.
 * Memory of a dropped chunk is written again only after `flush`: what is queued may still point into it.
 */
import { assert } from '../../base/assert.ts';
import { headerBytes, writeDataHeader } from '../../wire/tftp-packet.ts';
import { Arena, BuddyAllocator, chunkBytesMin } from './arena.ts';
import type { ByteSource } from './byte-source.ts';

/** Large enough for a window of full segments, small enough that thousands of files share the arena. */
const chunkBytesMax = 256 * 1024;

interface Chunk {
  readonly image: PacketImage;
  readonly index: number;
  readonly offset: number;
  /** Where the clock has it. */
  position: number;
  usedLately: boolean;
}

/** A file held by a cache and by transfers; at the last release its chunks and its descriptor go. */
export class SharedFile {
  readonly source: ByteSource;
  readonly images = new Map<number, PacketImage>();
  /** The same file for netascii transfers, while there are any. */
  netascii: SharedFile | undefined;
  /** Called when nobody holds it any more. */
  readonly onClose: () => void;
  holders = 1;

  constructor(source: ByteSource, onClose: () => void = () => {}) {
    this.source = source;
    this.onClose = onClose;
  }
}

export class PacketImage {
  readonly file: SharedFile;
  readonly blksize: number;
  /** From one packet to the next. */
  readonly strideBytes: number;
  readonly blocksPerChunk: number;
  readonly chunks: (Chunk | undefined)[] = [];
  chunkCount = 0;
  /** Transfers that send it; an image without these and without chunks is forgotten. */
  users = 0;

  constructor(file: SharedFile, blksize: number) {
    this.file = file;
    this.blksize = blksize;
    this.strideBytes = headerBytes + blksize;
    this.blocksPerChunk = Math.max(1, Math.floor(chunkBytesMax / this.strideBytes));
  }
}

export class ImageCache {
  readonly #arena: Arena;
  readonly #buddy: BuddyAllocator;
  readonly #flush: () => void;
  /** All chunks; the clock's hand passes over them and takes the first that was not used since its last round. */
  readonly #clock: Chunk[] = [];
  #hand = 0;
  /** Something queued may point into a chunk that was dropped. */
  #mustFlush = false;
  #scratch = new Uint8Array(0);

  /** `sizeBytes`: a power of two, at least 1 MiB. `flush` sends all that is queued. */
  constructor(sizeBytes: number, flush: () => void) {
    assert(sizeBytes >= 4 * chunkBytesMax, 'an image cache that holds no few chunks');
    this.#arena = new Arena(sizeBytes);
    this.#buddy = new BuddyAllocator(sizeBytes);
    this.#flush = flush;
  }

  get usedBytes(): number {
    return this.#buddy.usedBytes;
  }

  get chunkCount(): number {
    return this.#clock.length;
  }

  /** The image of `file` at `blksize` for one transfer, which holds the file too. */
  open(file: SharedFile, blksize: number): PacketImage {
    this.retain(file);
    let image = file.images.get(blksize);
    if (image === undefined) {
      image = new PacketImage(file, blksize);
      file.images.set(blksize, image);
    }
    image.users++;
    return image;
  }

  close(image: PacketImage): void {
    assert(image.users > 0, 'an image that nobody sends');
    image.users--;
    forgetIfUnused(image);
    this.release(image.file);
  }

  /**
   * Address of the packet of block `block` (from 1, without rollover); the packets of the blocks behind it follow
   * at `strideBytes` up to the end of its chunk (`blocksBehind`). 0 when the file can no longer be read.
   */
  locate(image: PacketImage, block: number): number {
    const index = Math.floor((block - 1) / image.blocksPerChunk);
    const chunk = image.chunks[index] ?? this.#build(image, index);
    if (chunk === undefined) return 0;
    chunk.usedLately = true;
    return (
      this.#arena.address + chunk.offset + (block - 1 - index * image.blocksPerChunk) * image.strideBytes
    );
  }

  /** How many packets lie in a row from that of `block` on. */
  blocksInRow(image: PacketImage, block: number): number {
    return image.blocksPerChunk - ((block - 1) % image.blocksPerChunk);
  }

  retain(file: SharedFile): void {
    assert(file.holders > 0, 'a file that was let go');
    file.holders++;
  }

  release(file: SharedFile): void {
    assert(file.holders > 0, 'a file that was let go twice');
    if (--file.holders > 0) return;
    for (const image of file.images.values())
      for (const chunk of image.chunks) if (chunk !== undefined) this.#drop(chunk);
    file.source.close();
    file.onClose();
  }

  #build(image: PacketImage, index: number): Chunk | undefined {
    const { source } = image.file;
    const { blksize, blocksPerChunk, strideBytes } = image;
    const firstOffset = index * blocksPerChunk * blksize;
    const dataBytes = Math.min(blocksPerChunk * blksize, source.sizeBytes - firstOffset);
    const blocks = Math.min(blocksPerChunk, Math.floor(dataBytes / blksize) + 1);
    const offset = this.#room(dataBytes + blocks * headerBytes);
    if (this.#scratch.length < dataBytes) this.#scratch = new Uint8Array(Math.max(dataBytes, chunkBytesMin));
    const data = this.#scratch.subarray(0, dataBytes);
    if (!source.read(data, firstOffset)) {
      this.#buddy.give(offset);
      return undefined;
    }
    const { u8 } = this.#arena;
    for (let i = 0; i < blocks; i++) {
      const at = offset + i * strideBytes;
      writeDataHeader(u8, at, (index * blocksPerChunk + i + 1) & 0xffff);
      u8.set(data.subarray(i * blksize, Math.min((i + 1) * blksize, dataBytes)), at + headerBytes);
    }
    const chunk: Chunk = { image, index, offset, position: this.#clock.length, usedLately: true };
    image.chunks[index] = chunk;
    image.chunkCount++;
    this.#clock.push(chunk);
    return chunk;
  }

  #room(sizeBytes: number): number {
    let offset = this.#buddy.take(sizeBytes);
    // Ends: every chunk is dropped at the latest in the second round, and an empty arena has room.
    while (offset === undefined) {
      this.#evictOne();
      offset = this.#buddy.take(sizeBytes);
    }
    if (this.#mustFlush) this.#flush();
    this.#mustFlush = false;
    return offset;
  }

  #evictOne(): void {
    assert(this.#clock.length > 0, 'an empty arena without room');
    for (;;) {
      if (this.#hand >= this.#clock.length) this.#hand = 0;
      const chunk = this.#clock[this.#hand];
      assert(chunk !== undefined, 'the hand points at a chunk');
      if (!chunk.usedLately) {
        this.#drop(chunk);
        return;
      }
      chunk.usedLately = false;
      this.#hand++;
    }
  }

  #drop(chunk: Chunk): void {
    const last = this.#clock.pop();
    assert(last !== undefined, 'a clock without the chunk that is dropped');
    if (last !== chunk) {
      this.#clock[chunk.position] = last;
      last.position = chunk.position;
    }
    this.#buddy.give(chunk.offset);
    this.#mustFlush = true;
    chunk.image.chunks[chunk.index] = undefined;
    chunk.image.chunkCount--;
    forgetIfUnused(chunk.image);
  }
}

/** One file asked for at many sizes must not leave an entry for each. */
function forgetIfUnused(image: PacketImage): void {
  if (image.users === 0 && image.chunkCount === 0) image.file.images.delete(image.blksize);
}
