/** What a change of trust does to phones, as commands print it. */
import type { ShownVerdict } from '../app/plan-strand.ts';
import type { PlannedStep } from '../app/plan-steps.ts';
import type { PlannedOperation } from '../app/trust-operation.ts';
import { namesOf, namesShownMax } from '../base/text.ts';
import type { Output } from './output.ts';

/** Rows of a table for people; `--json` has all. */
const pairsShownMax = 12;

/** The pairs in the field with their roads; `withSteps`: and the order in which things may follow. */
export function printStrand(
  output: Output,
  { strand, steps }: Pick<PlannedOperation, 'strand' | 'steps'>,
  withSteps: boolean,
): void {
  output.line();
  if (strand.phones === 0) output.line('phones: none in the database, so nobody can be counted');
  else {
    printTable(
      output,
      ['MAY HOLD CTL', 'ITL', 'PHONES', 'SIGNER FOUND IN, NOW', 'AND THEN'],
      strand.shown.map(({ ctl, itl, phones, mayNeedSha1, before, after, stranded }) => [
        ctl,
        itl,
        `${phones}${mayNeedSha1 ? ', may need SHA-1' : ''}`,
        before.join(' or '),
        `${after.join(' or ')}${stranded ? '  (stranded)' : ''}`,
      ]),
    );
    output.line();
    printCounts(output, strand);
    if (strand.lost.length > 0)
      output.line(`may have no path already, whatever is done here: ${namesOf(strand.lost)}`);
  }
  if (withSteps) printSteps(output, steps);
}

export function printTable(
  output: Output,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  if (rows.length === 0) return;
  output.table(heading, rows.slice(0, pairsShownMax));
  const more = rows.length - pairsShownMax;
  if (more > 0) output.line(`and ${more} more pairs: --json has all`);
}

/** Three numbers, and the first phones of each by name. */
export function printCounts(
  output: Output,
  {
    phones,
    ...named
  }: Readonly<Record<(typeof counted)[number], readonly string[]>> & { readonly phones: number },
): void {
  const numbers = counted.map((word) => `${word} ${named[word].length}`);
  output.line(`phones: ${phones}; ${numbers.join(', ')}`);
  for (const word of counted) if (named[word].length > 0) output.line(`${word}: ${namesOf(named[word])}`);
  if (counted.some((word) => named[word].length > namesShownMax)) output.line('--json names all of them');
}

const counted = ['stranded', 'unknown', 'offline'] as const;

/** What to do in which order, each step judged by the planner. */
export function printSteps(output: Output, steps: readonly PlannedStep[]): void {
  output.line();
  steps.forEach(({ command, when }, index) => output.line(`${index + 1}. ${command}  (${when})`));
}

/** Pairs of lists that nobody counted. */
export function printPairs(output: Output, pairs: readonly ShownVerdict[]): void {
  output.line();
  output.table(
    ['PHONES THAT HOLD CTL', 'ITL', 'FIND THE SIGNER IN'],
    pairs.map(({ ctl, itl, after }) => [ctl, itl, after.join(' or ')]),
  );
}

export function strandFacts({
  strand,
  steps,
}: Pick<PlannedOperation, 'strand' | 'steps'>): Readonly<Record<string, unknown>> {
  const { phones, stranded, unknown, offline, lost, shown } = strand;
  return { count: phones, stranded, unknown, offline, lost, pairs: shown, steps };
}
