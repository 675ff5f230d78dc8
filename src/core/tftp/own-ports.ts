/**
 * Which answers of the single port leave from a port of their own instead (RFC 1350 §4): while a key is renewed, those
 * that tell what a phone holds (design.md §5, "during a rotation lists leave from a random transfer port where the path
 * allows it"). Only who received something from a port that nobody knew can acknowledge it there.
 *
 * Whoever was not reached from such a port (a firewall or NAT on the way that passes the known port alone) is answered
 * from the single port for a while: nobody is left without a list because we wanted a proof. A forged request can bring
 * that about as well; then nothing is proved, as if this file did not exist.
 */
import { unreachedAddressesMax, unreachedRememberedMs } from '../../base/limits-own-ports.ts';
import { isTelling } from '../trust/telling.ts';
import { Recent } from './recent.ts';

/**
 * Where an endpoint's transfers live: `single`, at the listening port; `own`, each at a port of its own, and only RRQ and
 * WRQ mean something at the listening port; `tried`, at ports of their own when a `single` endpoint hands them over: who
 * does not acknowledge within ownPortTriedMs is given up.
 */
export type PortUse = 'single' | 'own' | 'tried';

export class OwnPorts {
  /** Is a key being renewed? Set by the shell; nothing else is looked at before it is. */
  wanted = false;
  /** By address, until when. */
  readonly #unreached = new Recent<number>(unreachedAddressesMax);

  takes(name: string, address: string, nowMs: number): boolean {
    if (!this.wanted || !isTelling(name)) return false;
    // The zone of a link-local address has two spellings, and strangers are told by the text.
    if (address.includes('%')) return false;
    return nowMs >= (this.#unreached.get(address) ?? -Infinity);
  }

  /** A transfer from a port of its own to this address ended without a single ACK. */
  unreached(address: string, nowMs: number): void {
    this.#unreached.set(address, nowMs + unreachedRememberedMs);
  }
}
