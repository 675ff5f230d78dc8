/** A guided renewal under way, as commands print it: which step, for whom it waits, and until when. */
import type { RotationProgress } from '../app/guided-rotation.ts';
import { namesOf } from '../base/text.ts';
import { formatIsoSeconds } from '../base/utc-time.ts';
import type { Output } from './output.ts';

const words = {
  published: 'both certificates are listed, the old one signs; phones are to take the lists',
  switched: 'both certificates are listed, the new one signs; phones are to come once more',
} as const;

export function printRotation(output: Output, progress: RotationProgress): void {
  const { purpose, step, untilMs, toCome, offline, come, claimed } = progress;
  output.line(`renewal  ${purpose}: ${words[step]}`);
  output.line(
    `         ${come} have come${claimed === 0 ? '' : ` (${claimed} by what anybody could have sent)`}, ${toCome.length} to come, ${offline.length} offline; goes on without them from ${time(untilMs)}`,
  );
  if (toCome.length > 0) output.line(`         to come: ${namesOf(toCome)}`);
}

export function rotationFacts(progress: RotationProgress): Readonly<Record<string, unknown>> {
  const { sinceMs, untilMs, ...rest } = progress;
  return { ...rest, since: time(sinceMs), until: time(untilMs) };
}

function time(ms: number): string {
  return formatIsoSeconds(Math.floor(ms / 1000));
}
