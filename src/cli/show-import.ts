/** An import as the command shows it before anything happens: who, what, where it would land, and what that means. */
import type { ImportReview } from '../app/import-bulk.ts';
import { remoteProbeUncoveredEveryMs } from '../base/limits.ts';
import { printable } from '../base/text.ts';
import { formatIsoSeconds } from '../base/utc-time.ts';
import type { Landing } from '../core/bulk/plan-import.ts';
import { powerOf } from '../core/trust/power.ts';
import { sayRefused } from './commands/consolidate-bulk.ts';
import type { Output } from './output.ts';
import { listFacts, printPlan } from './run-trust-operation.ts';

export function printReview(output: Output, review: ImportReview): void {
  const { plan, manifests, quarantined, directory, publication } = review;
  output.line(`from     ${printable(quarantined.place)}, fetched ${day(quarantined.fetchedMs)}`);
  for (const { manifest, signer } of manifests)
    output.line(
      `cluster  ${manifest.cluster}, export ${manifest.counter} of ${formatIsoSeconds(manifest.when)} by ${printable(manifest.who)}, ITLRecovery SHA256:${signer.fingerprint}`,
    );
  if (directory !== undefined)
    output.line(
      `cluster  ${directory.cluster}, no manifest speaks for it; all together SHA256:${directory.fingerprint}`,
    );
  output.line();
  output.table(
    ['CHANGE', 'CLUSTER', 'STORE', 'TYPE', 'UNTIL', 'SHA-256', 'SUBJECT'],
    [...plan.landings.map((landing) => landingRow(landing, quarantined.untilMs)), ...removalRows(review)],
  );
  output.line();
  for (const sentence of powersOf(review)) output.line(`power    ${sentence}`);
  for (const sentence of consequencesOf(review)) output.line(`then     ${sentence}`);
  if (publication !== undefined) printPlan(output, publication);
  for (const { cluster, certificate, reason, hint } of plan.leftOut) {
    output.warn(`${cluster}: ${printable(certificate.subject)} is left out: ${reason}`);
    output.hint(hint);
  }
  sayRefused(output, review.refused);
}

function landingRow(landing: Landing, untilMs: number | undefined): readonly string[] {
  const { cluster, store, type, certificate, state } = landing;
  const until = untilMs === undefined ? formatIsoSeconds(certificate.notAfter).slice(0, 10) : day(untilMs);
  return [state, cluster, store, type, until, certificate.fingerprint, printable(certificate.subject)];
}

function removalRows({ plan }: ImportReview): readonly (readonly string[])[] {
  return plan.removals.map(({ row, certificate }) => [
    'goes',
    row.landed?.cluster ?? '',
    row.store,
    '',
    '',
    row.fingerprint,
    printable(certificate.subject),
  ]);
}

/** What each cluster could do with what lands newly, said once. */
function powersOf({ plan, phones }: ImportReview): readonly string[] {
  const sentences = plan.landings
    .filter(({ state }) => state !== 'stands')
    .map(({ cluster, store }) => `${cluster} ${powerOf(store, phones)}`);
  return [...new Set(sentences)];
}

/** Which lists change, and which phones need what. */
function consequencesOf({ plan, publication, publishesCtl, phones }: ImportReview): readonly string[] {
  const asksTvs = plan.landings.some(({ store }) => store !== 'tvs-trust' && store !== 'capf-trust');
  return [
    ...(publication === undefined
      ? [
          publishesCtl
            ? 'the CTL stays as it is'
            : 'there is no CTL, and the ITL stays as it is: nothing to publish',
        ]
      : [`the CTL changes: update-ctl, then a reset of all phones (${phones} in the database)`]),
    ...(asksTvs ? ['phones that hold an ITL ask their TVS, which knows at once and needs no reset'] : []),
  ];
}

/** The question before it happens. */
export function summaryOf({ plan, purpose }: ImportReview): string {
  const { addCertificates = [], landCertificates = [], retireCertificates = [] } = plan.change;
  const parts = [
    [addCertificates.length, 'come'],
    [landCertificates.length, 'stand longer'],
    [retireCertificates.length, 'go'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, verb]) => `${count} ${verb}`);
  return `Take this over for ${purpose}: ${words.join(', ')}?`;
}

export function sayNext(output: Output, { publication, purpose, plan }: ImportReview): void {
  if (publication !== undefined)
    output.hint('tftp-pki update-ctl --dry-run, then update-ctl, then reset-phones --behind');
  if (purpose !== 'proxy' || plan.landings.length === 0) return;
  const proxies = [...new Set(plan.landings.map(({ cluster }) => cluster))].join(' and ');
  const minutes = remoteProbeUncoveredEveryMs / 60_000;
  output.hint(`${proxies} hears of it within ${minutes} minutes by itself, at once with probe-cluster there`);
}

export function importFacts(review: ImportReview): Readonly<Record<string, unknown>> {
  const { plan, quarantined, purpose, publication, directory, refused, manifests } = review;
  return {
    purpose,
    from: quarantined.place,
    until:
      quarantined.untilMs === undefined ? null : formatIsoSeconds(Math.floor(quarantined.untilMs / 1000)),
    sources: manifests.map(({ manifest: { cluster, counter }, signer }) => ({
      cluster,
      counter,
      signer: `SHA256:${signer.fingerprint}`,
    })),
    directory:
      directory === undefined
        ? null
        : { cluster: directory.cluster, fingerprint: `SHA256:${directory.fingerprint}` },
    certificates: plan.landings.map(({ cluster, node, type, store, state, certificate }) => ({
      cluster,
      node,
      type,
      store,
      state,
      subject: certificate.subject,
      fingerprint: certificate.fingerprint,
    })),
    removed: plan.removals.map(({ row }) => ({ store: row.store, fingerprint: row.fingerprint })),
    leftOut: plan.leftOut.map(({ cluster, certificate, reason }) => ({
      cluster,
      subject: certificate.subject,
      reason,
    })),
    refused,
    power: powersOf(review),
    lists: publication === undefined ? [] : listFacts(publication),
  };
}

function day(ms: number): string {
  return formatIsoSeconds(Math.floor(ms / 1000)).slice(0, 10);
}
