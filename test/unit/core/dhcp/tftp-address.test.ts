/** Every combination of what may be offered against the order of seed 001, written a second time as a plain list. */
import { describe, expect, it } from 'vitest';
import { chooseTftpAddress, type DhcpOffer, type Offered } from '../../../../src/core/dhcp/tftp-address.ts';

const option150: Offered = { option: 150, addresses: ['192.0.2.150', '192.0.2.151'] };
const option66Address: Offered = { option: 66, value: '192.0.2.66' };
const option66Name: Offered = { option: 66, value: 'tftp66.example' };

/** Of options 150 and 66, in the order of the list: what wins between them, and at which rank of the seed. */
const optionTable: readonly {
  readonly options: readonly Offered[];
  readonly rank: 4 | 6 | undefined;
  readonly servers: readonly string[];
}[] = [
  { options: [], rank: undefined, servers: [] },
  { options: [option150], rank: 4, servers: ['192.0.2.150', '192.0.2.151'] },
  { options: [option66Name], rank: 6, servers: ['tftp66.example'] },
  // Dotted or not, without a 150 it is method 6: "This name field can contain a DNS name or a dotted decimal IP address."
  { options: [option66Address], rank: 6, servers: ['192.0.2.66'] },
  // "the device prefers the IP address over the name", whichever comes last
  { options: [option150, option66Name], rank: 4, servers: ['192.0.2.150', '192.0.2.151'] },
  { options: [option66Name, option150], rank: 4, servers: ['192.0.2.150', '192.0.2.151'] },
  // "The device chooses the last item in the option list."
  { options: [option150, option66Address], rank: 4, servers: ['192.0.2.66'] },
  { options: [option66Address, option150], rank: 4, servers: ['192.0.2.150', '192.0.2.151'] },
];

const either = [undefined, 'there'] as const;
const snames = [undefined, 'sname.example', '192.0.2.5'] as const;
const siaddrs = [undefined, '0.0.0.0', '192.0.2.3'] as const;

function* combinations(): Generator<{ offer: DhcpOffer; expected: readonly string[] | undefined }> {
  for (const local of either)
    for (const cm1 of either)
      for (const siaddr of siaddrs)
        for (const sname of snames)
          for (const saved of either)
            for (const { options, rank, servers } of optionTable) {
              const offer: DhcpOffer = {
                local: local && '192.0.2.1',
                ciscoCm1: cm1 && '192.0.2.2',
                siaddr,
                sname,
                options,
                saved: saved && '192.0.2.9',
              };
              const ranked = [
                local && ['192.0.2.1'],
                cm1 && ['192.0.2.2'],
                siaddr === '192.0.2.3' ? ['192.0.2.3'] : undefined,
                rank === 4 ? servers : undefined,
                sname === 'sname.example' ? ['sname.example'] : undefined,
                rank === 6 ? servers : undefined,
                saved && ['192.0.2.9'],
              ];
              yield { offer, expected: ranked.find((candidate) => candidate !== undefined) };
            }
}

describe('precedence of TFTP addresses (seed 001)', () => {
  const all = [...combinations()];

  it(`holds for all ${2 * 2 * 3 * 3 * 2 * optionTable.length} combinations`, () => {
    expect(all).toHaveLength(576);
    for (const { offer, expected } of all)
      expect(chooseTftpAddress(offer).used?.servers, JSON.stringify(offer)).toEqual(expected);
  });

  it('says of everything else that was there why it was not used', () => {
    for (const { offer } of all) {
      const { used, passed } = chooseTftpAddress(offer);
      const given = [offer.local, offer.ciscoCm1, offer.siaddr, offer.sname, offer.saved].filter(Boolean);
      expect(passed.length + (used ? 1 : 0)).toBe(given.length + offer.options.length);
      for (const { reason } of passed) expect(reason).not.toBe('');
    }
  });

  it('says that of 150 and an address in 66 the last item is chosen', () => {
    expect(chooseTftpAddress({ options: [option150, option66Address] })).toEqual({
      used: { method: 'option 66', servers: ['192.0.2.66'] },
      passed: [
        {
          method: 'option 150',
          reason: 'option 66 stands behind it in the option list, and the last item is chosen',
        },
      ],
    });
  });

  it('a dotted sname and a siaddr of zeros are none', () => {
    expect(chooseTftpAddress({ siaddr: '0.0.0.0', sname: '192.0.2.5', options: [] })).toEqual({
      used: undefined,
      passed: [
        { method: 'siaddr', reason: 'it is 0.0.0.0, which is none' },
        { method: 'sname', reason: 'it takes a DNS name only' },
      ],
    });
  });
});
