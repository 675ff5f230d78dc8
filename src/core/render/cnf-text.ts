/**
 * Text `.cnf` in the style of SIPDefault.cnf, `key: value` (domain.md §4: the binary layout is not public), for the
 * SIP loads of the 7940 and 7960. Values stand in quotes and have no escape: a quote, a line end or a control refuses.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import type { DeviceSurroundings } from '../devices/provisioning.ts';
import { loadOf, type ConfigInput } from './phone-parts.ts';
import type { RenderProblem } from './xml.ts';

/** `SIP<MAC>.cnf`: the lines of one phone. */
export function renderCnf(input: ConfigInput, comment: string): Outcome<string, RenderProblem> {
  return write(comment, [
    ['image_version', loadOf(input)],
    ...proxies(input),
    ['phone_label', input.device.lines[0]?.label ?? ''],
    ...input.device.lines.flatMap(({ index, extension, label, displayName, authName, authPassword }) => [
      [`line${index}_name`, extension] as const,
      [`line${index}_shortname`, label ?? extension] as const,
      [`line${index}_displayname`, displayName ?? label ?? extension] as const,
      [`line${index}_authname`, authName ?? ''] as const,
      [`line${index}_password`, authPassword ?? ''] as const,
    ]),
  ]);
}

/** `SIPDefault.cnf`: what all phones share. */
export function renderDefaultCnf(
  surroundings: DeviceSurroundings,
  comment: string,
): Outcome<string, RenderProblem> {
  const { pool } = surroundings;
  return write(comment, [
    ['image_version', surroundings.model?.load ?? ''],
    ...proxies(surroundings),
    ['proxy_register', '1'],
    ['timer_register_expires', '3600'],
    ['sntp_server', pool.ntp[0] ?? ''],
    ['time_zone', pool.timeZone],
    ['date_format', pool.dateTemplate],
  ]);
}

type Pair = readonly [key: string, value: string];

function proxies({ group }: DeviceSurroundings): readonly Pair[] {
  const [first, second] = group.members;
  return [
    ['proxy1_address', first?.address ?? ''],
    ['proxy1_port', String(first?.ports.sip ?? 5060)],
    ['proxy_backup', second?.address ?? ''],
    ['proxy_backup_port', String(second?.ports.sip ?? 5060)],
  ];
}

function write(comment: string, pairs: readonly Pair[]): Outcome<string, RenderProblem> {
  const wrong = pairs.find(([, value]) => /["\u0000-\u001f\u007f]/.test(value));
  if (wrong !== undefined) return bad({ path: wrong[0], reason: 'holds a quote or a control character' });
  return good(`# ${comment}\n${pairs.map(([key, value]) => `${key}: "${value}"\n`).join('')}`);
}
