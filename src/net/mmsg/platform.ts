/** Where the batched engine can run; asked before the C library is touched. */
import { endianness } from 'node:os';

/** Why this platform cannot run the engine, or undefined. */
export function platformRefusal(
  platform: string = process.platform,
  arch: string = process.arch,
  order: string = endianness(),
): string | undefined {
  if (platform !== 'linux') return `recvmmsg and sendmmsg exist on Linux only, this is ${platform}`;
  if (arch !== 'x64' && arch !== 'arm64')
    return `structure layouts are checked for x64 and arm64, not ${arch}`;
  if (order !== 'LE') return 'structure layouts are checked for little-endian machines';
  return undefined;
}
