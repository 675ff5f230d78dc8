/**
 * The server's side of a TFTP port: what each datagram means (security.md §1; RFC 1350 §4 without its TIDs).
 *
 * - Opcode and length are judged before anything is parsed.
 * - A source that owns no transfer is answered only if it sends an RRQ or WRQ from an allowed network.
 * - WRQ: ERROR 2. Broken RRQ or unknown mode: one ERROR 4. Ill-named: ERROR 1, like everything unknown.
 * - An owner's ACK goes to its sender, its ERROR ends its transfer. An ERROR is never answered (CVE-2024-2169).
 * - DATA and OACK have no meaning here and are dropped.
 * - The same RRQ from an owner restarts its first packet and opens nothing; while its file is being looked
 *   for it joins the search. Another RRQ from an owner, or the same while only the last ACK is missing, is a
 *   client that reuses its port: the old transfer ends, the new one begins.
 * - `retry` is silence: the place is given back and the client's next RRQ asks again.
 * - ERROR 5 exists on transfer ports only (`receiveAtTransferPort`).
 * - What own-ports.ts says is handed over when its file is there: what has no answer is answered here.
 *
 * Every input returns the effects in order. A packet engine may find the transfer of an ACK by its own tables
 * and call `acknowledge` itself; it must use `receive` for whatever is not a well-formed ACK of an owner, and
 * report what it sent by `sent`.
 */
import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import { ownPortTriedMs } from '../../base/limits-own-ports.ts';
import * as limits from '../../base/limits.ts';
import {
  blockOf,
  decodePacket,
  decodeRequest,
  judgeHeader,
  opcode,
  type TftpRequest,
} from '../../wire/tftp-packet.ts';
import { NoiseGate } from '../noise-gate.ts';
import { Admission } from './admission.ts';
import { ended, malformed, notServed, served, type Decline, type EndpointEffect } from './endpoint-effect.ts';
import { zeroCounters, type EndpointLimits } from './endpoint-limits.ts';
import { EnumerationGuard } from './enumeration.ts';
import { tftpErrors, type TftpError } from './error-text.ts';
import { negotiate } from './negotiate.ts';
import type { Network } from './network.ts';
import { OwnPorts, type PortUse } from './own-ports.ts';
import { Sender, type SenderEffect } from './sender.ts';
import { ServerTransfer, type Peer } from './transfer.ts';

export class Endpoint<S> {
  readonly counters = zeroCounters();
  readonly ownPorts = new OwnPorts();
  #limits: EndpointLimits;
  readonly #ports: PortUse;
  readonly #admission: Admission<ServerTransfer<S>>;
  readonly #guard: EnumerationGuard;
  readonly #transfers = new Map<string | number, ServerTransfer<S>>();
  readonly #noiseGate = new NoiseGate();

  constructor(endpointLimits: EndpointLimits, allowed: readonly Network[], ports: PortUse) {
    this.#limits = endpointLimits;
    this.#ports = ports;
    this.#admission = new Admission(endpointLimits, allowed);
    this.#guard = new EnumerationGuard(endpointLimits.unknownNamesPerMinuteMax);
  }

  /** For requests from now on; running transfers end as they began. */
  reconfigure(endpointLimits: EndpointLimits, allowed: readonly Network[]): void {
    this.#limits = endpointLimits;
    this.#admission.reconfigure(endpointLimits, allowed);
  }

  get transferCount(): number {
    return this.#transfers.size;
  }

  transfers(): IterableIterator<ServerTransfer<S>> {
    return this.#transfers.values();
  }

  find(key: string | number): ServerTransfer<S> | undefined {
    return this.#transfers.get(key);
  }

  /** A datagram at the listening port. `bytes` is not kept. */
  receive(peer: Peer, bytes: Uint8Array, nowMs: number): readonly EndpointEffect<S>[] {
    const verdict = judgeHeader(bytes);
    switch (verdict) {
      case opcode.ack: {
        const owner = this.#ownerHere(peer);
        return owner ? this.acknowledge(owner, blockOf(bytes), nowMs) : this.#stray();
      }
      case opcode.rrq:
      case opcode.wrq:
        return this.#requested(peer, bytes, nowMs);
      case opcode.error: {
        const owner = this.#ownerHere(peer);
        return owner ? this.#peerError(owner, bytes) : this.#stray();
      }
      case opcode.data:
      case opcode.oack:
        return this.#stray();
      default:
        return this.#malformed(peer, verdict, nowMs);
    }
  }

  /** A datagram at the port of one transfer (a TID of its own, RFC 1350 §4). */
  receiveAtTransferPort(
    transfer: ServerTransfer<S>,
    peer: Peer,
    bytes: Uint8Array,
    nowMs: number,
  ): readonly EndpointEffect<S>[] {
    const verdict = judgeHeader(bytes);
    if (peer.address !== transfer.peer.address || peer.port !== transfer.peer.port) {
      this.counters.strays++;
      // RFC 1350 §4: an ERROR to the stranger, the transfer goes on. Never in answer to an ERROR.
      if (verdict === opcode.error || verdict === 'short' || !this.#admission.allows(peer.address)) return [];
      return [{ kind: 'error', peer, transfer, error: tftpErrors.unknownTransfer }];
    }
    if (transfer.phase === 'ended') return [];
    if (verdict === opcode.ack) return this.acknowledge(transfer, blockOf(bytes), nowMs);
    if (verdict === opcode.error) return this.#peerError(transfer, bytes);
    return this.#stray();
  }

  /** A well-formed ACK of the transfer's owner. */
  acknowledge(transfer: ServerTransfer<S>, block: number, nowMs: number): readonly EndpointEffect<S>[] {
    const { sender, ticket } = transfer;
    if (!sender || !ticket || transfer.phase !== 'sending') return this.#stray();
    if (!this.#admission.mayReceive(ticket, nowMs)) {
      this.counters.paced++;
      return [];
    }
    const effect = sender.ack(block, nowMs);
    if (sender.acknowledged && ticket.state === 'half-open') this.#admission.acknowledged(ticket);
    return this.#senderEffect(transfer, effect, nowMs);
  }

  /** The resolver's bytes are open: `sizeBytes` will travel (after netascii conversion). */
  open(
    transfer: ServerTransfer<S>,
    sizeBytes: number,
    by: string,
    nowMs: number,
  ): readonly EndpointEffect<S>[] {
    if (transfer.phase !== 'resolving') return [];
    if (transfer.ticket && this.#admission.owesTooMuch(transfer.ticket, nowMs)) {
      this.counters.busy++;
      return this.decline(transfer, 'busy', 'limit reached', nowMs);
    }
    if (this.ownPorts.takes(transfer.request.name, transfer.peer.address, nowMs))
      return [{ kind: 'hand-over', transfer }, ...this.#end(transfer)];
    const agreed = negotiate(transfer.request.options, sizeBytes, this.#limits);
    const sender = new Sender(sizeBytes, agreed, nowMs);
    transfer.agreed = agreed;
    transfer.sender = sender;
    transfer.by = by;
    transfer.phase = 'sending';
    const effect = sender.start(nowMs);
    return this.#senderEffect(transfer, effect, nowMs);
  }

  /** There is no file, or not now. `reason` is for our own log. */
  decline(
    transfer: ServerTransfer<S>,
    outcome: Decline,
    reason: string,
    nowMs: number,
  ): readonly EndpointEffect<S>[] {
    if (transfer.phase !== 'resolving') return [];
    const { peer, request } = transfer;
    const events: EndpointEffect<S>[] = [
      notServed(peer, request.name, outcome === 'unavailable' ? 'retry' : outcome, reason),
    ];
    if (outcome === 'retry') return [...events, ...this.#end(transfer)];
    if (outcome === 'not-found' || outcome === 'refused') {
      const verdict = this.#guard.unknown(peer.address, request.name, nowMs);
      if (verdict.kind === 'guessing') {
        if (verdict.firstTime) {
          const { distinctNames } = verdict;
          events.push({
            kind: 'event',
            event: { type: 'names-guessed', address: peer.address, distinctNames },
          });
        }
        transfer.phase = 'refusing';
        transfer.deadlineMs = nowMs + limits.guessedNameDelayMs;
        return events;
      }
      return [...events, this.#error(transfer, tftpErrors.notFound), ...this.#end(transfer)];
    }
    const error = outcome === 'busy' ? tftpErrors.busy : tftpErrors.unavailable;
    return [...events, this.#error(transfer, error), ...this.#end(transfer)];
  }

  /** The file can no longer be read as it was when the transfer began. */
  fail(transfer: ServerTransfer<S>, reason: string): readonly EndpointEffect<S>[] {
    if (transfer.phase === 'ended') return [];
    return [
      this.#error(transfer, tftpErrors.changed),
      ended(transfer, 'read-failed', reason),
      ...this.#end(transfer),
    ];
  }

  /** The server stops: every peer is told once, so that phones come back instead of waiting. */
  stop(transfer: ServerTransfer<S>): readonly EndpointEffect<S>[] {
    if (transfer.phase === 'ended') return [];
    return [
      this.#error(transfer, tftpErrors.busy),
      ended(transfer, 'stopped', 'server stopping'),
      ...this.#end(transfer),
    ];
  }

  /** At or after `transfer.deadlineMs`. */
  expire(transfer: ServerTransfer<S>, nowMs: number): readonly EndpointEffect<S>[] {
    if (transfer.phase === 'ended' || nowMs < transfer.deadlineMs) return [];
    if (transfer.phase === 'refusing')
      return [this.#error(transfer, tftpErrors.notFound), ...this.#end(transfer)];
    const { sender } = transfer;
    if (!sender) return [ended(transfer, 'timed-out', 'no answer of the resolver'), ...this.#end(transfer)];
    if (this.#isUnreached(transfer) && nowMs >= transfer.startedMs + ownPortTriedMs)
      return [ended(transfer, 'timed-out', 'no acknowledgement at its own port'), ...this.#end(transfer)];
    if (transfer.ticket && nowMs < sender.givesUpMs && this.#admission.owesTooMuch(transfer.ticket, nowMs)) {
      this.counters.paced++;
      transfer.deadlineMs = Math.min(nowMs + limits.retransmitInitialMs, sender.givesUpMs);
      return [];
    }
    const effect = sender.expire(nowMs);
    return this.#senderEffect(transfer, effect, nowMs);
  }

  /** Bytes of datagrams that left for this transfer. */
  sent(transfer: ServerTransfer<S>, bytes: number): void {
    if (transfer.ticket) this.#admission.sent(transfer.ticket, bytes);
  }

  #ownerHere(peer: Peer): ServerTransfer<S> | undefined {
    return this.#ports === 'single' ? this.#transfers.get(peer.key) : undefined;
  }

  /** Handed over, and no ACK came yet. */
  #isUnreached({ ticket }: ServerTransfer<S>): boolean {
    return this.#ports === 'tried' && ticket?.state !== 'acknowledged';
  }

  #requested(peer: Peer, bytes: Uint8Array, nowMs: number): readonly EndpointEffect<S>[] {
    this.counters.requests++;
    const owner = this.#transfers.get(peer.key);
    if (owner && equalBytes(owner.requestBytes, bytes)) {
      const repeated = this.#repeated(owner, nowMs);
      if (repeated) return repeated;
    }
    if (peer.port === 0 || !this.#admission.allows(peer.address)) {
      this.counters.notAllowed++;
      return this.#noise(nowMs, () => notServed(peer, '', 'not-allowed', 'network not allowed'));
    }
    const request = decodeRequest(bytes);
    if (!request.ok) {
      this.counters.malformed++;
      const noise = this.#noise(nowMs, () => malformed(peer, request.error));
      return owner ? noise : [...noise, this.#errorTo(peer, tftpErrors.illegal)];
    }
    const { name, kind, mode } = request.value;
    if (kind === 'wrq') {
      this.counters.writesRefused++;
      const told = this.#noise(nowMs, () => ({
        kind: 'event',
        event: { type: 'write-refused', address: peer.address, name },
      }));
      return [...told, this.#errorTo(peer, tftpErrors.writeRefused)];
    }
    const refusal = judgeRequest(name, mode);
    const before = owner ? this.#replaced(owner) : [];
    if (refusal)
      return [
        ...before,
        notServed(peer, name, 'refused', refusal.reason),
        this.#errorTo(peer, refusal.error),
      ];
    return [...before, ...this.#admit(peer, request.value, bytes, nowMs)];
  }

  /** `undefined`: the client has all but our knowledge of its last ACK, and begins anew. */
  #repeated(owner: ServerTransfer<S>, nowMs: number): readonly EndpointEffect<S>[] | undefined {
    const { sender, ticket } = owner;
    if (!sender || !ticket) return []; // joins the search
    if (sender.acknowledged && sender.awaitsLastAck) return undefined;
    if (!this.#admission.mayReceive(ticket, nowMs)) {
      this.counters.paced++;
      return [];
    }
    const effect = sender.restart(nowMs);
    return this.#senderEffect(owner, effect, nowMs);
  }

  #admit(peer: Peer, request: TftpRequest, bytes: Uint8Array, nowMs: number): readonly EndpointEffect<S>[] {
    const effects: EndpointEffect<S>[] = [];
    const deadlineMs = nowMs + limits.transferIdleMs;
    const transfer = new ServerTransfer<S>(peer, request, bytes.slice(), nowMs, deadlineMs);
    const ticket = this.#admission.admit(peer.address, transfer, nowMs, (evicted) => {
      this.counters.evicted++;
      effects.push(...this.#end(evicted));
    });
    if (ticket === 'busy') {
      this.counters.busy++;
      if (this.#ports === 'tried') return [...effects, { kind: 'unreached', peer }];
      const told = this.#noise(nowMs, () => notServed(peer, request.name, 'busy', 'limit reached'));
      return [...effects, ...told, this.#errorTo(peer, tftpErrors.busy)];
    }
    transfer.ticket = ticket;
    this.#transfers.set(peer.key, transfer);
    effects.push({ kind: 'resolve', transfer });
    return effects;
  }

  /** A client that reuses its port has no more use for what it asked before. */
  #replaced(owner: ServerTransfer<S>): EndpointEffect<S>[] {
    const last = owner.sender?.awaitsLastAck === true;
    const reason = last
      ? 'next request before the last acknowledgement'
      : 'another request from the same port';
    return [ended(owner, 'restarted', reason), ...this.#end(owner)];
  }

  #peerError(owner: ServerTransfer<S>, bytes: Uint8Array): readonly EndpointEffect<S>[] {
    const packet = decodePacket(bytes);
    assert(packet.ok && packet.value.kind === 'error', 'judged to be an ERROR');
    const reason = `ERROR ${packet.value.code} ${packet.value.text}`;
    return [ended(owner, 'peer-error', reason), ...this.#end(owner)];
  }

  #senderEffect(
    transfer: ServerTransfer<S>,
    effect: SenderEffect,
    nowMs: number,
  ): readonly EndpointEffect<S>[] {
    const { sender, startedMs } = transfer;
    transfer.deadlineMs = sender?.deadlineMs ?? Infinity;
    if (this.#isUnreached(transfer))
      transfer.deadlineMs = Math.min(transfer.deadlineMs, startedMs + ownPortTriedMs);
    switch (effect.kind) {
      case 'none':
        return [];
      case 'oack':
      case 'data':
        return [{ kind: 'send', transfer, send: effect }];
      case 'done':
        this.#guard.served(transfer.peer.address, transfer.request.name, nowMs);
        return [this.#served(transfer, nowMs), ...this.#end(transfer)];
      case 'failed': {
        const last = sender?.awaitsLastAck === true;
        const reason = last ? 'the last block was not acknowledged' : 'no acknowledgement';
        return [ended(transfer, 'timed-out', reason), ...this.#end(transfer)];
      }
    }
  }

  #served(transfer: ServerTransfer<S>, nowMs: number): EndpointEffect<S> {
    this.counters.served++;
    this.counters.bytesServed += transfer.sender?.sizeBytes ?? 0;
    return served(transfer, this.#ports !== 'single', nowMs);
  }

  #end(transfer: ServerTransfer<S>): EndpointEffect<S>[] {
    const effects: EndpointEffect<S>[] = [{ kind: 'ended', transfer }];
    if (this.#isUnreached(transfer)) effects.push({ kind: 'unreached', peer: transfer.peer });
    transfer.phase = 'ended';
    transfer.deadlineMs = Infinity;
    this.counters.retransmits += transfer.sender?.retransmits ?? 0;
    if (transfer.ticket) this.#admission.release(transfer.ticket);
    if (this.#transfers.get(transfer.peer.key) === transfer) this.#transfers.delete(transfer.peer.key);
    return effects;
  }

  #error(transfer: ServerTransfer<S>, error: TftpError): EndpointEffect<S> {
    return { kind: 'error', peer: transfer.peer, transfer, error };
  }

  #errorTo(peer: Peer, error: TftpError): EndpointEffect<S> {
    return { kind: 'error', peer, transfer: undefined, error };
  }

  #stray(): readonly EndpointEffect<S>[] {
    this.counters.strays++;
    return [];
  }

  #malformed(peer: Peer, reason: string, nowMs: number): readonly EndpointEffect<S>[] {
    this.counters.malformed++;
    return this.#noise(nowMs, () => malformed(peer, reason));
  }

  #noise(nowMs: number, event: () => EndpointEffect<S>): EndpointEffect<S>[] {
    return this.#noiseGate.admits(nowMs) ? [event()] : [];
  }
}

function judgeRequest(name: string, mode: string): { error: TftpError; reason: string } | undefined {
  if (mode !== 'octet' && mode !== 'netascii') return { error: tftpErrors.modeUnknown, reason: 'mode' };
  if (name.length > limits.fileNameBytesMax) return { error: tftpErrors.notFound, reason: 'name too long' };
  return undefined;
}
