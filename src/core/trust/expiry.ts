/**
 * When the end of a certificate is worth a word. 90 days are time for a rotation with phones that are switched off,
 * 30 for one without, 7 and 1 are alarms. An expired own certificate goes on signing: phones hold it by its bytes, and
 * a server that stops would strand them; it says so at every chance instead.
 */

/** The threshold that was passed, in days; `expired` behind the last one. */
export type ExpiryStage = 90 | 30 | 7 | 1 | 'expired';

const thresholdsDays = [1, 7, 30, 90] as const;
const secondsPerDay = 86_400;

/** Whole days, rounded down: 0 is the last day, negative is expired. Times in seconds. */
export function daysLeft(notAfter: number, nowSeconds: number): number {
  return Math.floor((notAfter - nowSeconds) / secondsPerDay);
}

/** `undefined` while the end is far. */
export function expiryStage(days: number): ExpiryStage | undefined {
  return days < 0 ? 'expired' : thresholdsDays.find((threshold) => days <= threshold);
}

export function expiryWords(days: number): string {
  if (days < 0) return days === -1 ? 'expired yesterday' : `expired ${-days} days ago`;
  return days === 0 ? 'expires within a day' : `expires in ${days} day${days === 1 ? '' : 's'}`;
}
