/** Targets 6 and 9: a node that signs, its data folder made by the product's own commands. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tftpLoad } from './load.ts';
import { interleaved } from './rounds.ts';
import { type Effort, type Finding, finding, required, withServers } from './findings.ts';
import { main, productNode, serverCore } from './servers.ts';
import { smallBytes, stormName, stormPattern, workspace } from './workspace.ts';

const run = promisify(execFile);
const phones = 10_000;

/** Target 6. */
export async function signedRows({ rounds, scale }: Effort): Promise<readonly Finding[]> {
  const raw = await rawSigningRate();
  const data = makeNode();
  return withServers([productNode(data)], async ([server]) => {
    const node = required(server);
    const files = Math.round(phones * Math.min(1, scale));
    const cold = await tftpLoad(node, {
      files: [`${stormPattern}.sgn`],
      clients: 30,
      transfers: files,
      range: files,
    });
    const warm = { clients: 30, transfers: Math.round(20_000 * scale), range: 1000 };
    // Two names for one server, so that the rounds of both kinds of file alternate.
    const [signed, plain] = [{ ...node }, { ...node }];
    const contest = await interleaved(rounds, [signed, plain], (kind) =>
      tftpLoad(node, { ...warm, files: [kind === signed ? `${stormPattern}.sgn` : stormPattern] }),
    );
    const rate = {
      signed: contest.median(signed, (r) => r.perSecond),
      plain: contest.median(plain, (r) => r.perSecond),
    };
    return [
      // A signed file is some 500 bytes longer: one block of 21 more.
      finding(
        '6',
        'signed from a warm cache against unsigned',
        rate.signed,
        rate.plain,
        'unsigned',
        'transfers/s',
        0.9,
      ),
      finding(
        '6',
        'signed for the first time against raw RSA-2048',
        cold.perSecond,
        raw,
        'raw',
        'files/s',
        0.8,
      ),
    ];
  });
}

/** Target 9. */
export async function wholeBootRow({ scale }: Effort): Promise<readonly Finding[]> {
  const data = makeNode();
  return withServers([productNode(data)], async ([server]) => {
    const node = required(server);
    const range = Math.round(phones * Math.min(1, scale));
    const sep = `${stormPattern}.sgn`;
    await tftpLoad(node, { files: [sep], clients: 30, transfers: range, range });
    const result = await tftpLoad(node, {
      files: ['ITLFile.tlv', sep, 'Ringlist.xml.sgn'],
      clients: range,
      transfers: range * 3,
      range,
      spread: true,
    });
    return [
      {
        target: '9',
        what: `${range} phones at once, list, configuration and ring list`,
        ours: `${result.failed} failed, first DATA p99 ${result.firstDataP99Ms.toFixed(0)} ms, ${result.perSecond.toFixed(0)} transfers/s`,
        against: '',
        ratio: undefined,
        goal: '0 failed, p99 < 500 ms',
        met: result.failed === 0 && result.firstDataP99Ms < 500,
      },
    ];
  });
}

/** A mixed-mode node whose folder holds a configuration for every phone. */
function makeNode(): string {
  const [files, data] = [join(workspace, 'node-files'), join(workspace, 'node')];
  if (!existsSync(join(files, stormName(phones - 1)))) {
    mkdirSync(files, { recursive: true });
    const xml = `<device>${'x'.repeat(smallBytes - 17)}</device>`;
    for (let i = 0; i < phones; i++) writeFileSync(join(files, stormName(i)), xml);
    writeFileSync(join(files, 'Ringlist.xml'), '<CiscoIPPhoneRingList></CiscoIPPhoneRingList>');
  }
  rmSync(data, { recursive: true, force: true });
  const args = ['init', '--cluster', 'bench', '--mode', 'mixed', '--files', files, '--data', data];
  execFileSync(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  return data;
}

/** Signatures a second of node:crypto on the server's core: the most a cold file could reach. */
async function rawSigningRate(): Promise<number> {
  const script = `
    const { generateKeyPairSync, sign } = require('node:crypto');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const data = Buffer.alloc(${smallBytes});
    let count = 0;
    const start = performance.now();
    const next = () => {
      if (performance.now() - start > 2000) return console.log(count / 2), process.exit(0);
      sign('sha512', data, privateKey, () => { count++; next(); });
    };
    next(); next();`;
  const { stdout } = await run('taskset', ['-c', String(serverCore), process.execPath, '-e', script]);
  return Number(stdout);
}
