import { Failure } from '../../base/errors.ts';
import { fromHex } from '../../base/text.ts';
import type { DhcpServer } from '../../core/dhcp/server-config.ts';
import type { DhcpOffer, Offered } from '../../core/dhcp/tftp-address.ts';
import { defineCommand } from '../command.ts';
import type { Output } from '../output.ts';

interface DhcpOptions {
  readonly server?: DhcpServer;
  readonly tftp?: readonly string[];
  readonly name?: string;
  readonly explain?: boolean;
  readonly hex?: string;
  readonly offer?: readonly Offered[];
  readonly siaddr?: string;
  readonly sname?: string;
  readonly local?: string;
  readonly cm1?: string;
  readonly saved?: string;
}

export const dhcpOptionsCommand = defineCommand<DhcpOptions>({
  name: 'dhcp-options',
  topic: 'Phones',
  summary: 'print what makes a DHCP server point phones here, or explain what one offered',
  description: [
    'Prints option 150, 66, siaddr and sname, and the Cisco vendor option of DHCPv6, for the DHCP server named. ' +
      'Options 66 and 150 exclude each other, so 66 is left out where there are addresses.',
    'With --explain it says which address a device uses and why: of the fields given, of an answer in hexadecimal (the whole message or its options), or of both. ' +
      'Exits 1 when there is none.',
  ],
  options: [
    { flags: '--tftp <ADDR>', description: 'address of a TFTP server, IPv4 or IPv6, in order', many: true },
    { flags: '--name <NAME>', description: 'its DNS name' },
    {
      flags: '--server <KIND>',
      description: 'one DHCP server (default: all of them)',
      choices: ['isc', 'kea', 'dnsmasq', 'ios', 'windows'],
    },
    { flags: '--explain', description: 'say which address a device uses' },
    { flags: '--hex <BYTES>', description: 'with --explain: the answer of a DHCP server' },
    {
      flags: '--offer <OPTION=VALUE>',
      description: 'with --explain: 150=ADDR,ADDR or 66=NAME, in the order of the answer',
      many: true,
      parse: parseOffered,
    },
    { flags: '--siaddr <ADDR>', description: 'with --explain: Next-Server' },
    { flags: '--sname <NAME>', description: 'with --explain: the optional server name' },
    { flags: '--local <ADDR>', description: 'with --explain: set on the device' },
    { flags: '--cm1 <ADDR>', description: 'with --explain: what DNS answers for CiscoCM1' },
    { flags: '--saved <ADDR>', description: 'with --explain: what the device saved in an earlier boot' },
  ],
  examples: [
    { says: 'for Kea', command: 'tftp-pki dhcp-options --tftp 192.0.2.10 --tftp 192.0.2.11 --server kea' },
    {
      says: 'why a phone asks the wrong server',
      command: 'tftp-pki dhcp-options --explain --siaddr 192.0.2.1 --offer 150=192.0.2.10',
    },
  ],
  async run({ output }, _, options) {
    if (options.explain === true) return explain(output, options);
    const { isIP, isIPv4, isIPv6 } = await import('node:net');
    const { dhcpConfig, dhcpServers, vendorOptionHex } = await import('../../core/dhcp/server-config.ts');
    const addresses = options.tftp ?? [];
    const wrong = addresses.find((address) => isIP(address) === 0);
    if (wrong !== undefined) throw new Failure('usage', `'${wrong}' is not an IP address`);
    const { name } = options;
    if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(name))
      throw new Failure('usage', `'${name}' is not a DNS name of at most 63 characters, which sname holds`);
    if (addresses.length === 0 && name === undefined)
      throw new Failure('usage', 'nothing to point at', { hint: 'name it with --tftp ADDR or --name NAME' });
    const servers = { ipv4: addresses.filter(isIPv4), ipv6: addresses.filter(isIPv6), name };
    const wanted = options.server === undefined ? dhcpServers : [options.server];
    const texts = wanted.map((server) => ({ server, config: dhcpConfig(server, servers) }));
    if (output.json)
      output.object({ ...servers, vendorOption: vendorOptionHex(servers), configurations: texts });
    else output.line(texts.map(({ config }) => config).join('\n\n'));
    return 0;
  },
});

async function explain(output: Output, options: DhcpOptions): Promise<0 | 1> {
  const { chooseTftpAddress } = await import('../../core/dhcp/tftp-address.ts');
  const read = options.hex === undefined ? undefined : await readHex(options.hex);
  const { local, cm1, saved } = options;
  const result = chooseTftpAddress({
    siaddr: options.siaddr ?? read?.siaddr,
    sname: options.sname ?? read?.sname,
    options: [...(read?.options ?? []), ...(options.offer ?? [])],
    local,
    ciscoCm1: cm1,
    saved,
  });
  const { used, passed } = result;
  if (output.json) output.object({ used: used ?? null, passed });
  else {
    output.line(
      used === undefined
        ? 'no TFTP server: the device has no address to ask'
        : `uses ${used.servers.join(', then ')} by ${used.method}`,
    );
    for (const { method, reason } of passed) output.line(`  not ${method}: ${reason}`);
  }
  return used === undefined ? 1 : 0;
}

async function readHex(word: string): Promise<DhcpOffer> {
  const { readDhcpOffer } = await import('../../core/dhcp/read-offer.ts');
  const bytes = fromHex(word.replaceAll(/[\s:]/g, ''));
  if (bytes === undefined) throw new Failure('usage', '--hex takes hexadecimal digits');
  const offer = readDhcpOffer(bytes);
  if (!offer.ok) throw new Failure('format', offer.error);
  return offer.value;
}

function parseOffered(word: string): Offered {
  const match = /^(150|66)=([A-Za-z0-9.,:_-]+)$/.exec(word);
  if (match === null) throw new Failure('usage', `'${word}' is not 150=ADDR,ADDR or 66=NAME`);
  const value = match[2] ?? '';
  return match[1] === '66' ? { option: 66, value } : { option: 150, addresses: value.split(',') };
}
