/**
 * Bytes of a connection into TVS messages, however the network cut them. Holds at most one message: the head is judged by
 * itself, so that what is no message, or too long, is refused by its first bytes and nothing is collected for it.
 */
import { concatBytes } from '../../base/bytes.ts';
import { good, type Outcome } from '../../base/outcome.ts';
import {
  decodeTvsHead,
  decodeTvsMessage,
  tvsHeadBytes,
  type TvsError,
  type TvsMessage,
} from '../../wire/tvs-message.ts';

export class TvsFramer {
  #held: Uint8Array = new Uint8Array();

  /** Bytes of a message that is not complete. */
  get heldBytes(): number {
    return this.#held.length;
  }

  push(bytes: Uint8Array): void {
    this.#held = this.#held.length === 0 ? bytes : concatBytes(this.#held, bytes);
  }

  /** The next whole message, `undefined` while there is none; after an error the connection means nothing any more. */
  next(): Outcome<TvsMessage | undefined, TvsError> {
    const head = decodeTvsHead(this.#held);
    if (!head.ok) return head.error.code === 'frame-cut' ? good(undefined) : head;
    const length = tvsHeadBytes + head.value.bodyLength;
    if (this.#held.length < length) return good(undefined);
    const message = decodeTvsMessage(this.#held.subarray(0, length));
    this.#held = this.#held.slice(length);
    return message;
  }
}
