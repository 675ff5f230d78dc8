/** What a change of trust does to phones, as commands print it. */
import type { ShownVerdict } from '../app/plan-strand.ts';
import type { PlannedOperation } from '../app/trust-operation.ts';
import { namesOf } from '../base/text.ts';
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
    output.table(
      ['MAY HOLD CTL', 'ITL', 'PHONES', 'SIGNER FOUND IN, NOW', 'AND THEN'],
      strand.shown
        .slice(0, pairsShownMax)
        .map(({ ctl, itl, phones, mayNeedSha1, before, after, stranded }) => [
          ctl,
          itl,
          `${phones}${mayNeedSha1 ? ', may need SHA-1' : ''}`,
          before.join(' or '),
          `${after.join(' or ')}${stranded ? '  (stranded)' : ''}`,
        ]),
    );
    const more = strand.shown.length - pairsShownMax;
    if (more > 0) output.line(`and ${more} more pairs`);
    output.line();
    output.line(
      `phones: ${strand.phones}; stranded ${strand.stranded.length}, unknown ${strand.unknown.length}, offline ${strand.offline.length}`,
    );
    if (strand.stranded.length > 0) output.line(`stranded: ${namesOf(strand.stranded)}`);
    if (strand.lost.length > 0)
      output.line(`may have no path already, whatever is done here: ${namesOf(strand.lost)}`);
  }
  if (!withSteps) return;
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
