/**
 * A pure proxy in front of cluster A (nonsecure) and cluster B (mixed), each the built program in a process of its own
 * on an address of its own; phones ask from any address of 127.0.0.0/8.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { addDevice } from '../../src/app/devices.ts';
import { readProvisioning, setProvisioning } from '../../src/app/provisioning.ts';
import { Failure } from '../../src/base/errors.ts';
import { runProgram } from './run-program.ts';
import type { FetchAnswer } from '../../src/core/phone/phone.ts';
import { fetchHttp } from '../../src/net/http-client.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { createNode, openNode, type OpenNode } from '../../src/node/open-node.ts';
import { serveProgram, type ServedNode } from './served-node.ts';
import { fakeTerminal } from './terminal.ts';

export type ClusterName = 'a' | 'b';

/** One file, asked from `address`; patience is for silence. */
export type Ask = (
  how: 'tftp' | 'http',
  name: string,
  address: string,
  timeoutMs?: number,
) => Promise<FetchAnswer>;

export interface Proxy {
  readonly address: string;
  readonly data: string;
  readonly server: ServedNode;
  readonly ask: Ask;
}

export interface ProxyOptions {
  readonly pure: boolean;
  readonly autoRegistration?: boolean;
  /** Of its provisioning directory. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface ProxyWorld {
  readonly proxy: Proxy;
  /** Another one in front of the same clusters. */
  addProxy(id: string, address: string, options: ProxyOptions): Promise<Proxy>;
  readonly data: Readonly<Record<ClusterName, string>>;
  readonly servers: Readonly<Record<ClusterName, ServedNode>>;
  readonly nodes: Readonly<Record<ClusterName, OpenNode>>;
  /** A device there, whose configuration says whose it is. */
  add(cluster: ClusterName, device: string): Promise<void>;
  close(): Promise<void>;
}

/** `base` is the third number of three addresses 127.0.N.1, so that worlds do not meet. */
export async function proxyWorld(base: number, options: ProxyOptions = { pure: true }): Promise<ProxyWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-proxy-'));
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const a = await startCluster(folder, 'a', `127.0.${base + 1}.1`, 'nonsecure', closing);
    const b = await startCluster(folder, 'b', `127.0.${base + 2}.1`, 'mixed', closing);
    const addProxy: ProxyWorld['addProxy'] = (id, address, wanted) =>
      startProxy(folder, id, address, wanted, { a, b }, closing);
    const proxy = await addProxy('proxy', `127.0.${base}.1`, options);
    const nodes = { a: a.node, b: b.node };
    return {
      proxy,
      addProxy,
      data: { a: a.dataDir, b: b.dataDir },
      servers: { a: a.server, b: b.server },
      nodes,
      async add(cluster, device) {
        const lines = [{ index: 1, extension: cluster === 'a' ? '74001' : '74002' }];
        const asked = { name: device, model: 'CP-8851', protocol: 'SIP', security: 'none', lines } as const;
        await addDevice(nodes[cluster], asked);
      },
      close: () => closeAll(folder, closing),
    };
  } catch (error) {
    await closeAll(folder, closing);
    throw error;
  }
}

/** No command does so beside remote clusters; a database that somebody wrote to may say so. */
async function turnOnAutoRegistration(data: string): Promise<void> {
  const node = await openNode({ dataDir: data, passphraseFile: undefined });
  const wanted = { ...(await readProvisioning(node.store)), autoRegistration: true };
  await expect(setProvisioning(node, wanted)).rejects.toThrow(/auto-registration stays off/);
  await node.store.writeProvisioning(wanted, { pools: [], models: [] }, Date.now());
  await node.close();
}

type Started = Awaited<ReturnType<typeof startCluster>>;

async function startProxy(
  folder: string,
  id: string,
  address: string,
  { pure, autoRegistration = false, files = {} }: ProxyOptions,
  clusters: Readonly<Record<ClusterName, Started>>,
  closing: (() => Promise<unknown>)[],
): Promise<Proxy> {
  const data = await makeNode(folder, id, 'nonsecure', files);
  writeFileSync(join(data, 'tftp-pki.yaml'), `proxy: { pure: ${pure} }\n`, { flag: 'a' });
  for (const [name, one] of Object.entries(clusters)) {
    const at = (service: string): string => `${one.address}:${one.server.port(service)}`;
    const places = ['--tftp', at('tftp'), '--http', at('http'), '--pin', `SHA256:${one.pin}`];
    await command('add-cluster', name, ...places, ...(name === 'b' ? ['--secure'] : []), '--data', data);
  }
  if (autoRegistration) await turnOnAutoRegistration(data);
  const server = await serveProgram(['--tftp', `${address}:0`, '--http', `${address}:0`, '--data', data]);
  closing.push(() => server.stop());
  return {
    address,
    data,
    server,
    ask: (how, name, from, timeoutMs) =>
      answerOf(
        how === 'http'
          ? fetchHttp({ host: address, port: server.port('http'), name, localAddress: from })
          : fetchTftp({
              host: address,
              port: server.port('tftp'),
              name,
              bindAddress: from,
              ...(timeoutMs !== undefined && { timeoutMs }),
            }),
      ),
  };
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
  return { dataDir, node, server, address, pin };
}

async function makeNode(
  folder: string,
  id: string,
  mode: 'nonsecure' | 'mixed',
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [dataDir, filesRoot] = [join(folder, id), join(folder, `${id}-files`)];
  mkdirSync(filesRoot);
  const common = { 'AppDialRules.xml': `<${id}/>\n`, 'Ringlist.xml': `<${id}/>\n` };
  for (const [file, text] of Object.entries({ ...common, ...files })) {
    mkdirSync(join(filesRoot, dirname(file)), { recursive: true });
    writeFileSync(join(filesRoot, file), text);
  }
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
