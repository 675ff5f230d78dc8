import { userInfo } from 'node:os';
import type { Acceptance } from '../../app/bulk-peers.ts';
import type { ImportReview } from '../../app/import-bulk.ts';
import { Failure } from '../../base/errors.ts';
import { migrationDaysMax } from '../../base/limits.ts';
import { bulkPurposes, type BulkPurpose } from '../../core/bulk/bulk-type.ts';
import { aftermathOfStores } from '../../core/trust/aftermath.ts';
import type { OpenNode } from '../../node/open-node.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { confirm, yesOption } from '../confirm.ts';
import { withNode } from '../node.ts';
import {
  aftermathFacts,
  dryRunOption,
  guardChange,
  sayRestart,
  strandOption,
  type TrustOptions,
} from '../run-trust-operation.ts';
import { importFacts, printReview, sayNext, summaryOf } from '../show-import.ts';
import { strandFacts } from '../show-strand.ts';
import {
  acceptOption,
  bundlePassphrase,
  shareForm,
  shareOptions,
  withShare,
  type ShareOptions,
} from '../share-options.ts';
import { parseTimeSeconds } from '../words.ts';

interface ImportOptions extends ShareOptions, TrustOptions {
  readonly from: string;
  readonly purpose: BulkPurpose;
  readonly cluster?: readonly string[];
  /** Seconds. */
  readonly until?: number;
  readonly foreign?: string;
  readonly legacy?: boolean;
  readonly accept?: readonly Acceptance[];
  readonly apply?: boolean;
}

export const importBulkCommand = defineCommand<ImportOptions>({
  name: 'import-bulk',
  topic: 'Certificates',
  summary: 'look at what other clusters export, then take it over with --apply',
  description: [
    'Fetches the consolidation into quarantine, verifies every cluster’s own manifest, and shows each certificate with ' +
      'its fingerprint, the store it would enter, what whoever holds its key could do then, and what changes in the CTL. ' +
      'The same command with --apply takes over what was shown, in one step, and asks before; it does not fetch again.',
    'The purpose decides what others may do: proxy makes them signers of files and of nothing else; emcc takes Tomcat ' +
      'and ITLRecovery; migrate makes them signers of trust lists until a day. What a cluster no longer exports is ' +
      'retired by the same plan.',
    'Before anything is taken over the planner counts the phones that it would strand, with the CTL that follows it.',
    'With --foreign the share is a directory of PEM and PKCS#12 files of another product, each named for what it is ' +
      '(CallManager.pem, TVS.p12). No manifest speaks for them: --apply needs --accept with the one fingerprint over all ' +
      'of them that was shown.',
    shareForm,
  ],
  options: [
    { flags: '--from <SHARE>', description: 'the share', required: true },
    {
      flags: '--purpose <PURPOSE>',
      description: 'what the certificates are for',
      choices: bulkPurposes,
      required: true,
    },
    {
      flags: '--cluster <ID>',
      description: 'take from this cluster only; may stand several times (default: from all)',
      many: true,
    },
    {
      flags: '--until <TIME>',
      description: `end of a migration, at most ${migrationDaysMax} days from now (default: 30 days)`,
      parse: parseTimeSeconds,
    },
    { flags: '--foreign <ID>', description: 'the share is a directory of files of the cluster ID' },
    { flags: '--legacy', description: 'with --foreign: read PKCS#12 of old programs too (RC2, 3DES)' },
    acceptOption,
    { flags: '--apply', description: 'take over what was shown' },
    dryRunOption,
    strandOption,
    yesOption,
    ...shareOptions,
  ],
  examples: [
    {
      says: 'let the phones here believe the proxy TFTP of the cluster hub',
      command:
        'tftp-pki import-bulk --from /mnt/exchange --purpose proxy --cluster hub --data /var/lib/tftp-pki',
    },
    {
      says: 'then',
      command: 'tftp-pki import-bulk --from /mnt/exchange --purpose proxy --apply --data /var/lib/tftp-pki',
    },
  ],
  async run(context, _, options) {
    const { applyImport, importOperation, isNothing, reviewImport } =
      await import('../../app/import-bulk.ts');
    const { output, terminal } = context;
    return withNode(context, async (node) => {
      const by = userInfo().username;
      const { purpose, accept: accepted = [], dryRun = false } = options;
      if (options.apply === true) await refuseOtherQuestion(node, options);
      else await fetch(context, node, options);
      const apply = options.apply === true && !dryRun;
      const review = await reviewImport(node, { purpose, accepted, by });
      if (!output.json) printReview(output, review);
      const changes = !isNothing(review.plan);
      const guard = { ...options, dryRun: !apply };
      const planned = changes ? await guardChange(context, guard, node, importOperation(review)) : undefined;
      if (apply && changes) await confirm(terminal, summaryOf(review), options.yes === true);
      if (apply) await applyImport(node, review, by);
      if (output.json)
        output.object({
          ...importFacts(review),
          phones: planned === undefined ? null : strandFacts(planned),
          applied: apply && changes,
          ...aftermathFacts(aftermathOfStores),
        });
      sayDone(context, review, { apply, changes });
      const strands = dryRun && (planned?.strand.stranded.length ?? 0) > 0;
      return review.refused.length === 0 && !strands ? 0 : 1;
    });
  },
});

function sayDone(
  { output }: CommandContext,
  review: ImportReview,
  { apply, changes }: { readonly apply: boolean; readonly changes: boolean },
): void {
  if (!changes) output.note('nothing changes: it all stands here already');
  else if (apply) {
    output.note('taken over');
    sayRestart(output, aftermathOfStores.restart);
    sayNext(output, review);
  } else {
    output.note('nothing was changed: it lies in quarantine');
    const accept =
      review.directory === undefined
        ? ''
        : ` --accept ${review.directory.cluster}=SHA256:${review.directory.fingerprint}`;
    output.hint(`compare the fingerprints with their owners, then the same command with --apply${accept}`);
  }
}

async function fetch(context: CommandContext, node: OpenNode, options: ImportOptions): Promise<void> {
  const { fetchBulk } = await import('../../app/fetch-bulk.ts');
  const { purpose, cluster: clusters = [], foreign, legacy = false } = options;
  const passphrase = await bundlePassphrase(options);
  const untilMs = endOf(options, node.clock.nowMs());
  const skipped = await withShare(context, node, options.from, options, 'files', (share, onStep) =>
    fetchBulk(node, share, {
      purpose,
      clusters,
      untilMs,
      foreign: foreign === undefined ? undefined : { cluster: foreign, passphrase, legacy },
      onStep,
    }),
  );
  for (const line of skipped) context.output.warn(`left out: ${line}`);
}

/** Only a migration ends; Failure `usage` for an end that is none. */
function endOf({ purpose, until }: ImportOptions, nowMs: number): number | undefined {
  const dayMs = 86_400_000;
  if (purpose !== 'migrate') {
    if (until !== undefined) throw new Failure('usage', '--until is for --purpose migrate');
    return undefined;
  }
  const untilMs = until === undefined ? nowMs + 30 * dayMs : until * 1000;
  if (untilMs > nowMs && untilMs <= nowMs + migrationDaysMax * dayMs) return untilMs;
  throw new Failure('usage', `a migration ends within ${migrationDaysMax} days from now`);
}

/** `--apply` takes what was shown: another question has to be asked first. */
async function refuseOtherQuestion(node: OpenNode, options: ImportOptions): Promise<void> {
  const [{ readQuarantined }, { formatShareAddress, parseShareAddress }] = await Promise.all([
    import('../../app/import-bulk.ts'),
    import('../../core/bulk/share-address.ts'),
  ]);
  const { place, clusters, untilMs, content } = readQuarantined(node.quarantine, options.purpose);
  const address = parseShareAddress(options.from);
  const { cluster, until, foreign } = options;
  const same =
    address.ok &&
    formatShareAddress(address.value) === place &&
    (cluster === undefined || cluster.toSorted().join() === clusters.toSorted().join()) &&
    (until === undefined || until * 1000 === untilMs) &&
    (foreign === undefined || (content.kind === 'foreign' && content.cluster === foreign));
  if (same) return;
  throw new Failure(
    'refused',
    `what was shown last for ${options.purpose} came from ${place} by other options`,
    {
      hint: 'Look first: the same command without --apply.',
    },
  );
}
