/** Target 5: 1 MB over a round trip of 50 ms with 1 % loss; the link is test/helpers/impaired-link.ts. */
import { openImpairedLink, perfectLink } from '../../test/helpers/impaired-link.ts';
import { tftpLoad } from './load.ts';
import { medianOf } from './rounds.ts';
import { type Effort, type Finding, required, withServers } from './findings.ts';
import { product, type Server } from './servers.ts';
import { megabyte } from './workspace.ts';

const roundTripMs = 50;

interface Shape {
  readonly blksize: number;
  readonly windowsize: number;
  /** With 1 % loss. */
  readonly secondsMax: number;
}

const shapes: readonly Shape[] = [
  { blksize: 512, windowsize: 1, secondsMax: 112 },
  { blksize: 1428, windowsize: 1, secondsMax: 41 },
  { blksize: 1428, windowsize: 8, secondsMax: 6 },
  { blksize: 1428, windowsize: 64, secondsMax: 1 },
];

export async function lossyRow({ quick }: Effort): Promise<readonly Finding[]> {
  return withServers([product('mmsg')], async ([server]) => {
    const measured = shapes.filter(({ windowsize }) => !quick || windowsize > 1);
    const findings: Finding[] = [];
    // The round trip is what costs, not the processor: clients at once do not disturb each other where each waits for
    // an answer to every block. Windows, whose seconds are few, are measured one after the other.
    const patient = measured.filter(({ windowsize }) => windowsize === 1);
    const swift = measured.filter(({ windowsize }) => windowsize > 1);
    findings.push(
      ...(await Promise.all(patient.map((shape) => throughLink(required(server), shape)))).flat(),
    );
    for (const shape of swift) findings.push(...(await throughLink(required(server), shape)));
    return findings;
  });
}

async function throughLink(server: Server, shape: Shape): Promise<readonly Finding[]> {
  const windows = Math.ceil((Math.floor(megabyte / shape.blksize) + 1) / shape.windowsize);
  // The request and its OACK are one more round trip; timers and this machine's other work get a tenth.
  const cleanSecondsMax = ((windows + 2) * roundTripMs * 1.1) / 1000 + 0.1;
  const clean = () => timed(server, shape, 0, cleanSecondsMax);
  const lossy = () => timed(server, shape, 0.01, shape.secondsMax);
  return shape.windowsize === 1 ? Promise.all([clean(), lossy()]) : [await clean(), await lossy()];
}

async function timed(server: Server, shape: Shape, loss: number, secondsMax: number): Promise<Finding> {
  const { blksize, windowsize } = shape;
  const times: number[] = [];
  let failed = 0;
  const clients = 5;
  const runs = Array.from({ length: clients }, async (_, i) => {
    const impairment = { ...perfectLink, delayMs: roundTripMs / 2, loss, seed: 1000 * windowsize + i };
    const link = await openImpairedLink(server.port, impairment);
    const load = {
      files: ['megabyte'],
      clients: 1,
      transfers: 1,
      blksize,
      windowsize,
      secondsMax: 300,
      retriesMax: 30,
    };
    const result = await tftpLoad(server, load, { host: '127.0.0.1', port: link.port });
    link.close();
    failed += result.failed;
    times.push(result.worstMs / 1000);
  });
  await Promise.all(runs);
  const [median, worst] = [medianOf(times), Math.max(...times)];
  return {
    target: '5',
    what: `1 MB, 50 ms round trip, ${loss * 100} % loss, ${blksize} × ${windowsize}`,
    ours: `${median.toFixed(2)} s median, ${worst.toFixed(2)} s worst, ${failed} failed`,
    against: '',
    ratio: undefined,
    goal: `≤ ${secondsMax.toFixed(2)} s, 0 failed`,
    met: median <= secondsMax && failed === 0,
  };
}
