/**
 * The clock, judged by what was signed under it: a list or certificate of ours from the future means that the clock
 * went back, and what is signed now would be older than what phones hold. Whether the kernel's clock is kept by a time
 * service is told where the kernel says so. Pure but for what it is given.
 */
import type { ClusterView } from '../../app/cluster-view.ts';
import { timestampAheadSecondsMax } from '../../base/limits.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import type { PublishedList } from '../../core/cluster/model.ts';
import { daysLeft, expiryStage, expiryWords } from '../../core/trust/expiry.ts';
import type { KernelClock } from '../../net/mmsg/kernel-clock.ts';
import { ok, warning, wrong, type CheckFinding } from './finding.ts';

export interface ClockInput {
  readonly nowSeconds: number;
  readonly own: ClusterView['own'];
  readonly lists: readonly Pick<PublishedList, 'kind' | 'timestamp'>[];
  readonly kernel: KernelClock | undefined;
}

const setClock = 'Set the clock and have a time service keep it (chrony, systemd-timesyncd).';

export function judgeClock({ nowSeconds, own, lists, kernel }: ClockInput): readonly CheckFinding[] {
  const now = formatIsoSeconds(nowSeconds);
  const early = own.filter(({ certificate }) => certificate.notBefore > nowSeconds);
  const ahead = lists.filter(({ timestamp }) => timestamp > nowSeconds + timestampAheadSecondsMax);
  const ends = own.filter(
    ({ certificate }) => expiryStage(daysLeft(certificate.notAfter, nowSeconds)) !== undefined,
  );
  const findings = [
    ...early.map(({ purpose, certificate }) =>
      wrong(
        'clock',
        `it is ${now}, before the ${purpose} certificate of ${formatIsoSeconds(certificate.notBefore)}`,
        setClock,
      ),
    ),
    ...ahead.map(({ kind, timestamp }) =>
      wrong(
        'clock',
        `it is ${now}, before the ${kind.toUpperCase()} that was signed ${formatIsoSeconds(timestamp)}`,
        setClock,
      ),
    ),
    ...ends.map(({ purpose, certificate }) =>
      warning(
        'clock',
        `the ${purpose} certificate ${expiryWords(daysLeft(certificate.notAfter, nowSeconds))}`,
        `tftp-pki renew-cert ${purpose}`,
      ),
    ),
    ...(kernel === 'unsynchronized'
      ? [warning('clock', `it is ${now}, and no time service keeps the clock`, setClock)]
      : []),
  ];
  const kept = kernel === 'synchronized' ? ', kept by a time service' : '';
  return findings.length > 0 ? findings : [ok('clock', `it is ${now}${kept}`)];
}
