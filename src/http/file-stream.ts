/**
 * A part of an opened file as a stream. It closes the file however it ends, and breaks off when the file is changed
 * while it is sent: the promised length is then not reached and the client knows that it has nothing.
 */
import { Readable } from 'node:stream';
import { httpChunkBytes } from '../base/limits.ts';
import type { OpenedFile } from '../core/ports.ts';
import type { ByteRange } from './range.ts';

export function streamFile(file: OpenedFile, range: ByteRange): Readable {
  let position = range.start;
  return new Readable({
    highWaterMark: httpChunkBytes,
    read() {
      if (position >= range.end) {
        this.push(null);
        return;
      }
      const chunk = new Uint8Array(Math.min(httpChunkBytes, range.end - position));
      file.read(chunk, position).then(
        (length) => {
          if (length !== chunk.length) {
            this.destroy(new Error('the file changed while it was sent'));
            return;
          }
          position += length;
          this.push(chunk);
        },
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      file.close().then(
        () => done(error),
        (failure: unknown) => done(error ?? (failure instanceof Error ? failure : null)),
      );
    },
  });
}
