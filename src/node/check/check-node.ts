/**
 * `check`: everything that keeps a node from serving its phones and that can be seen from this machine, looked at once.
 * Each part is looked at although another is wrong; nothing is changed.
 */
import { networkInterfaces } from 'node:os';
import { readClusterView } from '../../app/cluster-view.ts';
import { loadConfig } from '../../config/load.ts';
import { loadLibc } from '../../net/mmsg/libc.ts';
import { readKernelClock } from '../../net/mmsg/kernel-clock.ts';
import { dataFolderAt, openDataFolder } from '../../store/data-folder.ts';
import { openNode, type NodeOptions } from '../open-node.ts';
import { readRunFile } from '../run-file.ts';
import { judgeClock } from './clock.ts';
import { looking, ok, warning, type CheckFinding } from './finding.ts';
import { checkFiles, checkFolder, checkKeys } from './folder.ts';
import { checkPorts } from './ports.ts';
import { judgeReach, type InterfaceAddress } from './reach.ts';

/** Failure `config-invalid` or `storage-unreadable` when there is no configuration to check by. */
export async function checkNode(
  options: NodeOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly CheckFinding[]> {
  const folder = dataFolderAt(options.dataDir);
  const config = loadConfig({ file: folder.configFile, environment });
  const { root, alternates } = config.files;
  const parts = [
    await looking('port', () => checkPorts(config, readRunFile(folder)?.pid)),
    judgeReach({
      listen: config.tftp.listen.map(({ address }) => address),
      allow: config.tftp.allow,
      interfaces: ownAddresses(),
    }),
    config.tftp.listen.length === 0 ? [] : checkEngine(config.tftp.engine),
    checkFiles(root === undefined ? alternates : [root, ...alternates]),
    await looking('folder', () => checkFolder(openDataFolder(options.dataDir), process.getuid?.())),
    await looking('keys', () => checkTrust(options)),
  ];
  return parts.flat();
}

/** Nothing here is worth more than the keys: they are opened last, when the rest is known. */
async function checkTrust(options: NodeOptions): Promise<readonly CheckFinding[]> {
  const node = await openNode(options);
  try {
    const view = await readClusterView(node.store, node.crypto);
    const clock = judgeClock({
      nowSeconds: Math.floor(node.clock.nowMs() / 1000),
      own: view.own,
      lists: await node.store.currentLists(),
      kernel: readKernelClock(),
    });
    return [...(await checkKeys(node, view)), ...clock];
  } finally {
    await node.close();
  }
}

function checkEngine(engine: 'auto' | 'mmsg' | 'dgram'): readonly CheckFinding[] {
  if (engine === 'dgram') return [ok('engine', 'dgram, as configured')];
  const libc = loadLibc();
  if (libc.ok) return [ok('engine', 'mmsg runs here')];
  return [
    warning(
      'engine',
      `the portable packet engine will be used: ${libc.error}`,
      'Set tftp.engine: dgram to say so.',
    ),
  ];
}

function ownAddresses(): readonly InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).map(({ address, cidr }) => ({ name, address, cidr })),
  );
}
