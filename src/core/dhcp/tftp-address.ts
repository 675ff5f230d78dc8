/**
 * Which TFTP server a device uses, and why: the order of "Understanding How Devices Identify the TFTP Server"
 * (Cisco, seed 001) and domain.md §4.
 *
 *   1 locally set address · 2 CiscoCM1 where DNS resolves it · 3 siaddr (Next-Server) · 4 option 150 · 5 sname, a
 *   DNS name · 6 option 66, a name or an address · last the address saved in non-volatile memory.
 *
 * "Do not use the 066 option with the 150 option. If they are sent together, the device prefers the IP address over
 * the name given by the 066 option. However, if both a dotted decimal IP address and a 150 option are sent, order of
 * preference depends on the order in which they appear in the option list. The device chooses the last item."
 * An address in 66 beside a 150 thus competes with it at the place of 150; without a 150 it keeps place 6.
 */

export type Offered =
  | { readonly option: 150; readonly addresses: readonly string[] }
  | { readonly option: 66; readonly value: string };

export interface DhcpOffer {
  /** Set on the device itself. */
  readonly local?: string | undefined;
  /** What DNS answers for CiscoCM1. */
  readonly ciscoCm1?: string | undefined;
  readonly siaddr?: string | undefined;
  readonly sname?: string | undefined;
  /** Options 150 and 66 in the order in which they stand in the answer. */
  readonly options: readonly Offered[];
  /** From an earlier boot. */
  readonly saved?: string | undefined;
}

export type Method = 'local' | 'CiscoCM1' | 'siaddr' | 'option 150' | 'sname' | 'option 66' | 'saved';

export interface Verdict {
  readonly method: Method;
  readonly servers: readonly string[];
}

export interface Passed {
  readonly method: Method;
  /** Why it was not used, as the end of the sentence "…: ". */
  readonly reason: string;
}

export interface TftpAddress {
  readonly used: Verdict | undefined;
  /** Everything else that was there, in the order of precedence. */
  readonly passed: readonly Passed[];
}

interface Candidate extends Verdict {
  /** In the list above; the saved address is 7. */
  readonly place: number;
  /** Why this one cannot be used at all. */
  readonly unusable?: string | undefined;
}

export function chooseTftpAddress(offer: DhcpOffer): TftpAddress {
  const candidates = candidatesOf(offer);
  const used = candidates.find(({ unusable }) => unusable === undefined);
  return {
    used: used && { method: used.method, servers: used.servers },
    passed: candidates
      .filter((candidate) => candidate !== used)
      .map((candidate) => ({ method: candidate.method, reason: reasonAgainst(candidate, used) })),
  };
}

function reasonAgainst({ place, unusable }: Candidate, used: Candidate | undefined): string {
  if (unusable !== undefined || used === undefined) return unusable ?? '';
  return place === used.place
    ? `${used.method} stands behind it in the option list, and the last item is chosen`
    : `${used.method} comes before it`;
}

/** In the order of precedence. */
function candidatesOf(offer: DhcpOffer): readonly Candidate[] {
  const { local, ciscoCm1, siaddr, sname, saved } = offer;
  const one = (
    place: number,
    method: Method,
    server: string | undefined,
    unusable?: string,
  ): readonly Candidate[] =>
    server === undefined || server === '' ? [] : [{ place, method, servers: [server], unusable }];
  const options = offer.options.toReversed().map((option) => candidateOf(option, offer.options));
  return [
    ...one(1, 'local', local),
    ...one(2, 'CiscoCM1', ciscoCm1),
    ...one(3, 'siaddr', siaddr, siaddr === '0.0.0.0' ? 'it is 0.0.0.0, which is none' : undefined),
    ...options.filter(({ place }) => place === 4),
    ...one(
      5,
      'sname',
      sname,
      sname !== undefined && isDotted(sname) ? 'it takes a DNS name only' : undefined,
    ),
    ...options.filter(({ place }) => place === 6),
    ...one(7, 'saved', saved),
  ];
}

function candidateOf(offered: Offered, all: readonly Offered[]): Candidate {
  if (offered.option === 150) {
    const unusable = offered.addresses.length === 0 ? 'it holds no address' : undefined;
    return { place: 4, method: 'option 150', servers: offered.addresses, unusable };
  }
  const beside150 = all.some((other) => other.option === 150 && other.addresses.length > 0);
  const place = beside150 && isDotted(offered.value) ? 4 : 6;
  return { place, method: 'option 66', servers: [offered.value] };
}

export function isDotted(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}
