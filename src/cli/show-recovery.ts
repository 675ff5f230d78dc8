/** Phones that cannot follow and their ways back, as `plan --recover` prints them. */
import { commandsOf, type RecoveryPlan, type StuckPhone } from '../app/recover.ts';
import { namesOf } from '../base/text.ts';
import { formatIsoSeconds } from '../base/utc-time.ts';
import type { Output } from './output.ts';

/** Rows of a table for people; `--json` has all. */
const pairsShownMax = 4;
const dayMs = 86_400_000;

export function printRecovery(
  output: Output,
  { phones, total, keptSigners }: RecoveryPlan,
  nowMs: number,
): void {
  output.line(`${phones.length} of ${total} phones need a look`);
  if (phones.length === 0) return;
  output.line();
  output.table(
    ['PHONE', 'WHY', 'MAY HOLD (CTL/ITL)', 'WAY BACK'],
    phones.map((phone) => [
      phone.name,
      phone.why.map((why) => reasonWords(why, phone, nowMs)).join(', '),
      `${phone.mayHold.slice(0, pairsShownMax).join(' ')}${phone.mayHold.length > pairsShownMax ? ' …' : ''}`,
      phone.ways.map(({ way }) => way).join(', else '),
    ]),
  );
  output.line();
  const ways = new Set(phones.flatMap((phone) => phone.ways.map(({ way }) => way)));
  for (const way of ways) output.line(`${way}: ${commandsOf[way]}`);
  for (const fingerprint of keptSigners) output.line(`kept signer SHA256:${fingerprint}`);
  const byHand = phones.filter(({ needsHands }) => needsHands).map(({ name }) => name);
  if (byHand.length > 0) output.line(`may need hands, there is no other way: ${namesOf(byHand)}`);
}

function reasonWords(
  why: StuckPhone['why'][number],
  { unansweredConfigs, tvs, behindSinceMs }: StuckPhone,
  nowMs: number,
): string {
  if (why === 'refusing') return `refusing (${unansweredConfigs} times)`;
  if (why === 'asks-tvs') return `asks-tvs (${tvs?.count ?? 0} times)`;
  if (why === 'behind') return `behind (${Math.floor((nowMs - (behindSinceMs ?? nowMs)) / dayMs)} days)`;
  return why;
}

export function recoveryFacts({
  phones,
  total,
  keptSigners,
}: RecoveryPlan): Readonly<Record<string, unknown>> {
  return {
    devices: total,
    phones: phones.map(({ behindSinceMs, heardMs, tvs, ...phone }) => ({
      ...phone,
      heard: time(heardMs),
      behindSince: time(behindSinceMs),
      tvs:
        tvs === undefined ? null : { count: tvs.count, last: time(tvs.lastMs), signer: tvs.signer ?? null },
    })),
    keptSigners,
  };
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : formatIsoSeconds(Math.floor(ms / 1000));
}
