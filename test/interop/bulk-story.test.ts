/**
 * examples/bulk/run.sh as it stands: four clusters, a real OpenSSH server, every step a command that a person would type;
 * and docs/operations/bulk-exchange.md shows what it says.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { programPath } from '../cli/testscript.ts';
import { freeTcpPort, freeUdpPort } from '../helpers/free-port.ts';

const root = join(import.meta.dirname, '../..');

test(
  'the story of the bulk exchange is played to its end, and told as it is',
  { timeout: 420_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-story-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [ssh, tftp, http] = [await freeTcpPort(), await freeUdpPort(), await freeTcpPort()];
    const child = spawn('sh', [join(root, 'examples/bulk/run.sh'), join(folder, 'work')], {
      env: {
        ...process.env,
        TFTP_PKI: `${process.execPath} ${programPath}`,
        PORT: String(ssh),
        TFTP_PORT: String(tftp),
        HTTP_PORT: String(http),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill());
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    const [status] = (await once(child, 'close')) as [number | null];
    expect(`${status}\n${said}`).toMatch(/^0\n/);

    const lines = new Set(said.split('\n').map(withoutChance));
    const told = shownIn(readFileSync(join(root, 'docs/operations/bulk-exchange.md'), 'utf8'));
    expect(told.length).toBeGreaterThan(20);
    expect(told.filter((line) => !lines.has(withoutChance(line)))).toEqual([]);
  },
);

/** Lines of output: those in fences that name no language. */
function shownIn(page: string): readonly string[] {
  const blocks = page.split(/^```/m).filter((_, at) => at % 2 === 1);
  return blocks.flatMap((block) => {
    const [language = '', ...lines] = block.split('\n');
    return language === '' ? lines.filter((line) => line !== '') : [];
  });
}

/** What differs from run to run: keys, serials, days, places. */
function withoutChance(line: string): string {
  return line
    .replaceAll(/SHA256:[0-9a-f]+…?/g, 'SHA256')
    .replaceAll(/sftp:\/\/[^\s,]+/g, 'SHARE')
    .replaceAll(/\b(?:[0-9a-f]{2}:){7,}[0-9a-f]{2}\b/g, 'SERIAL')
    .replaceAll(/\b[0-9a-f]{16,64}\b…?/g, 'HEX')
    .replaceAll(/\b\d{4}-\d{2}-\d{2}(?:T[\d:]+Z)?/g, 'DAY')
    .replaceAll(/\bCAPF-[0-9a-f]{8}\b/g, 'CAPF')
    .replaceAll(/ +/g, ' ');
}
