/** One admitted read on the server, from its RRQ to its end. Only the endpoint changes it; shells look. */
import type { TftpRequest } from '../../wire/tftp-packet.ts';
import type { Ticket } from './admission.ts';
import type { Negotiation } from './negotiate.ts';
import type { Sender } from './sender.ts';
import { WheelEntry } from './timer-wheel.ts';

/** Who sent a datagram and where it arrived. */
export interface Peer {
  /**
   * Identity of (local address, peer address, peer port), chosen by the shell: a text, or any number that
   * is unique. security.md §1: "The key of a transfer is local address + peer address + port."
   */
  readonly key: string | number;
  readonly address: string;
  readonly port: number;
}

/**
 * - `resolving`: the resolver was asked, or its answer is being opened.
 * - `sending`: the sender decides.
 * - `refusing`: an ERROR is held back (enumeration guard) and leaves at the deadline.
 * - `ended`: no longer known to the endpoint.
 */
export type Phase = 'resolving' | 'sending' | 'refusing' | 'ended';

export class ServerTransfer<S> {
  readonly peer: Peer;
  readonly request: TftpRequest;
  /** The RRQ as it came: a repeat is the same bytes. */
  readonly requestBytes: Uint8Array;
  readonly startedMs: number;
  readonly timer: WheelEntry<ServerTransfer<S>>;
  /** What the shell keeps with the transfer: open file, transfer socket, packet image. */
  shell: S | undefined;
  phase: Phase = 'resolving';
  /** Next call of `Endpoint.expire`. */
  deadlineMs: number;
  ticket: Ticket<ServerTransfer<S>> | undefined;
  sender: Sender | undefined;
  agreed: Negotiation | undefined;
  /** The link that gave the bytes. */
  by = '';

  constructor(peer: Peer, request: TftpRequest, requestBytes: Uint8Array, nowMs: number, deadlineMs: number) {
    this.peer = peer;
    this.request = request;
    this.requestBytes = requestBytes;
    this.startedMs = nowMs;
    this.deadlineMs = deadlineMs;
    this.timer = new WheelEntry<ServerTransfer<S>>(this);
  }
}
