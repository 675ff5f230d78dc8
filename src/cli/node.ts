/** The node's folder for commands that need it: opened with what the command line says, closed whatever happens. */
import { Failure } from '../base/errors.ts';
import type { NodeOptions, OpenNode } from '../node/open-node.ts';
import type { CommandContext } from './command.ts';

export function nodeOptions({ global, terminal }: Pick<CommandContext, 'global' | 'terminal'>): NodeOptions {
  if (global.dataDir === undefined)
    throw new Failure('usage', "this command works on a node's folder and none is named", {
      hint: 'name it with --data DIR or in the environment as TFTP_PKI_DATA',
    });
  const { dataDir, passphraseFile, reason } = global;
  return { dataDir, passphraseFile, environment: terminal.env, reason };
}

export async function withNode<T>(context: CommandContext, work: (node: OpenNode) => Promise<T>): Promise<T> {
  const options = nodeOptions(context);
  const { openNode } = await import('../node/open-node.ts');
  const node = await openNode(options);
  try {
    return await work(node);
  } finally {
    await node.close();
  }
}

/** For a command that only shows: `away` says why it is the node's last copy of its database that is shown. */
export async function withShownNode<T>(
  context: CommandContext,
  work: (node: OpenNode, away: Failure | undefined) => Promise<T>,
): Promise<T> {
  const { openShownNode } = await import('../node/open-node.ts');
  const { node, away } = await openShownNode(nodeOptions(context));
  try {
    return await work(node, away);
  } finally {
    await node.close();
  }
}
