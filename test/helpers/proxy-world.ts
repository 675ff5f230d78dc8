/**
 * A pure proxy in front of cluster A (nonsecure) and cluster B (mixed), each the built program in a process of its own
 * on an address of its own; phones ask from any address of 127.0.0.0/8.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addDevice } from '../../src/app/devices.ts';
import { Failure } from '../../src/base/errors.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import { fetchHttp } from '../../src/net/http-client.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { createNode, openNode, type OpenNode } from '../../src/node/open-node.ts';
import { serveProgram, type ServedNode } from './served-node.ts';
import { fakeTerminal } from './terminal.ts';

export type ClusterName = 'a' | 'b';

export interface ProxyWorld {
  readonly folder: string;
  readonly proxy: ServedNode;
  readonly proxyData: string;
  readonly proxyAddress: string;
  readonly servers: Readonly<Record<ClusterName, ServedNode>>;
  readonly nodes: Readonly<Record<ClusterName, OpenNode>>;
  /** A device there, whose configuration says whose it is. */
  add(cluster: ClusterName, device: string): Promise<void>;
  /** One file of the proxy, asked from `address`; patience is for silence. */
  ask(how: 'tftp' | 'http', name: string, address: string, timeoutMs?: number): Promise<FetchAnswer>;
  close(): Promise<void>;
}

/** `base` is the third number of three addresses 127.0.N.1, so that worlds do not meet. */
export async function proxyWorld(base: number): Promise<ProxyWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-proxy-'));
  const [proxyAddress, atA, atB] = [0, 1, 2].map((at) => `127.0.${base + at}.1`) as [string, string, string];
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const a = await startCluster(folder, 'a', atA, 'nonsecure', closing);
    const b = await startCluster(folder, 'b', atB, 'mixed', closing);
    const proxyData = join(folder, 'proxy');
    await makeNode(folder, 'proxy', 'nonsecure');
    writeFileSync(join(proxyData, 'tftp-pki.yaml'), 'proxy: { pure: true }\n', { flag: 'a' });
    for (const [id, one] of Object.entries({ a, b })) {
      const at = (service: string): string => `${one.address}:${one.server.port(service)}`;
      const places = ['--tftp', at('tftp'), '--http', at('http'), '--pin', `SHA256:${one.pin}`];
      const secure = id === 'b' ? ['--secure'] : [];
      await command('add-cluster', id, ...places, ...secure, '--data', proxyData);
    }
    const proxy = await serveProgram([
      '--tftp',
      `${proxyAddress}:0`,
      '--http',
      `${proxyAddress}:0`,
      '--data',
      proxyData,
    ]);
    closing.push(() => proxy.stop());
    const nodes = { a: a.node, b: b.node };
    return {
      folder,
      proxy,
      proxyData,
      proxyAddress,
      servers: { a: a.server, b: b.server },
      nodes,
      async add(cluster, device) {
        const lines = [{ index: 1, extension: cluster === 'a' ? '1000' : '2000' }];
        const asked = { name: device, model: 'CP-8851', protocol: 'SIP', security: 'none', lines } as const;
        await addDevice(nodes[cluster], asked);
      },
      ask: (how, name, address, timeoutMs) =>
        answerOf(
          how === 'http'
            ? fetchHttp({ host: proxyAddress, port: proxy.port('http'), name, localAddress: address })
            : fetchTftp({
                host: proxyAddress,
                port: proxy.port('tftp'),
                name,
                bindAddress: address,
                ...(timeoutMs !== undefined && { timeoutMs }),
              }),
        ),
      close: () => closeAll(folder, closing),
    };
  } catch (error) {
    await closeAll(folder, closing);
    throw error;
  }
}

/** Runs a command in this process; its JSON. */
export async function command(...words: readonly string[]): Promise<unknown> {
  const terminal = fakeTerminal();
  const status = await runProgram([...words, '--json'], terminal);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${status} ${terminal.stderr.text}`);
  const { text } = terminal.stdout;
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

async function startCluster(
  folder: string,
  id: ClusterName,
  address: string,
  mode: 'nonsecure' | 'mixed',
  closing: (() => Promise<unknown>)[],
) {
  const dataDir = await makeNode(folder, id, mode);
  const node = await openNode({ dataDir, passphraseFile: undefined });
  closing.push(() => node.close());
  const server = await serveProgram(['--tftp', `${address}:0`, '--http', `${address}:0`, '--data', dataDir]);
  closing.push(() => server.stop());
  const { certificates } = (await command('list-certs', '--data', dataDir)) as {
    readonly certificates: readonly { readonly purpose: string | null; readonly fingerprint: string }[];
  };
  const pin = certificates.find(({ purpose }) => purpose === 'itlrecovery')?.fingerprint ?? '';
  return { node, server, address, pin };
}

async function makeNode(folder: string, id: string, mode: 'nonsecure' | 'mixed'): Promise<string> {
  const [dataDir, filesRoot] = [join(folder, id), join(folder, `${id}-files`)];
  mkdirSync(filesRoot);
  for (const file of ['AppDialRules.xml', 'Ringlist.xml']) writeFileSync(join(filesRoot, file), `<${id}/>\n`);
  await createNode(
    { dataDir, passphraseFile: undefined },
    { clusterId: id, nodeName: `cucm-${id}.example`, mode, hash: 'sha1', by: 'test', filesRoot },
  );
  return dataDir;
}

async function closeAll(folder: string, closing: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closing.toReversed()) await close();
  rmSync(folder, { recursive: true, force: true });
}

async function answerOf(asking: Promise<Uint8Array>): Promise<FetchAnswer> {
  try {
    return { kind: 'bytes', bytes: await asking };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.code === 'not-found' ? { kind: 'not-found' } : { kind: 'failed', reason: error.message };
  }
}
