/**
 * The relay, its quarantine and the lists of remote clusters, joined behind a `RemoteSide`. One that serves probes its
 * remotes by itself; `explain` only asks.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { remoteProbeLookMs } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import type { Acceptance } from '../core/trust/list-library.ts';
import { hopNodeId } from '../core/cluster/hop.ts';
import { fileOpener } from '../files/open-file.ts';
import { openQuarantine } from '../files/remote/quarantine.ts';
import { createRelay, type Relay } from '../files/remote/relay.ts';
import { createRemoteTransport } from '../net/remote/transport.ts';
import { createVerifier } from '../pki/verifier.ts';
import type { OpenNode } from './open-node.ts';
import { createRemoteLists } from './remote-lists.ts';
import { createRemoteSide, type RemoteSide } from './remote-side.ts';

export interface StartRemotesOptions {
  readonly node: OpenNode;
  readonly onEvent: EventSink;
  readonly beliefsAccept?: ((device: string, signer: string) => Acceptance) | undefined;
  /** `explain`: this device asks, nothing is probed, the quarantine is its own. */
  readonly assume?: string;
}

export function startRemotes({ node, onEvent, beliefsAccept, assume }: StartRemotesOptions): RemoteSide {
  const nodeId = hopNodeId((length) => Uint8Array.from(randomBytes(length)));
  const onTrouble = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    onEvent({ type: 'warning', topic: 'remote clusters', message });
  };
  const lists = createRemoteLists({ node, nodeId, onEvent });
  // A second process must not empty the folder of the one that serves.
  const isServing = assume === undefined;
  let undo: (() => void) | undefined;
  const files = (): Relay => {
    const folder = isServing
      ? node.folder.quarantineFolder
      : mkdtempSync(join(tmpdir(), 'tftp-pki-explain-'));
    const relay = createRelay({
      transport: createRemoteTransport({ nodeId, from: { v4: undefined, v6: undefined }, onEvent }),
      quarantine: openQuarantine({ folder }),
      crypto: createVerifier(),
      trust: lists,
      opener: fileOpener,
      clock: node.clock,
      onEvent,
    });
    undo = () => {
      relay.close();
      if (!isServing) rmSync(folder, { recursive: true, force: true });
    };
    return relay;
  };
  const probe = (): void => void lists.probeDue().catch(onTrouble);
  const timer = isServing ? setInterval(probe, remoteProbeLookMs).unref() : undefined;
  if (isServing) probe();
  return createRemoteSide({
    node,
    files,
    beliefsAccept,
    assume,
    onTrouble,
    onClose() {
      clearInterval(timer);
      undo?.();
      lists.close();
    },
  });
}
