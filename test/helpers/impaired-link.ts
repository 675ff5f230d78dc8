/**
 * A bad path in userspace (the kernel here has no netem): a UDP proxy that loses, doubles, delays and reorders.
 * What happens to the n-th packet of a flow's direction depends on the seed alone, so a run can be repeated.
 * A server that answers from a transfer port is followed: the client's packets go to where the last one came from.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Random, seeded } from './prng.ts';

export interface Impairment {
  /** Probability that a packet is lost, 0–1; each direction on its own. */
  readonly loss: number;
  /** Probability that a packet arrives twice. */
  readonly duplicate: number;
  /** Probability that a packet is held back so that later ones overtake it. */
  readonly reorder: number;
  /** One way, milliseconds; half of the round trip. */
  readonly delayMs: number;
  readonly seed: number;
}

export const perfectLink: Impairment = { loss: 0, duplicate: 0, reorder: 0, delayMs: 0, seed: 1 };

/** How much longer than the others a reordered packet is held. */
const reorderHoldMs = 4;

export interface LinkCounts {
  forwarded: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

export interface ImpairedLink {
  readonly port: number;
  /** Client to server, server to client. */
  readonly counts: { readonly up: LinkCounts; readonly down: LinkCounts };
  close(): void;
}

/** Starts a proxy on a free port of 127.0.0.1 in front of `serverPort` of the same address. */
export async function openImpairedLink(serverPort: number, impairment: Impairment): Promise<ImpairedLink> {
  const front = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  const flows = new Map<number, Flow>();
  const counts = { up: noCounts(), down: noCounts() };
  front.on('message', (packet, client) => {
    let flow = flows.get(client.port);
    if (!flow) {
      flow = new Flow(front, client, serverPort, impairment, counts, flows.size);
      flows.set(client.port, flow);
    }
    flow.fromClient(packet);
  });
  return {
    port: front.address().port,
    counts,
    close() {
      front.close();
      for (const flow of flows.values()) flow.close();
      flows.clear();
    },
  };
}

class Flow {
  readonly #back: Socket;
  readonly #up: Direction;
  readonly #down: Direction;
  readonly #listeningPort: number;
  #serverPort: number;
  #closed = false;

  constructor(
    front: Socket,
    client: RemoteInfo,
    serverPort: number,
    impairment: Impairment,
    counts: { up: LinkCounts; down: LinkCounts },
    index: number,
  ) {
    this.#listeningPort = serverPort;
    this.#serverPort = serverPort;
    this.#back = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    const seed = impairment.seed * 0x9e3779b1 + index * 2;
    this.#up = new Direction(impairment, seed, counts.up, (packet) => {
      if (!this.#closed) this.#back.send(packet, this.#serverPort, '127.0.0.1');
    });
    this.#down = new Direction(impairment, seed + 1, counts.down, (packet) => {
      if (!this.#closed) front.send(packet, client.port, client.address);
    });
    this.#back.on('message', (packet, server) => {
      this.#serverPort = server.port;
      this.#down.pass(packet);
    });
    this.#back.bind(0, '127.0.0.1');
  }

  fromClient(packet: Buffer): void {
    // A request starts anew at the listening port, whatever port answered the last one.
    if (packet[1] === 1 || packet[1] === 2) this.#serverPort = this.#listeningPort;
    this.#up.pass(packet);
  }

  close(): void {
    this.#closed = true;
    this.#back.close();
  }
}

class Direction {
  readonly #impairment: Impairment;
  readonly #counts: LinkCounts;
  readonly #deliver: (packet: Buffer) => void;
  readonly #random: Random;

  constructor(impairment: Impairment, seed: number, counts: LinkCounts, deliver: (packet: Buffer) => void) {
    this.#impairment = impairment;
    this.#counts = counts;
    this.#deliver = deliver;
    this.#random = seeded(seed);
  }

  pass(packet: Buffer): void {
    const { loss, duplicate, reorder, delayMs } = this.#impairment;
    // Always three draws per packet: the fate of one packet does not shift the fate of the next.
    const [lost, doubled, held] = [
      this.#random() < loss,
      this.#random() < duplicate,
      this.#random() < reorder,
    ];
    if (lost) {
      this.#counts.lost++;
      return;
    }
    this.#counts.forwarded++;
    if (held) this.#counts.reordered++;
    const waitMs = held ? delayMs + reorderHoldMs : delayMs;
    if (waitMs === 0) this.#deliver(packet);
    else setTimeout(this.#deliver, waitMs, packet);
    if (!doubled) return;
    this.#counts.duplicated++;
    setTimeout(this.#deliver, waitMs + 1, packet);
  }
}

function noCounts(): LinkCounts {
  return { forwarded: 0, lost: 0, duplicated: 0, reordered: 0 };
}
