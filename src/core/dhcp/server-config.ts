/**
 * The lines that make a DHCP server point phones here: option 150 (a list of IPv4 addresses), 66, siaddr, sname; for
 * DHCPv6 the Cisco vendor option (17, enterprise 9) with sub-option 1, addresses, and 2, a name (domain.md §4).
 * 66 and 150 are mutually exclusive (seed 001): with addresses, 66 is left out; with a name alone, it is the option.
 * siaddr holds one address and comes before option 150: with several servers it would hide all but one, so then it
 * stands in a comment.
 */
import { encodeLatin1, toHex } from '../../base/text.ts';
import { parseIpv6 } from './ipv6.ts';

export const dhcpServers = ['isc', 'kea', 'dnsmasq', 'ios', 'windows'] as const;
export type DhcpServer = (typeof dhcpServers)[number];

export interface TftpServers {
  /** Dotted. */
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  /** DNS name. */
  readonly name: string | undefined;
}

export function dhcpConfig(server: DhcpServer, servers: TftpServers): string {
  const linesFor = { isc, kea, dnsmasq, ios, windows }[server];
  return linesFor(servers)
    .filter((line) => line !== undefined)
    .join('\n');
}

type Lines = readonly (string | undefined)[];

function isc({ ipv4, ipv6, name }: TftpServers): Lines {
  return [
    ...(ipv4.length === 0
      ? []
      : [
          '# dhcpd.conf',
          'option cisco-tftp code 150 = array of ip-address;',
          `option cisco-tftp ${ipv4.join(', ')};`,
          ...nextServer(ipv4, '# ', (address) => `next-server ${address};`),
        ]),
    ...nameInstead(ipv4, name, (only) => ['# dhcpd.conf', `option tftp-server-name "${only}";`]),
    name === undefined ? undefined : `server-name "${name}";`,
    ...(hasVersion6({ ipv6, name })
      ? [
          '# dhcpd6.conf',
          'option space cisco code width 2 length width 2;',
          'option cisco.tftp-servers code 1 = array of ip6-address;',
          'option cisco.tftp-name code 2 = text;',
          'option vsio.cisco code 9 = encapsulate cisco;',
          ipv6.length === 0 ? undefined : `option cisco.tftp-servers ${ipv6.join(', ')};`,
          name === undefined ? undefined : `option cisco.tftp-name "${name}";`,
        ]
      : []),
  ];
}

function kea({ ipv4, ipv6, name }: TftpServers): Lines {
  const dhcp4 = {
    'option-def': [{ name: 'cisco-tftp', code: 150, type: 'ipv4-address', array: true, space: 'dhcp4' }],
    ...(ipv4.length === 1 && { 'next-server': ipv4[0] }),
    ...(name !== undefined && { 'server-hostname': name }),
    'option-data': [
      ...(ipv4.length > 0 ? [{ name: 'cisco-tftp', data: ipv4.join(', ') }] : []),
      ...nameInstead(ipv4, name, (only) => [{ name: 'tftp-server-name', data: only }]),
    ],
  };
  const dhcp6 = {
    'option-def': [
      { name: 'tftp-servers', code: 1, space: 'vendor-9', type: 'ipv6-address', array: true },
      { name: 'tftp-name', code: 2, space: 'vendor-9', type: 'string' },
    ],
    'option-data': [
      { name: 'vendor-opts', data: '9' },
      ...(ipv6.length > 0 ? [{ name: 'tftp-servers', space: 'vendor-9', data: ipv6.join(', ') }] : []),
      ...(name === undefined ? [] : [{ name: 'tftp-name', space: 'vendor-9', data: name }]),
    ],
  };
  const both = { Dhcp4: dhcp4, ...(hasVersion6({ ipv6, name }) && { Dhcp6: dhcp6 }) };
  return [
    '// kea-dhcp4.conf and kea-dhcp6.conf: merge into the group of that name',
    ipv4.length > 1 ? `// "next-server": "${ipv4[0]}" ${hidesOthers}` : undefined,
    JSON.stringify(both, null, 2),
  ];
}

function dnsmasq({ ipv4, ipv6, name }: TftpServers): Lines {
  return [
    '# dnsmasq.conf',
    ipv4.length === 0 ? undefined : `dhcp-option=150,${ipv4.join(',')}`,
    // Next-Server and server name travel with dhcp-boot; its file name may stay empty.
    ...nextServer(ipv4, '# ', (address) => `dhcp-boot=,${name ?? ''},${address}`),
    ...nameInstead(ipv4, name, (only) => [`dhcp-option=66,"${only}"`, `dhcp-boot=,${only}`]),
    // option6: says that the option is of DHCPv6, and stands behind the enterprise.
    ipv6.length === 0
      ? undefined
      : `dhcp-option=vi-encap:9,option6:1,${ipv6.map((address) => `[${address}]`).join(',')}`,
    name === undefined ? undefined : `dhcp-option=vi-encap:9,option6:2,"${name}"`,
  ];
}

function ios({ ipv4, ipv6, name }: TftpServers): Lines {
  const suboptions = [
    ...(ipv6.length === 0 ? [] : ['  suboption 1 address '.concat(ipv6.join(' '))]),
    ...(name === undefined ? [] : [`  suboption 2 ascii "${name}"`]),
  ];
  return [
    '! Cisco IOS',
    'ip dhcp pool PHONES',
    ipv4.length === 0 ? undefined : ` option 150 ip ${ipv4.join(' ')}`,
    ...nextServer(ipv4, '! ', (address) => ` next-server ${address}`),
    ...nameInstead(ipv4, name, (only) => [` option 66 ascii ${only}`]),
    name === undefined ? undefined : '! the server name (sname) has no setting in IOS',
    ...(suboptions.length === 0 ? [] : ['ipv6 dhcp pool PHONES6', ' vendor-specific 9', ...suboptions]),
  ];
}

function windows({ ipv4, ipv6, name }: TftpServers): Lines {
  return [
    '# PowerShell on the DHCP server; add -ScopeId for one scope',
    ...(ipv4.length === 0
      ? []
      : [
          'Add-DhcpServerv4OptionDefinition -OptionId 150 -Name "Cisco TFTP" -Type IPv4Address -MultiValued',
          `Set-DhcpServerv4OptionValue -OptionId 150 -Value ${ipv4.join(',')}`,
        ]),
    ...nameInstead(ipv4, name, (only) => [`Set-DhcpServerv4OptionValue -OptionId 66 -Value "${only}"`]),
    '# siaddr and the server name (sname) have no setting in Windows',
    ...(hasVersion6({ ipv6, name })
      ? [`# DHCPv6 option 17, as bytes: ${vendorOptionHex({ ipv6, name })}`]
      : []),
  ];
}

/** Content of DHCPv6 option 17 (RFC 8415 §21.17): enterprise 9, then sub-options with two-byte code and length. */
export function vendorOptionHex({ ipv6, name }: Pick<TftpServers, 'ipv6' | 'name'>): string {
  const addresses = ipv6.map((address) => toHex(parseIpv6(address) ?? new Uint8Array(16))).join('');
  const text = name === undefined ? '' : toHex(encodeLatin1(name));
  return `00000009${suboption(1, addresses)}${suboption(2, text)}`;
}

function suboption(code: number, hex: string): string {
  const word = (value: number): string => value.toString(16).padStart(4, '0');
  return hex === '' ? '' : `${word(code)}${word(hex.length / 2)}${hex}`;
}

const hidesOthers = 'comes before option 150 and would hide the other servers';

function nextServer(
  ipv4: readonly string[],
  comment: string,
  line: (address: string) => string,
): readonly string[] {
  const [first] = ipv4;
  if (first === undefined) return [];
  return [ipv4.length === 1 ? line(first) : `${comment}${line(first).trim()} ${hidesOthers}`];
}

function nameInstead<T>(
  ipv4: readonly string[],
  name: string | undefined,
  make: (name: string) => readonly T[],
): readonly T[] {
  return ipv4.length > 0 || name === undefined ? [] : make(name);
}

function hasVersion6({ ipv6, name }: Pick<TftpServers, 'ipv6' | 'name'>): boolean {
  return ipv6.length > 0 || name !== undefined;
}
