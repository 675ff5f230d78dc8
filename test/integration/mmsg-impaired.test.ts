/**
 * Loss, duplication and reordering between our client and both engines on real sockets, 1,000 seeded runs
 * (security.md §4, "packet loss, duplication, reorder"). All run at once, because waiting is all they do.
 * At 25 % loss the file is shorter: 10 KB take up to two minutes of back-off, and test/sim has those in no time.
 */
import { expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { fetchTftp } from '../../src/net/tftp-client.ts';
import { content, serve } from '../conformance/served.ts';
import { type Impairment, openImpairedLink } from '../helpers/impaired-link.ts';

const runsPerLink = 250;
/** The unlucky few are stopped, not awaited. */
const timeoutMs = 40_000;
const files = { long: content(10_240), short: content(2_560) };

interface Outcome {
  readonly complete: number;
  readonly stopped: number;
  /** Bytes that are not the file's: must not exist. */
  readonly wrong: number;
}

async function runThrough(port: number, name: keyof typeof files, impairment: Impairment): Promise<Outcome> {
  const link = await openImpairedLink(port, impairment);
  let [complete, stopped, wrong] = [0, 0, 0];
  const runs = Array.from({ length: runsPerLink }, async () => {
    try {
      const options = { name, blksize: null, windowsize: null, tsize: false } as const;
      const got = await fetchTftp({ host: '127.0.0.1', port: link.port, timeoutMs, ...options });
      if (Buffer.compare(got, files[name]) === 0) complete++;
      else wrong++;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      stopped++;
    }
  });
  await Promise.all(runs);
  link.close();
  return { complete, stopped, wrong };
}

test('no byte is ever wrong, 99 % complete at 10 % loss and 90 % at 25 %', { timeout: 120_000 }, async () => {
  const [dgram, mmsg] = [await serve('dgram', files), await serve('mmsg', files)];
  const through = ({ at }: typeof dgram, name: keyof typeof files, loss: number): Promise<Outcome> =>
    runThrough(at.port, name, { loss, duplicate: 0.02, reorder: 0.02, delayMs: 1, seed: loss * 1000 });
  const outcomes = await Promise.all([
    through(dgram, 'long', 0.1),
    through(mmsg, 'long', 0.1),
    through(dgram, 'short', 0.25),
    through(mmsg, 'short', 0.25),
  ]);
  expect(outcomes.map(({ wrong }) => wrong)).toEqual([0, 0, 0, 0]);
  for (const { complete, stopped } of outcomes) expect(complete + stopped).toBe(runsPerLink);
  const shares = outcomes.map(({ complete }) => complete / runsPerLink);
  for (const share of shares.slice(0, 2)) expect(share).toBeGreaterThanOrEqual(0.99);
  for (const share of shares.slice(2)) expect(share).toBeGreaterThanOrEqual(0.9);
});
