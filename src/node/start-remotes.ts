/**
 * The relay, its quarantine and the lists of remote clusters, joined behind a `RemoteSide`. One that serves probes its
 * remotes by itself; `explain` only asks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { remoteProbeLookMs } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import type { Config } from '../config/schema.ts';
import type { Acceptance } from '../core/trust/list-library.ts';
import { hopNodeId } from '../core/cluster/hop.ts';
import type { Relay } from '../files/remote/relay.ts';
import { createVerifier } from '../pki/verifier.ts';
import { dataFolderAt } from '../store/data-folder.ts';
import type { OpenNode } from './open-node.ts';
import { openRemoteFiles } from './remote-files.ts';
import { createRemoteLists } from './remote-lists.ts';
import { createRemoteSide, type RemoteSide } from './remote-side.ts';

export interface StartRemotesOptions {
  readonly node: OpenNode;
  readonly config: Config;
  readonly onEvent: EventSink;
  readonly beliefsAccept?: ((device: string, signer: string) => Acceptance) | undefined;
  /** `explain`: this device asks, nothing is probed, and the folder of the server that may be running is not touched. */
  readonly assume?: string;
}

export function startRemotes(options: StartRemotesOptions): RemoteSide {
  const { node, config, onEvent, beliefsAccept, assume } = options;
  const nodeId = hopNodeId((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));
  const onTrouble = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    onEvent({ type: 'warning', topic: 'remote clusters', message });
  };
  const lists = createRemoteLists({ node, nodeId, onEvent });
  const isServing = assume === undefined;
  let folder = node.folder;
  let files: Relay | undefined;
  // One node asks for all: what it hears is kept for the signers of every node.
  const probeOurs = async (): Promise<void> => {
    const whose = (await node.subscription?.whose('probes')) ?? 'ours';
    if (whose === 'ours') await lists.probeDue();
  };
  let looking: Promise<void> | undefined;
  const probe = (): void => {
    looking ??= probeOurs()
      .catch(onTrouble)
      .finally(() => (looking = undefined));
  };
  const timer = isServing ? setInterval(probe, remoteProbeLookMs).unref() : undefined;
  return createRemoteSide({
    node,
    beliefsAccept,
    assume,
    onTrouble,
    // Imports and publications of this node are changes of its database.
    onMoment: isServing ? probe : undefined,
    files() {
      if (!isServing) folder = dataFolderAt(mkdtempSync(join(tmpdir(), 'tftp-pki-explain-')));
      const { clock } = node;
      files = openRemoteFiles({
        folder,
        config,
        clock,
        crypto: createVerifier(),
        trust: lists,
        onEvent,
        nodeId,
      });
      return files;
    },
    onClose() {
      clearInterval(timer);
      files?.close();
      lists.close();
      if (folder !== node.folder) rmSync(folder.path, { recursive: true, force: true });
    },
  });
}
