/** A server with files in memory, for one test. */
import { onTestFinished } from 'vitest';
import type { Event } from '../../src/base/events.ts';
import type { FileRequest, Resolution } from '../../src/core/files/resolution.ts';
import {
  startTftpServer,
  type EngineName,
  type TftpServer,
  type TftpServerOptions,
} from '../../src/net/tftp-server.ts';

export type Files = Readonly<
  Record<string, Uint8Array | ((request: FileRequest) => Resolution | Promise<Resolution>)>
>;

export interface Served {
  readonly server: TftpServer;
  /** The first address it listens at. */
  readonly at: { readonly address: string; readonly port: number };
  readonly events: Event[];
  /** Names the resolver was asked for. */
  readonly asked: string[];
}

export function served(bytes: Uint8Array): Resolution {
  return { kind: 'served', content: { kind: 'memory', bytes }, by: 'test', freshForMs: 0, trace: [] };
}

export async function serve(
  engine: EngineName,
  files: Files,
  options: Partial<Omit<TftpServerOptions, 'engine' | 'resolver' | 'onEvent'>> = {},
): Promise<Served> {
  const events: Event[] = [];
  const asked: string[] = [];
  const server = await startTftpServer({
    listen: [{ address: '127.0.0.1', port: 0 }],
    ...options,
    engine,
    resolver: {
      resolve: async (request) => {
        const { name } = request;
        if (name !== 'fence') asked.push(name);
        const file = files[name];
        if (file === undefined) return { kind: 'not-found', trace: [] };
        return typeof file === 'function' ? file(request) : served(file);
      },
    },
    onEvent: (event) => events.push(event),
  });
  onTestFinished(() => server.close(0));
  const at = server.addresses[0] ?? { address: '', port: 0 };
  return { server, at, events, asked };
}

/** `length` bytes that differ from block to block. */
export function content(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 9)) & 0xff;
  return bytes;
}
