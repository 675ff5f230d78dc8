/**
 * Whom the listening addresses and allowed networks leave out, compared with the networks this machine stands in:
 * an address family nobody listens on, loopback only, an own network whose phones get silence. Pure; link-local
 * addresses count for nothing, since no phone is given one.
 */
import {
  contains,
  isLoopback,
  isWithin,
  parseAddress,
  parseNetworks,
  type Address,
} from '../../core/tftp/network.ts';
import { ok, warning, type CheckFinding } from './finding.ts';

/** As os.networkInterfaces() has it. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
  readonly cidr: string | null;
}

export interface ReachInput {
  /** Where TFTP listens. */
  readonly listen: readonly string[];
  readonly allow: readonly string[];
  readonly interfaces: readonly InterfaceAddress[];
}

const linkLocal = parseNetworks(['169.254.0.0/16', 'fe80::/10']);

export function judgeReach({ listen, allow, interfaces }: ReachInput): readonly CheckFinding[] {
  const own = interfaces.flatMap((one) => {
    const parsed = parseAddress(one.address);
    const counts = parsed && !isLoopback(parsed) && !linkLocal.some((network) => contains(network, parsed));
    return counts ? [{ ...one, parsed }] : [];
  });
  const listened = listen.flatMap((text) => parseAddress(text) ?? []);
  const outward = listened.filter((address) => !isLoopback(address));
  if (listened.length > 0 && outward.length === 0)
    return [
      warning(
        'reach',
        'TFTP listens on loopback only: no phone reaches it',
        'Name an address of this machine or 0.0.0.0 in tftp.listen.',
      ),
    ];
  const families = ([4, 6] as const).filter((family) => own.some(({ parsed }) => parsed.family === family));
  const deaf = families.filter((family) => !outward.some((address) => address.family === family));
  const allowed = parseNetworks(allow);
  const shut = own.filter(
    ({ address, parsed }) => hearsFamily(outward, parsed) && !isWithin(allowed, address),
  );
  const findings = [
    ...deaf.map((family) =>
      warning(
        'reach',
        `this machine has IPv${family} addresses and TFTP listens on none: phones that are given one get no answer`,
        `Add ${family === 4 ? '0.0.0.0:69' : '"[::]:69"'} to tftp.listen, or give phones IPv${family === 4 ? 6 : 4} addresses only.`,
      ),
    ),
    ...shut.map(({ name, address, cidr }) =>
      warning(
        'reach',
        `phones in the network of ${name} (${cidr ?? address}) get no answer: it is not an allowed one`,
        'Add the network to tftp.allow, and to http.allow for HTTP, if phones are in it.',
      ),
    ),
  ];
  return findings.length > 0
    ? findings
    : [ok('reach', 'the networks of this machine are heard and answered')];
}

function hearsFamily(outward: readonly Address[], address: Address): boolean {
  return outward.some(({ family }) => family === address.family);
}
