/**
 * examples/proxy/story.sh as it stands: three servers, two phones that keep what they learn, TFTP and HTTP, every step a
 * command that a person would type. Rejected in the old way, accepted home first, accepted locally after `trust-cert`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { programPath } from '../cli/testscript.ts';
import { freeTcpPort, freeUdpPort } from '../helpers/free-port.ts';

const root = join(import.meta.dirname, '../..');

test('the story of the proxy is played to its end', { timeout: 420_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-story-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn('sh', [join(root, 'examples/proxy/story.sh'), join(folder, 'work')], {
    env: {
      ...process.env,
      TFTP_PKI: `${process.execPath} ${programPath}`,
      TFTP_PORT: String(await freeUdpPort('127.0.1.1')),
      HTTP_PORT: String(await freeTcpPort('127.0.1.1')),
      TVS_PORT: String(await freeTcpPort('127.0.1.1')),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const [status] = (await once(child, 'close')) as [number | null];
  expect(`${status}\n${said}`).toMatch(/^0\n/);

  const steps = new Map(said.split('\n== ').map((step) => [step.slice(0, 12), step]));
  const step = (title: string): string => steps.get(title.slice(0, 12)) ?? '';
  const old = step('The old way: they');
  for (const refused of ['ITLFile.tlv', 'Ringlist.xml.sgn'])
    expect(old).toMatch(new RegExp(`${refused} +refused`));
  const first = step('The same phones at');
  expect(first.match(/^SEP0011223344[AB]1\.cnf\.xml\.sgn +accepted/gm)).toHaveLength(2);
  expect(first.match(/^AppDialRules\.xml\.sgn +accepted/gm)).toHaveLength(2);
  expect(first).not.toMatch(/refused|failed/);
  const trusted = step("The proxy's certificate");
  expect(trusted.match(/^Ringlist\.xml\.sgn +accepted +accepted-by-tvs/gm)).toHaveLength(2);
  expect(trusted).not.toMatch(/ refused | failed /);
  expect(step('Why a file comes')).toContain('origin: row 5, serve here');
});
