/**
 * One change of trust from the command line: its plan on stdout, what to know and the question on stderr, then the
 * publication, and who must restart or reset. `--dry-run` ends after the plan.
 */
import { userInfo } from 'node:os';
import { printable } from '../base/text.ts';
import type { PlannedPublication } from '../app/plan-publication.ts';
import type { PlannedOperation, TrustOperation } from '../app/trust-operation.ts';
import type { Aftermath } from '../core/trust/aftermath.ts';
import type { OpenNode } from '../node/open-node.ts';
import type { CommandContext, OptionDefinition } from './command.ts';
import { confirm, yesOption } from './confirm.ts';
import type { ExitStatus } from './exit.ts';
import { withNode } from './node.ts';
import type { Output } from './output.ts';
import { readRecoveryKey } from './recovery-key.ts';
import { printStrand, strandFacts } from './show-strand.ts';
import { parseCount } from './words.ts';

export interface TrustOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  /** So many phones may lose their path. */
  readonly strand?: number;
  /** ITLRecovery as export-recovery wrote it, where its key lies in the folder of another node. */
  readonly key?: string;
  readonly keyPassphraseFile?: string;
}

export const dryRunOption: OptionDefinition = {
  flags: '--dry-run',
  description: 'print what would change, and change nothing',
};
export const strandOption: OptionDefinition = {
  flags: '--strand <N>',
  description: 'do it although exactly so many phones lose every path to a believed configuration',
  parse: parseCount,
};
export const trustOptions: readonly OptionDefinition[] = [dryRunOption, strandOption, yesOption];
/** Of commands whose lists ITLRecovery signs. */
export const signedTrustOptions: readonly OptionDefinition[] = [
  {
    flags: '--key <P12>',
    description: 'PKCS#12 with the ITLRecovery key, where it lies on another node of the cluster; not kept',
  },
  { flags: '--key-passphrase-file <FILE>', description: 'file whose first line opens that PKCS#12' },
  ...trustOptions,
];

/** A change that publishes no list by itself, before the planner all the same. Failure `refused` for what strands. */
export async function guardChange(
  { output }: CommandContext,
  { dryRun = false, strand }: TrustOptions,
  node: OpenNode,
  operation: TrustOperation,
): Promise<PlannedOperation> {
  const { planOperation, refuseStranding } = await import('../app/trust-operation.ts');
  const planned = await planOperation(node, operation);
  const strands = planned.strand.stranded.length > 0;
  if (!output.json && (dryRun || strands)) printStrand(output, planned, dryRun);
  if (!dryRun) refuseStranding(operation, planned, strand);
  return planned;
}

/** `open` is the folder's node, unless the command makes one. */
export async function runTrustOperation(
  context: CommandContext,
  options: TrustOptions,
  prepare: (node: OpenNode, by: string) => Promise<TrustOperation>,
  open: (work: (node: OpenNode) => Promise<void>) => Promise<void> = (work) => withNode(context, work),
): Promise<ExitStatus> {
  const { output, terminal } = context;
  const { dryRun = false, yes = false, strand } = options;
  const [{ planOperation, publishOperation, refuseStranding }, { crowdedLists }] = await Promise.all([
    import('../app/trust-operation.ts'),
    import('../app/plan-publication.ts'),
  ]);
  let strands = false;
  await open(async (node) => {
    const by = userInfo().username;
    const operation = await withLentKey(context, options, node, await prepare(node, by));
    const planned = await planOperation(node, operation);
    strands = planned.strand.stranded.length > 0;
    if (!output.json) {
      printPlan(output, planned.publication);
      printStrand(output, planned, dryRun);
    }
    const warnings = [...operation.warnings, ...crowdedLists(planned.publication)];
    for (const warning of warnings) output.warn(printable(warning));
    if (planned.publication.currentKeep)
      output.warn(
        'phones that hold the current lists keep them, and take the next ones that ITLRecovery signs',
      );
    let generation: number | null = null;
    if (!dryRun) {
      refuseStranding(operation, planned, strand);
      await confirm(terminal, operation.question, yes);
      generation = await publishOperation(node, operation, planned, by);
    }
    const devices = await node.store.countDevices();
    if (output.json)
      output.object({
        operation: operation.operation,
        dryRun,
        generation,
        lists: listFacts(planned.publication),
        phones: strandFacts(planned),
        warnings,
        currentListsKeepWorking: planned.publication.currentKeep,
        ...aftermathFacts(operation.aftermath),
        devices,
        next: operation.next ?? null,
      });
    if (generation === null) output.note('nothing was changed');
    else sayAftermath(output, generation, operation.aftermath, devices);
    if (generation !== null && operation.next !== undefined) output.hint(operation.next);
  });
  // A plan that strands phones is refused; what was done by its exact number is done.
  return dryRun && strands ? 1 : 0;
}

async function withLentKey(
  context: CommandContext,
  { key, keyPassphraseFile }: TrustOptions,
  node: OpenNode,
  operation: TrustOperation,
): Promise<TrustOperation> {
  const isGiven = key !== undefined || keyPassphraseFile !== undefined;
  if (!isGiven || operation.signer !== undefined) return operation;
  const { signedByLent } = await import('../app/trust-operation.ts');
  return signedByLent(node, operation, await readRecoveryKey(context, key, keyPassphraseFile));
}

/** Each list and what changes in it: `+` comes, `-` goes, `!` another signer. */
export function printPlan(output: Output, { lists }: PlannedPublication): void {
  const several = new Set(lists.map(({ node }) => node)).size > 1;
  for (const { kind, node, plan, diff } of lists) {
    const name = several ? `${kind.toUpperCase()} of ${printable(node)}` : kind.toUpperCase();
    if (plan === undefined) output.line(`${name}: stays as it is`);
    else {
      output.line(`${name}: ${plan.records.length} records, signed by ${printable(plan.signer.subject)}`);
      for (const line of diff) output.line(`  ${line}`);
      if (diff.length === 0) output.line('  the same records, signed anew');
    }
  }
}

export function listFacts({ lists }: PlannedPublication): readonly Readonly<Record<string, unknown>>[] {
  return lists.map(({ kind, node, plan, diff }) => ({
    kind,
    node,
    carriedOver: plan === undefined,
    records: plan?.records.length ?? null,
    signer: plan?.signer.fingerprint ?? null,
    changes: diff,
  }));
}

/** Who has to restart and to reset: at the end of every change of trust. */
export function aftermathFacts({ restart, reset }: Aftermath): Pick<Aftermath, 'restart' | 'reset'> {
  return { restart, reset };
}

export function sayAftermath(
  output: Output,
  generation: number,
  { restart, reset }: Aftermath,
  devices: number,
): void {
  output.note(`generation ${generation} is current; a server on this folder serves it within a second`);
  sayRestart(output, restart);
  if (reset === 'all phones')
    output.hint(
      `tftp-pki reset-phones --behind: phones (${devices} in the database) take the new lists when they boot`,
    );
}

export function sayRestart(output: Output, restart: Aftermath['restart']): void {
  output.hint(restart.length > 0 ? `restart: ${restart.join(', ')}` : 'no service has to restart');
}
