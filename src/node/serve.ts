/**
 * `serve`: configuration, back and edge joined and running. With `--root` there is no node behind it: files as they
 * are, no database, no signature.
 */
import { Failure } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { GivenSetting } from '../config/source.ts';
import { openDataFolder } from '../store/data-folder.ts';
import { createLog } from '../telemetry/log.ts';
import { startBack } from './back.ts';
import { startEdge, type Edge, type EdgeIdentity, type ListeningAt } from './edge.ts';
import { superviseEdge } from './edge-supervisor.ts';
import { openNode, type NodeOptions, type OpenNode } from './open-node.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, thisNodeOf, trustInputOf } from '../app/cluster-view.ts';

export interface ServeOptions {
  /** The node's folder; undefined for `serve --root`. */
  readonly node: NodeOptions | undefined;
  /** What the command line says; wins over environment and file. */
  readonly settings: readonly GivenSetting[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Takes whole log lines; default standard error. */
  readonly write?: (line: string) => void;
}

export interface RunningNode {
  readonly listening: readonly ListeningAt[];
  /** A configuration that is wrong is a Failure, and the old one stays in force. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

export async function serve(options: ServeOptions): Promise<RunningNode> {
  const folder = options.node && openDataFolder(options.node.dataDir);
  const readConfig = (): Config => {
    const { settings, environment } = options;
    return loadConfig({ file: folder?.configFile, environment, options: settings });
  };
  const config = readConfig();
  refuseIdle(config);
  const node = options.node && (await openNode(options.node));
  const onEvent = createLog({ ...config.log, ...(options.write && { write: options.write }) });
  try {
    return await join({ node, config, onEvent, readConfig });
  } catch (error) {
    await node?.close();
    throw error;
  }
}

interface Parts {
  readonly node: OpenNode | undefined;
  readonly config: Config;
  readonly onEvent: EventSink;
  readonly readConfig: () => Config;
}

async function join({ node, config, onEvent, readConfig }: Parts): Promise<RunningNode> {
  let edge: Edge | undefined;
  const back = await startBack({ node, config, onEvent, onChange: () => edge?.changed() });
  try {
    const identity = node && (await readIdentity(node, config));
    const settings = { config, identity };
    // Without keys there is nothing to keep from the edge: one process.
    edge = node
      ? await superviseEdge({ settings, resolver: back, onEvent })
      : await startEdge({ ...settings, resolver: back, onEvent });
  } catch (error) {
    back.close();
    throw error;
  }
  const running = edge;
  return {
    listening: running.listening,
    reload: () => back.reconfigure(readConfig()),
    async close() {
      await running.close();
      back.close();
      await node?.close();
    },
  };
}

function refuseIdle({ tftp, http, https }: Config): void {
  const places = [tftp.listen, http.listen, https.listen, https.legacyListen];
  if (places.every((list) => list.length === 0))
    throw new Failure('config-invalid', 'no address is configured to listen on', {
      hint: 'serve --tftp 127.0.0.1:6969, or set tftp.listen.',
    });
}

/** The key of 6971 leaves the back only when the configuration listens there. */
async function readIdentity(node: OpenNode, { https }: Config): Promise<EdgeIdentity | undefined> {
  if (https.listen.length + https.legacyListen.length === 0) return undefined;
  const view = await readClusterView(node.store, node.crypto);
  const certificate = inUse(trustInputOf(view), 'tftp-ec', thisNodeOf(view).name);
  return node.openTlsIdentity(certificate);
}
