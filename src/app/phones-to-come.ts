/**
 * Which phones have come since trust changed last: they were given the lists in force and, where a key began to sign
 * since, were heard after it did. This says who is to be reset and waited for; what is safe is the planner's to say.
 */
import { givenWhole } from '../core/trust/given-lists.ts';
import { readPair, type PairKey } from '../core/trust/belief.ts';
import type { Rotation, TrustListKind } from '../core/cluster/model.ts';
import { readField, type Field, type FieldDevice, type FieldPorts } from './field.ts';

/** `claimed`: a last ACK or a request said so, which anybody can forge (design.md §5). */
export type Coming = 'to come' | 'claimed' | 'come';

/** `signsSinceMs`: since when another key signs with the lists as they are; undefined: the lists are the change. */
export function comingOf(
  { current }: Field,
  { deliveries, heardMs, provedMs = 0 }: FieldDevice,
  signsSinceMs: number | undefined,
): Coming {
  const given = givenWhole(current, deliveries);
  if (given.length === 0 || heardMs < (signsSinceMs ?? 0)) return 'to come';
  const isProved =
    signsSinceMs === undefined
      ? given.some((ofNode) => ofNode.deliveries.every(({ how }) => how !== 'single-port'))
      : provedMs >= signsSinceMs;
  return isProved ? 'come' : 'claimed';
}

/** Since when the new key of this renewal signs. */
export function signsSince({ step, stepMs }: Rotation): number | undefined {
  return step === 'switched' ? stepMs : undefined;
}

/**
 * Names of phones that have to boot before a change of trust has arrived: they may hold other lists than those in force,
 * and have not come. Those that only claim to have are left alone: a reset would tell nothing new of them.
 */
export async function phonesBehind(ports: FieldPorts): Promise<readonly string[]> {
  const field = await readField(ports);
  if (field.current.length === 0) return [];
  const since = (await ports.store.listRotations()).flatMap((rotation) => signsSince(rotation) ?? []);
  const signsSinceMs = since.length === 0 ? undefined : Math.max(...since);
  const isInForce = inForceTest(field);
  return field.devices
    .filter(
      (device) =>
        comingOf(field, device, signsSinceMs) === 'to come' &&
        (signsSinceMs !== undefined || !field.sets.pairs(device.set).every(isInForce)),
    )
    .map(({ name }) => name);
}

/** Is this pair of lists in force, each of whichever node? What nobody knows is not. */
function inForceTest({ current }: Field): (key: PairKey) => boolean {
  const kinds: readonly TrustListKind[] = ['ctl', 'itl'];
  const published = kinds.filter((kind) => current.some((list) => list.kind === kind));
  return (key) => {
    const pair = readPair(key);
    return published.every((kind) =>
      current.some((list) => list.kind === kind && list.sha256 === pair?.[kind]),
    );
  };
}
