/** What is measured: the targets of performance.md that loopback can show, one function per row of the table. */
import { interleaved, type Contest } from './rounds.ts';
import { httpLoad, tftpLoad, type TftpLoad, type TftpResult } from './load.ts';
import { type Effort, type Finding, finding, required, type Row, withServers } from './findings.ts';
import { deviceRows } from './devices.ts';
import { nodeRows } from './nodes.ts';
import { lossyRow } from './lossy.ts';
import { floodRow, stalledRow } from './hostile.ts';
import { signedRows, wholeBootRow } from './signed.ts';
import { atftpd, dnsmasq, nginx, product, productHttp, type Server, tftpdHpa } from './servers.ts';
import { largeBytes, stormFiles, stormPattern } from './workspace.ts';

export const rows: Readonly<Record<string, Row>> = {
  small: (effort) => smallFiles(effort, '1', { clients: 30 }, 1.4, true),
  'small-200': (effort) => smallFiles(effort, '1', { clients: 200 }, 1.5, false),
  'small-1428': (effort) => smallFiles(effort, '2', { clients: 200, blksize: 1428 }, 1.6, false),
  storm: bootStorm,
  large: largeFile,
  lossy: lossyRow,
  signed: signedRows,
  http: httpFiles,
  boot: wholeBootRow,
  devices: deviceRows,
  nodes: nodeRows,
  flood: floodRow,
  stalled: stalledRow,
};

const shareOf: Readonly<Record<string, number>> = { atftpd: 0.25, 'tftpd-hpa': 0.1 };

/** Targets 1 and 2. */
async function smallFiles(
  { rounds, scale, quick }: Effort,
  target: string,
  shape: Pick<TftpLoad, 'clients' | 'blksize'>,
  goal: number,
  withDgram: boolean,
): Promise<readonly Finding[]> {
  const starts = [product('mmsg'), dnsmasq('as shipped'), ...(withDgram ? [product('dgram')] : [])];
  if (withDgram && !quick) starts.push(atftpd(), tftpdHpa());
  return withServers(starts, async (servers) => {
    const [ours, best, portable, ...others] = servers;
    const load = { ...shape, files: ['small'], transfers: Math.round(20_000 * scale), secondsMax: 10 };
    const contest = await interleaved(rounds, servers, (server) =>
      // The slow ones a quarter and a tenth, so that nobody waits for them.
      tftpLoad(server, { ...load, transfers: load.transfers * (shareOf[server.name] ?? 1) }),
    );
    const what = `10 KB, blksize ${shape.blksize ?? 512}, ${shape.clients} clients`;
    const findings = [compareRate(target, what, contest, ours, best, goal)];
    if (portable) findings.push(compareRate(target, `${what}, dgram engine`, contest, portable, best, 0.65));
    for (const other of others) findings.push(compareRate(target, what, contest, ours, other, 1));
    return findings;
  });
}

/** Target 3. */
async function bootStorm({ rounds, scale }: Effort): Promise<readonly Finding[]> {
  const starts = [product('mmsg'), dnsmasq('as shipped'), dnsmasq('equal')];
  return withServers(starts, async (servers) => {
    const [ours, shipped, equal] = servers;
    const transfers = Math.round(20_000 * scale);
    const load = { files: [stormPattern], range: stormFiles, clients: 1000, secondsMax: 15 };
    const contest = await interleaved(rounds, servers, (server) =>
      // A server that drops most requests would need minutes for them all.
      tftpLoad(server, { ...load, transfers: server === shipped ? transfers / 5 : transfers }),
    );
    const what = '2,000 device files, 1,000 clients at once';
    const failed = contest.of(required(ours)).reduce((sum, result) => sum + result.failed, 0);
    const again = contest.median(required(ours), (result) => result.retransmitShare);
    return [
      compareRate('3', `${what}, peer as shipped`, contest, ours, shipped, 20),
      compareRate('3', `${what}, equal buffers`, contest, ours, equal, 1.3),
      {
        target: '3',
        what: `${what}, failed and sent again`,
        ours: `${failed} failed, ${(again * 100).toFixed(2)} % again`,
        against: '',
        ratio: undefined,
        goal: '0 failed, ≤ 1 %',
        met: failed === 0 && again <= 0.01,
      },
    ];
  });
}

/** Target 4. Largely a loopback effect: a real link is slower than any of these. */
async function largeFile({ rounds, scale }: Effort): Promise<readonly Finding[]> {
  return withServers([product('mmsg'), product('dgram'), atftpd()], async (servers) => {
    const [ours, portable, peer] = servers;
    const transfers = Math.max(16, Math.round(96 * scale));
    const load = { files: ['large'], clients: 8, transfers, blksize: 1428, windowsize: 64, secondsMax: 30 };
    const contest = await interleaved(rounds, servers, (server) => tftpLoad(server, load));
    const what = `${largeBytes / 1024 / 1024} MiB, 1428 × 64, 8 clients`;
    return [
      compareVolume('4', what, contest, ours, peer, 3),
      compareVolume('4', `${what}, against our dgram engine`, contest, ours, portable, 2.5),
    ];
  });
}

/** Target 8. */
async function httpFiles({ rounds }: Effort): Promise<readonly Finding[]> {
  return withServers([productHttp(), nginx()], async (servers) => {
    const [ours, peer] = servers;
    const contest = await interleaved(rounds, servers, (server) => httpLoad(server, 'small', 30));
    const rate = (server: Server | undefined): number => contest.median(required(server), (result) => result);
    return [finding('8', 'HTTP, 10 KB, 30 connections', rate(ours), rate(peer), 'nginx', 'requests/s', 0.5)];
  });
}

function compareRate(
  target: string,
  what: string,
  contest: Contest<TftpResult>,
  ours: Server | undefined,
  peer: Server | undefined,
  goal: number,
): Finding {
  const rate = (server: Server): number => contest.median(server, (result) => result.perSecond);
  const cpu = (server: Server): string =>
    `${contest.median(server, (result) => result.cpuMicros).toFixed(0)} µs`;
  const [a, b] = [required(ours), required(peer)];
  const compared = finding(target, what, rate(a), rate(b), b.name, 'transfers/s', goal);
  return {
    ...compared,
    ours: `${compared.ours} (${cpu(a)} CPU)`,
    against: `${compared.against} (${cpu(b)})`,
  };
}

function compareVolume(
  target: string,
  what: string,
  contest: Contest<TftpResult>,
  ours: Server | undefined,
  peer: Server | undefined,
  goal: number,
): Finding {
  const rate = (server: Server): number => contest.median(server, (result) => result.megabytesPerSecond);
  const [a, b] = [required(ours), required(peer)];
  return finding(target, what, rate(a), rate(b), b.name, 'MB/s', goal);
}
