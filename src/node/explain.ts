/** `explain`: the chain of a node, built as `serve` builds it, asked without a socket. */
import { explainFile, type Explanation } from '../app/explain-file.ts';
import type { EventSink } from '../base/events.ts';
import { loadConfig } from '../config/load.ts';
import type { FileRequest } from '../core/files/resolution.ts';
import { fileOpener } from '../files/open-file.ts';
import { startBack } from './back.ts';
import { openNode, type NodeOptions } from './open-node.ts';

export interface ExplainOptions {
  readonly node: NodeOptions;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the chain meets on the way, such as a link that failed. */
  readonly onEvent: EventSink;
}

/** One explanation for each request, in order. */
export async function explainFiles(
  { node: options, environment, onEvent }: ExplainOptions,
  requests: readonly Pick<FileRequest, 'name' | 'transport' | 'address'>[],
): Promise<readonly Explanation[]> {
  const node = await openNode(options);
  try {
    const config = loadConfig({ file: node.folder.configFile, environment });
    const back = await startBack({ node, config, onEvent, onChange: () => undefined });
    try {
      const explanations: Explanation[] = [];
      for (const request of requests)
        explanations.push(await explainFile({ ...node, resolver: back, opener: fileOpener }, request));
      return explanations;
    } finally {
      back.close();
    }
  } finally {
    await node.close();
  }
}
