import { isIPv4 } from 'node:net';
import { Failure } from '../../base/errors.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { FetchAnswer } from '../../core/phone/phone.ts';
import type { FleetOptions, FleetReport } from '../../sim/fleet.ts';
import { querySigner, tvsPort } from '../ask-tvs.ts';
import { defineCommand } from '../command.ts';
import type { Output } from '../output.ts';
import { createSteps } from '../progress.ts';
import { parseCountWithin, parseEndpoint } from '../words.ts';

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface FleetCommandOptions {
  readonly server: Endpoint;
  readonly http?: Endpoint;
  readonly tvs?: Endpoint;
  readonly rounds?: number;
  readonly away?: number;
  readonly awayRounds?: number;
  readonly misbehave?: number;
  readonly perAddress?: number;
  readonly from?: string;
  readonly first?: string;
  readonly concurrency?: number;
  readonly storm?: number;
  readonly seed?: number;
}

const defaults = {
  rounds: 1,
  away: 0,
  awayRounds: 1,
  misbehave: 0,
  perAddress: 1,
  concurrency: 64,
  seed: 1,
} as const;
/** In a storm nobody waits for others, but each has a socket. */
const concurrencyMax = 4096;
const firstNameDefault = 'SEP001122000000';
const phonesMax = 100_000;

export const bootFleetCommand = defineCommand<FleetCommandOptions>({
  name: 'boot-fleet',
  topic: 'Phones',
  summary: 'boot many simulated phones against a server and count what they believe',
  description: [
    'Each phone remembers its trust lists from round to round, as boot-phone --state does. With --away some are off in a ' +
      'round, or in several with --away-rounds, and meet later what they missed; with --misbehave some boot twice, give up ' +
      'half-way or forget their lists; with --tvs they ask about signers that they do not know; with --from each asks from an ' +
      'address of its own, or --per-address of them from one, as behind NAT.',
    'With --storm the phones of a round are switched on within so many seconds, as after a power cut, and the time to the ' +
      `first file counts from that moment; up to ${concurrencyMax} are served at once, unless --concurrency says less.`,
    'Exits 1 when a phone refuses something, 4 when no server answers.',
  ],
  arguments: [{ syntax: '<n>', description: 'how many phones' }],
  options: [
    {
      flags: '--server <HOST:PORT>',
      description: 'the TFTP server',
      required: true,
      parse: (word) => parseEndpoint(word, 69),
    },
    {
      flags: '--http <HOST:PORT>',
      description: 'its HTTP, which the phones then ask instead',
      parse: (word) => parseEndpoint(word, 6970),
    },
    {
      flags: '--tvs <HOST:PORT>',
      description: 'the Trust Verification Service that the phones ask for signers they do not know',
      parse: (word) => parseEndpoint(word, tvsPort),
    },
    {
      flags: '--rounds <N>',
      description: 'boots of each phone (default: 1)',
      parse: parseCountWithin(1, 1000),
    },
    {
      flags: '--away <PERCENT>',
      description: 'phones that are off in a round (default: 0)',
      parse: parseCountWithin(0, 100),
    },
    {
      flags: '--away-rounds <N>',
      description: 'rounds that a phone stays off at most, once it is (default: 1)',
      parse: parseCountWithin(1, 1000),
    },
    {
      flags: '--misbehave <PERCENT>',
      description: 'boots that go wrong on purpose (default: 0)',
      parse: parseCountWithin(0, 100),
    },
    {
      flags: '--from <ADDR>',
      description: 'first IPv4 source address of this machine; the next phones count on from it',
    },
    {
      flags: '--per-address <N>',
      description: 'phones that share one (default: 1)',
      parse: parseCountWithin(1, phonesMax),
    },
    {
      flags: '--first <NAME>',
      description: `the first phone's name; the next ones count on (default: ${firstNameDefault})`,
    },
    {
      flags: '--concurrency <N>',
      description: 'boots at once (default: 64)',
      parse: parseCountWithin(1, concurrencyMax),
    },
    {
      flags: '--storm <SECONDS>',
      description: 'switches all phones of a round on within so many seconds',
      parse: parseCountWithin(0, 86_400),
    },
    {
      flags: '--seed <N>',
      description: 'who is away and who misbehaves (default: 1)',
      parse: parseCountWithin(0, 999_999_999),
    },
  ],
  examples: [
    {
      says: '1,000 phones, each from an address of its own, 5 % of them off in each of three rounds',
      command:
        'tftp-pki boot-fleet 1000 --server 127.0.0.1:6969 --http 127.0.0.1:6970 --from 127.1.0.1 --rounds 3 --away 5',
    },
  ],
  async run({ output, terminal }, [word = ''], options) {
    const count = parseCountWithin(1, phonesMax)(word);
    const names = namesFrom(options.first ?? firstNameDefault, count);
    const { from } = options;
    if (from !== undefined && !isIPv4(from)) throw new Failure('usage', `'${from}' is not an IPv4 address`);
    const [{ bootFleet }, { createVerifier }] = await Promise.all([
      import('../../sim/fleet.ts'),
      import('../../pki/verifier.ts'),
    ]);
    const chosen = { ...defaults, ...options };
    const { tvs, storm } = options;
    const steps = await createSteps(terminal, 'boots');
    const report = await bootFleet({
      ...chosen,
      crypto: createVerifier(),
      names,
      away: chosen.away / 100,
      awayRoundsMax: chosen.awayRounds,
      misbehave: chosen.misbehave / 100,
      concurrency: options.concurrency ?? (storm === undefined ? defaults.concurrency : concurrencyMax),
      stormMs: storm === undefined ? undefined : storm * 1000,
      fetch: await fetcher(options),
      askTvs: tvs && tvsAsker(tvs),
      nowSeconds: () => Math.floor(Date.now() / 1000),
      nowMs: () => performance.now(),
      wait: (ms) => delay(ms),
      onBoot: ({ boots, away }) => steps.step(boots + away, Math.max(count * chosen.rounds, boots + away)),
    });
    steps.stop();
    if (report.requests > 0 && report.failed === report.requests)
      throw new Failure('unreachable', 'no server answered any of the phones');
    await print(output, report);
    return report.refused > 0 ? 1 : 0;
  },
});

async function fetcher({
  server,
  http,
  from,
}: FleetCommandOptions): Promise<(name: string, address: number) => Promise<FetchAnswer>> {
  const [{ fetchHttp }, { fetchTftp }] = await Promise.all([
    import('../../net/http-client.ts'),
    import('../../net/tftp-client.ts'),
  ]);
  return async (name, address) => {
    const source = from === undefined ? undefined : addressAfter(from, address);
    try {
      const bytes = await (http === undefined
        ? fetchTftp({ ...server, name, bindAddress: source })
        : fetchHttp({ ...http, name, localAddress: source }));
      return { kind: 'bytes', bytes };
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      return thrown.code === 'not-found' ? { kind: 'not-found' } : { kind: 'failed', reason: thrown.message };
    }
  };
}

function tvsAsker(tvs: Endpoint): FleetOptions['askTvs'] {
  return async (device, signer) => (await querySigner({ ...tvs, device }, signer)).answer;
}

/** `SEP` and a hexadecimal number that counts on. */
function namesFrom(first: string, count: number): readonly string[] {
  if (!/^SEP[0-9A-F]{12}$/i.test(first))
    throw new Failure('usage', `'${first}' is not SEP and twelve hexadecimal digits`);
  const start = Number.parseInt(first.slice(3), 16);
  return Array.from(
    { length: count },
    (_, at) => `SEP${(start + at).toString(16).toUpperCase().padStart(12, '0')}`,
  );
}

/** Counted on without .0 and .255, which are no hosts in a /24. */
function addressAfter(first: string, steps: number): string {
  const parts = first.split('.').map(Number);
  const [a = 0, b = 0, c = 0, d = 1] = parts;
  const host = Math.max(d, 1) - 1 + steps;
  const subnet = (b << 8) + c + Math.floor(host / 254);
  return [a, (subnet >> 8) & 0xff, subnet & 0xff, (host % 254) + 1].join('.');
}

async function print(output: Output, report: FleetReport): Promise<void> {
  const { percentile } = await import('../../sim/fleet.ts');
  const { firstFileMs, roundMs, refusing, ...counts } = report;
  const [p50, p99] = [percentile(firstFileMs, 0.5), percentile(firstFileMs, 0.99)].map(tenths);
  if (output.json) {
    output.object({
      ...counts,
      firstFileMs: { p50, p99 },
      roundMs: roundMs.map(tenths),
      refusing: [...refusing].toSorted(),
    });
    return;
  }
  const { phones, boots, accepted, refused, missing, away, misbehaved, failed, requests } = counts;
  const { returned, longestAwayRounds, tvsQueries, tvsFailed } = counts;
  output.line(`${phones} phones, ${boots} boots, ${requests} requests (${failed} without an answer)`);
  output.line(`accepted ${accepted}, refused ${refused}, missed something ${missing}`);
  output.line(`away ${away}, misbehaved ${misbehaved}`);
  if (returned > 0) output.line(`came back ${returned}, after up to ${longestAwayRounds} rounds`);
  if (tvsQueries > 0) output.line(`asked the TVS ${tvsQueries} times (${tvsFailed} without an answer)`);
  output.line(`first file after ${p50} ms (half of the boots), ${p99} ms (99 of 100)`);
  const rounds = roundMs.map((ms) => `${Math.round(ms)} ms`);
  output.line(`all done after ${rounds.join(', ')}${rounds.length > 1 ? ', round by round' : ''}`);
  if (refusing.size > 0) output.line(`refusing at last: ${[...refusing].toSorted().slice(0, 8).join(' ')}`);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
