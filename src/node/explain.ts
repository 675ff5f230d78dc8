/** `explain`: the chain of a node, built as `serve` builds it, asked without a socket. */
import { explainFile, type Explanation } from '../app/explain-file.ts';
import { explainSigner, type SignerReason } from '../app/explain-signer.ts';
import type { EventSink } from '../base/events.ts';
import { loadConfig } from '../config/load.ts';
import type { FileRequest } from '../core/files/resolution.ts';
import { fileOpener } from '../files/open-file.ts';
import { startBack } from './back.ts';
import { startRemotes } from './start-remotes.ts';
import type { TrustListKind } from '../core/cluster/model.ts';
import type { PhoneTrust } from '../core/trust/judge.ts';
import type { RemoteSide } from './remote-side.ts';
import { openNode, type NodeOptions, type OpenNode } from './open-node.ts';

export interface ExplainOptions {
  readonly node: NodeOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Who asks: names without a device are answered as its. */
  readonly device: string;
  /** What the chain meets on the way, such as a link that failed. */
  readonly onEvent: EventSink;
}

/** One explanation for each request, in order. */
export async function explainFiles(
  { node: options, environment, device, onEvent }: ExplainOptions,
  requests: readonly Pick<FileRequest, 'name' | 'transport' | 'address'>[],
): Promise<readonly Explanation[]> {
  const node = await openNode(options);
  try {
    const config = loadConfig({ file: node.folder.configFile, environment });
    const remote = startRemotes({ node, config, onEvent, assume: device });
    const back = await startBack({ node, remote, config, onEvent, onChange: () => undefined });
    try {
      let signer: Promise<SignerReason> | undefined;
      const ports = {
        ...node,
        resolver: back,
        opener: fileOpener,
        homeLists: () => homeLists(node, remote, device),
        explainSigner: () => (signer ??= explainSigner(node, device)),
      };
      const explanations: Explanation[] = [];
      for (const request of requests) explanations.push(await explainFile(ports, request));
      return explanations;
    } finally {
      back.close();
      await remote.close();
    }
  } finally {
    await node.close();
  }
}

async function homeLists(
  { store }: OpenNode,
  remote: RemoteSide,
  device: string,
): Promise<PhoneTrust | 'nobody' | undefined> {
  const home = remote.homeOf(device);
  if (home?.kind !== 'remote') return undefined;
  const lists = (await store.listRemoteLists()).filter(({ cluster }) => cluster === home.cluster);
  const [first] = lists;
  if (first === undefined) return 'nobody';
  const held = (kind: TrustListKind): Uint8Array | undefined =>
    lists.find((list) => list.server === first.server && list.kind === kind)?.bytes;
  return { ctl: held('ctl'), itl: held('itl') };
}
