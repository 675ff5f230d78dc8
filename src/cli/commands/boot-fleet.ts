import { isIPv4 } from 'node:net';
import { Failure } from '../../base/errors.ts';
import type { FetchAnswer } from '../../core/phone/phone.ts';
import type { FleetReport } from '../../sim/fleet.ts';
import { defineCommand } from '../command.ts';
import type { Output } from '../output.ts';
import { createProgress } from '../progress.ts';
import { parseCountWithin, parseEndpoint } from '../words.ts';

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface FleetCommandOptions {
  readonly server: Endpoint;
  readonly http?: Endpoint;
  readonly rounds?: number;
  readonly away?: number;
  readonly misbehave?: number;
  readonly perAddress?: number;
  readonly from?: string;
  readonly first?: string;
  readonly concurrency?: number;
  readonly seed?: number;
}

const defaults = { rounds: 1, away: 0, misbehave: 0, perAddress: 1, concurrency: 64, seed: 1 } as const;
const firstNameDefault = 'SEP001122000000';
const phonesMax = 100_000;

export const bootFleetCommand = defineCommand<FleetCommandOptions>({
  name: 'boot-fleet',
  topic: 'Phones',
  summary: 'boot many simulated phones against a server and count what they believe',
  description: [
    'Each phone remembers its trust lists from round to round, as boot-phone --state does. With --away some are off in a ' +
      'round and meet later what they missed; with --misbehave some boot twice, give up half-way or forget their lists; ' +
      'with --from each asks from an address of its own, or --per-address of them from one, as behind NAT.',
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
      parse: parseCountWithin(1, 4096),
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
    const { away = defaults.away, misbehave = defaults.misbehave, rounds = defaults.rounds } = options;
    const progress = await createProgress(terminal, 'boots');
    progress.start(count * rounds);
    const report = await bootFleet({
      crypto: createVerifier(),
      names,
      rounds,
      away: away / 100,
      misbehave: misbehave / 100,
      perAddress: options.perAddress ?? defaults.perAddress,
      concurrency: options.concurrency ?? defaults.concurrency,
      seed: options.seed ?? defaults.seed,
      fetch: await fetcher(options),
      nowSeconds: () => Math.floor(Date.now() / 1000),
      nowMs: () => performance.now(),
      onBoot: () => progress.increment(),
    });
    progress.stop();
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
  const { firstFileMs, refusing, ...counts } = report;
  const [p50, p99] = [percentile(firstFileMs, 0.5), percentile(firstFileMs, 0.99)].map(
    (ms) => Math.round(ms * 10) / 10,
  );
  if (output.json) {
    output.object({ ...counts, firstFileMs: { p50, p99 }, refusing: [...refusing].toSorted() });
    return;
  }
  const { phones, boots, accepted, refused, missing, away, misbehaved, failed, requests } = counts;
  output.line(`${phones} phones, ${boots} boots, ${requests} requests (${failed} without an answer)`);
  output.line(`accepted ${accepted}, refused ${refused}, missed something ${missing}`);
  output.line(`away ${away}, misbehaved ${misbehaved}`);
  output.line(`first file after ${p50} ms (half of the boots), ${p99} ms (99 of 100)`);
  if (refusing.size > 0) output.line(`refusing at last: ${[...refusing].toSorted().slice(0, 8).join(' ')}`);
}
