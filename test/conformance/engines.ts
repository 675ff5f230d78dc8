/** The packet engines that must all pass every conformance test: a new engine joins by one line. */
import type { EngineName } from '../../src/net/tftp-server.ts';

export const engines: readonly { readonly engine: EngineName }[] = [{ engine: 'dgram' }];
