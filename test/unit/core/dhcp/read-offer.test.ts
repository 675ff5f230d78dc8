import { describe, expect, it } from 'vitest';
import { readDhcpOffer } from '../../../../src/core/dhcp/read-offer.ts';
import { parseIpv6 } from '../../../../src/core/dhcp/ipv6.ts';
import { dhcpConfig, dhcpServers, vendorOptionHex } from '../../../../src/core/dhcp/server-config.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const option = (code: number, content: string): string =>
  Buffer.concat([
    Buffer.of(code, Buffer.byteLength(content, 'latin1')),
    Buffer.from(content, 'latin1'),
  ]).toString('hex');
const address = (text: string): string => Buffer.from(text.split('.').map(Number)).toString('latin1');

/** BOOTREPLY with siaddr, sname and options. */
function message(parts: { siaddr?: string; sname?: string; file?: string; options: string }): Uint8Array {
  const head = Buffer.alloc(236);
  head[0] = 2;
  head.set(Buffer.from(parts.siaddr ?? '00000000', 'hex'), 20);
  head.set(Buffer.from(parts.sname ?? '', 'hex'), 44);
  head.set(Buffer.from(parts.file ?? '', 'hex'), 108);
  return Uint8Array.from(Buffer.concat([head, Buffer.from(`63825363${parts.options}ff`, 'hex')]));
}

describe('a DHCP answer', () => {
  it('options alone, in their order, NUL or not', () => {
    expect(
      readDhcpOffer(
        hex(`${option(66, 'tftp.example\0')}00${option(150, address('192.0.2.1') + address('192.0.2.2'))}ff`),
      ),
    ).toEqual({
      ok: true,
      value: {
        siaddr: undefined,
        sname: undefined,
        options: [
          { option: 66, value: 'tftp.example' },
          { option: 150, addresses: ['192.0.2.1', '192.0.2.2'] },
        ],
      },
    });
  });

  it('a whole message with its fixed fields', () => {
    const read = readDhcpOffer(
      message({
        siaddr: 'c0000203',
        sname: Buffer.from('boot.example').toString('hex'),
        options: option(53, '\x05'),
      }),
    );
    expect(read).toMatchObject({ value: { siaddr: '192.0.2.3', sname: 'boot.example', options: [] } });
  });

  it('RFC 2131 §4.1: overloaded fields hold options, main field first; RFC 3396: parts are joined', () => {
    const read = readDhcpOffer(
      message({
        file: `${option(150, address('192.0.2.8'))}ff`,
        sname: `${option(66, 'example')}ff`,
        options: `${option(52, '\x03')}${option(66, 'tftp.')}`,
      }),
    );
    expect(read).toMatchObject({
      value: {
        sname: undefined,
        options: [
          { option: 66, value: 'tftp.example' },
          { option: 150, addresses: ['192.0.2.8'] },
        ],
      },
    });
  });

  it.each([
    ['an option past the end', '9604c00002'],
    ['an option without length', '96'],
    ['a 150 of five bytes', '9605c000020100ff'],
  ])('refuses %s', (_, text) => {
    expect(readDhcpOffer(hex(text)).ok).toBe(false);
  });

  it('escapes what a server puts into a name', () => {
    expect(readDhcpOffer(hex(option(66, 'a\x1b[2J')))).toMatchObject({
      value: { options: [{ value: 'a\\x1b[2J' }] },
    });
  });
});

describe('lines for DHCP servers', () => {
  it.each(dhcpServers)('%s: 150 with addresses; 66 only where there is none', (server) => {
    const both = dhcpConfig(server, { ipv4: ['192.0.2.1', '192.0.2.2'], ipv6: [], name: 'tftp.example' });
    expect(both).toMatch(/150/);
    expect(both).not.toMatch(/\b66\b|tftp-server-name/);
    expect(both).toMatch(/192\.0\.2\.1,? ?192\.0\.2\.2/);
    const named = dhcpConfig(server, { ipv4: [], ipv6: [], name: 'tftp.example' });
    expect(named).toMatch(/\b66\b|tftp-server-name/);
  });

  it.each(['isc', 'kea', 'dnsmasq', 'ios'] as const)(
    '%s: siaddr with one server; with two it would hide the second',
    (server) => {
      const said = /next-server|dhcp-boot/;
      const lineOf = (ipv4: readonly string[]): string | undefined =>
        dhcpConfig(server, { ipv4, ipv6: [], name: undefined })
          .split('\n')
          .find((line) => said.test(line));
      expect(lineOf(['192.0.2.1'])).not.toMatch(/^(?:#|!|\/\/)/);
      expect(lineOf(['192.0.2.1', '192.0.2.2'])).toMatch(/^(?:#|!|\/\/).* would hide the other servers$/);
    },
  );

  it('the vendor option of DHCPv6 as bytes', () => {
    expect(vendorOptionHex({ ipv6: ['2001:db8::1'], name: 'ab' })).toBe(
      ['00000009', '00010010', '20010db8000000000000000000000001', '00020002', '6162'].join(''),
    );
    expect(dhcpConfig('windows', { ipv4: [], ipv6: ['2001:db8::1'], name: undefined })).toContain('20010db8');
  });

  it.each([
    ['::', '0'.repeat(32)],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::1', `fe80${'0'.repeat(27)}1`],
  ])('IPv6 %s', (text, expected) => {
    expect(Buffer.from(parseIpv6(text) ?? []).toString('hex')).toBe(expected);
  });

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '1:2:3:4:5:6:7::8',
    '::1%eth0',
  ])('no IPv6: %j', (text) => expect(parseIpv6(text)).toBeUndefined());
});
