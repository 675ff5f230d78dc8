/** One file per server and case in test/vectors/dhcp: what an administrator pastes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dhcpConfig, dhcpServers, type TftpServers } from '../../../../src/core/dhcp/server-config.ts';

const cases: Readonly<Record<string, TftpServers>> = {
  'one server': { ipv4: ['192.0.2.10'], ipv6: [], name: undefined },
  'two servers, IPv6 and a name': {
    ipv4: ['192.0.2.10', '192.0.2.11'],
    ipv6: ['2001:db8::10', '2001:db8::11'],
    name: 'tftp.example.com',
  },
  'one server with a name': { ipv4: ['192.0.2.10'], ipv6: [], name: 'tftp.example.com' },
  'a name alone': { ipv4: [], ipv6: [], name: 'tftp.example.com' },
};
const all = Object.entries(cases).flatMap(([title, servers]) =>
  dhcpServers.map((server) => ({ title, servers, server })),
);

describe('the lines of a DHCP server (seed 001, domain.md §4)', () => {
  test.each(all)('$server: $title', async ({ title, servers, server }) => {
    const file = `${server}-${title.replaceAll(/[ ,]+/g, '-')}.txt`;
    const place = join(import.meta.dirname, '../../../vectors/dhcp', file);
    await expect(`${dhcpConfig(server, servers)}\n`).toMatchFileSnapshot(place);
  });

  test.each(Object.entries(cases))('dnsmasq takes its own: %s', (_, servers) => {
    const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-dnsmasq-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'dnsmasq.conf');
    writeFileSync(file, `${dhcpConfig('dnsmasq', servers)}\n`);
    const said = execFileSync('dnsmasq', ['--test', '-C', file], { encoding: 'utf8', stdio: 'pipe' });
    expect(said).toBe('');
  });

  test.each(Object.entries(cases))('what Kea is given is JSON: %s', (_, servers) => {
    const text = dhcpConfig('kea', servers);
    const lines = text.split('\n').filter((line) => !line.startsWith('//'));
    expect(Object.keys(JSON.parse(lines.join('\n')) as object)).toContain('Dhcp4');
  });
});
