/**
 * What is in a backup: a manifest, then the files that it names, one after the other, sealed under a passphrase of its
 * own (pki/sealed-stream.ts). Refuses a manifest that is none, names other than those of a node's folder, and a
 * content that is shorter or longer than its manifest says.
 *
 *   length of the manifest(4) manifest(JSON) content of each file
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { concatBytes, readU32 } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { backupManifestBytesMax, backupPieceBytes } from '../base/limits.ts';
import { decodeUtf8, encodeUtf8 } from '../base/text.ts';
import { createSealer, createUnsealer, sealedHeaderBytes, sealedPieceBytes } from '../pki/sealed-stream.ts';
import { storageFailure } from '../store/storage-failure.ts';

export interface BackupManifest {
  readonly format: 1;
  readonly cluster: string;
  readonly node: string;
  readonly createdMs: number;
  readonly devices: number;
  /** The highest number given to a generation so far. */
  readonly generation: number;
  readonly files: readonly BackupEntry[];
}

export interface BackupEntry {
  /** Below the folder. */
  readonly name: string;
  readonly bytes: number;
}

/** A file to be put in: what it is called, and its content in pieces of any size. */
export interface BackupSource extends BackupEntry {
  read(): Iterable<Uint8Array>;
}

export function* sealBackup(
  manifest: Omit<BackupManifest, 'format' | 'files'>,
  sources: readonly BackupSource[],
  passphrase: string,
): Generator<Uint8Array> {
  const files = sources.map(({ name, bytes }) => ({ name, bytes }));
  const text = encodeUtf8(JSON.stringify({ format: 1, ...manifest, files } satisfies BackupManifest));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  const sealer = createSealer(passphrase);
  yield sealer.header;
  for (const { bytes, isLast } of inPieces(plainOf(concatBytes(length, text), sources), backupPieceBytes))
    yield sealer.seal(bytes, isLast);
}

function* plainOf(head: Uint8Array, sources: readonly BackupSource[]): Generator<Uint8Array> {
  yield head;
  for (const source of sources) yield* source.read();
}

/** Pieces of equal size; the last one is shorter and may be empty. */
function* inPieces(
  parts: Iterable<Uint8Array>,
  size: number,
): Generator<{ readonly bytes: Uint8Array; readonly isLast: boolean }> {
  let rest: Uint8Array = new Uint8Array(0);
  for (const part of parts) {
    rest = concatBytes(rest, part);
    let at = 0;
    for (; rest.length - at > size; at += size) yield { bytes: rest.subarray(at, at + size), isLast: false };
    rest = rest.slice(at);
  }
  yield { bytes: rest, isLast: true };
}

export function* readPieces(path: string): Generator<Uint8Array> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw storageFailure(error, `read ${path}`);
  }
  try {
    const buffer = new Uint8Array(backupPieceBytes);
    for (let size; (size = readSync(file, buffer)) > 0;) yield buffer.slice(0, size);
  } finally {
    closeSync(file);
  }
}

/** Where the files of a backup go; each is opened, filled and closed before the next. */
export type BackupTarget = (entry: BackupEntry, pieces: Iterable<Uint8Array>) => void;

/** Nothing of a piece reaches `target` before the piece was verified; what was written is whole only after the return. */
export function openBackup(path: string, passphrase: string, target: BackupTarget): BackupManifest {
  const plain = new Plain(unsealed(path, passphrase));
  try {
    const size = readU32(plain.take(4), 0);
    if (size > backupManifestBytesMax) throw notOurs('its manifest is too long');
    const manifest = parseManifest(plain.take(size));
    for (const entry of manifest.files) target(entry, plain.pieces(entry.bytes));
    for (const more of plain.rest())
      if (more.length > 0) throw notOurs('it is longer than its manifest says');
    return manifest;
  } finally {
    plain.close();
  }
}

function* unsealed(path: string, passphrase: string): Generator<Uint8Array> {
  const sealed = new Plain(readPieces(path));
  try {
    const unsealer = createUnsealer(sealed.take(sealedHeaderBytes), passphrase);
    for (const { bytes, isLast } of inPieces(sealed.rest(), sealedPieceBytes))
      yield unsealer.open(bytes, isLast);
  } finally {
    sealed.close();
  }
}

/** A stream of pieces read by length. */
class Plain {
  readonly #source: Iterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: Iterable<Uint8Array>) {
    this.#source = source[Symbol.iterator]();
  }

  take(length: number): Uint8Array {
    return concatBytes(...this.pieces(length));
  }

  *pieces(length: number): Generator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0 && !this.#more()) throw notOurs('it is shorter than its manifest says');
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** What is left, in pieces of any size. */
  *rest(): Generator<Uint8Array> {
    do {
      const piece = this.#rest;
      this.#rest = new Uint8Array(0);
      yield piece;
    } while (this.#more());
  }

  /** Closes the file behind it, however far it was read. */
  close(): void {
    this.#source.return?.();
  }

  #more(): boolean {
    const next = this.#source.next();
    if (next.done === true) return false;
    this.#rest = next.value;
    return true;
  }
}

/** Of the folder's own files, these come back; a name is never a path to somewhere else. */
const knownNames = /^(?:tftp-pki\.yaml|passphrase|database\.sqlite|keys\/[0-9A-Za-z][0-9A-Za-z._-]{0,127})$/;

function parseManifest(bytes: Uint8Array): BackupManifest {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes) ?? '');
  } catch (cause) {
    throw notOurs('its manifest cannot be read', cause);
  }
  if (!isManifest(value)) throw notOurs('its manifest is another one');
  const wrong = value.files.find(
    ({ name, bytes: size }) => !knownNames.test(name) || !Number.isSafeInteger(size) || size < 0,
  );
  if (wrong !== undefined) throw notOurs(`it holds ${JSON.stringify(wrong.name)}`);
  return value;
}

function isManifest(value: unknown): value is BackupManifest {
  if (typeof value !== 'object' || value === null) return false;
  const { format, cluster, node, createdMs, devices, generation, files } = value as Record<string, unknown>;
  return (
    format === 1 &&
    typeof cluster === 'string' &&
    typeof node === 'string' &&
    [createdMs, devices, generation].every((number) => Number.isSafeInteger(number)) &&
    Array.isArray(files) &&
    files.every((entry: unknown) => typeof (entry as BackupEntry | null)?.name === 'string')
  );
}

function notOurs(what: string, cause?: unknown): Failure {
  return new Failure('format', `the backup cannot be used: ${what}`, {
    hint: 'Take another copy of it.',
    cause,
  });
}
