/** What an endpoint wants done, in order, and the events that it tells; shells carry them out and decide nothing. */
import type { Event } from '../../base/events.ts';
import { isBootNoise } from './enumeration.ts';
import type { TftpError } from './error-text.ts';
import type { SenderEffect } from './sender.ts';
import type { Peer, ServerTransfer } from './transfer.ts';

export type EndpointEffect<S> =
  /** Ask the resolver; answer with `open`, `decline` or `fail`. On transfer ports: make the socket first. */
  | { readonly kind: 'resolve'; readonly transfer: ServerTransfer<S> }
  | { readonly kind: 'send'; readonly transfer: ServerTransfer<S>; readonly send: SenderEffect }
  /** To `peer`, from the transfer's port where there is a transfer. */
  | {
      readonly kind: 'error';
      readonly peer: Peer;
      readonly transfer: ServerTransfer<S> | undefined;
      readonly error: TftpError;
    }
  /** Its file is there and is to leave from a port of its own: another endpoint begins with `requestBytes` anew. */
  | { readonly kind: 'hand-over'; readonly transfer: ServerTransfer<S> }
  /** It ended without an ACK at its own port: the single port should answer `peer` from now on. */
  | { readonly kind: 'unreached'; readonly peer: Peer }
  /** Release what the shell keeps; comes once per transfer, after its last packet. */
  | { readonly kind: 'ended'; readonly transfer: ServerTransfer<S> }
  | { readonly kind: 'event'; readonly event: Event };

/** Why there is no file; `retry` sends nothing. */
export type Decline = 'not-found' | 'refused' | 'retry' | 'unavailable' | 'busy';

export function notServed(
  peer: Peer,
  name: string,
  outcome: 'not-found' | 'refused' | 'retry' | 'busy' | 'not-allowed',
  reason: string,
): { kind: 'event'; event: Event } {
  const quiet = outcome === 'not-found' && isBootNoise(name);
  const { address } = peer;
  return {
    kind: 'event',
    event: { type: 'file-not-served', transport: 'tftp', address, name, outcome, reason, quiet },
  };
}

export function malformed(peer: Peer, reason: string): { kind: 'event'; event: Event } {
  return { kind: 'event', event: { type: 'packet-malformed', address: peer.address, reason } };
}

export function ended<S>(
  transfer: ServerTransfer<S>,
  outcome: 'timed-out' | 'peer-error' | 'restarted' | 'read-failed' | 'stopped',
  reason: string,
): { kind: 'event'; event: Event } {
  const { peer, request, sender } = transfer;
  const allSent = sender?.awaitsLastAck === true;
  return {
    kind: 'event',
    event: {
      type: 'transfer-ended',
      address: peer.address,
      name: request.name,
      outcome,
      reason,
      ...(allSent && { allSent }),
    },
  };
}

export function served<S>(
  transfer: ServerTransfer<S>,
  ownPort: boolean,
  nowMs: number,
): { kind: 'event'; event: Event } {
  const { peer, request, sender, by, startedMs } = transfer;
  return {
    kind: 'event',
    event: {
      type: 'file-served',
      transport: 'tftp',
      address: peer.address,
      name: request.name,
      bytes: sender?.sizeBytes ?? 0,
      durationMs: nowMs - startedMs,
      retransmits: sender?.retransmits ?? 0,
      by,
      ...(ownPort && { ownPort }),
    },
  };
}
