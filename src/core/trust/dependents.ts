/** What stops working, or starts to be refused by phones, when a certificate goes: read off the published lists. */
import { toHex } from '../../base/text.ts';
import type { CertificatePurpose, PublishedList } from '../cluster/model.ts';
import type { Crypto } from '../ports.ts';
import { decodeTrustList } from '../../wire/trust-list.ts';

/** A published list reduced to who signed it and whom it names, by fingerprint. */
export interface ListedHolders {
  /** `ITL`, `CTL`. */
  readonly name: string;
  readonly signer: string;
  /** Fingerprint → roles in the order of the records. */
  readonly roles: ReadonlyMap<string, readonly string[]>;
}

export function holdersOf(crypto: Pick<Crypto, 'digest'>, list: PublishedList): ListedHolders {
  const roles = new Map<string, string[]>();
  const decoded = decodeTrustList(list.bytes);
  for (const { role, certificateDer } of decoded.ok ? decoded.value.records : []) {
    if (certificateDer === undefined) continue;
    const fingerprint = toHex(crypto.digest('sha256', certificateDer));
    roles.set(fingerprint, [...(roles.get(fingerprint) ?? []), role]);
  }
  return { name: list.kind.toUpperCase(), signer: list.signer, roles };
}

/** Each as the words of a table: `signs ITL`, `ITL: TFTP/SAST`, `signs configurations`. */
export function dependentsOf(
  fingerprint: string,
  lists: readonly ListedHolders[],
  usedFor: CertificatePurpose | undefined,
): readonly string[] {
  const signed = lists.filter(({ signer }) => signer === fingerprint).map(({ name }) => `signs ${name}`);
  const listed = lists.flatMap(({ name, roles }) => {
    const held = roles.get(fingerprint);
    return held === undefined ? [] : [`${name}: ${held.join('/')}`];
  });
  return [...(usedFor === undefined ? [] : [uses[usedFor]]), ...signed, ...listed];
}

const uses: Readonly<Record<CertificatePurpose, string>> = {
  callmanager: 'signs configurations',
  'callmanager-ec': 'TLS of CallManager',
  tvs: 'TLS of TVS',
  capf: 'issues phone certificates',
  itlrecovery: 'next list signer',
  'tftp-ec': 'TLS of 6971',
};
