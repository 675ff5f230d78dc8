/**
 * docs/operations/rotation.md, recovery.md and migration.md show what the commands print: every block that begins with
 * `$ tftp-pki` is run here, in the order of the pages, over 40 phones before a real server, and compared. What differs
 * from run to run (serial numbers, times, sizes) is levelled first.
 * `TFTP_PKI_WRITE_DOCS=1 npx vitest run test/integration/docs-trust.test.ts` writes the blocks anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';

import { GuidedField } from '../helpers/guided-field.ts';
import { runProgram } from '../helpers/run-program.ts';
import { fakeTerminal } from '../helpers/terminal.ts';

const pages = join(import.meta.dirname, '../../docs/operations');
const writes = process.env['TFTP_PKI_WRITE_DOCS'] !== undefined;
let field: GuidedField;
afterEach(() => field.end());

interface Block {
  readonly page: string;
  readonly text: string;
  readonly words: readonly string[];
  readonly output: string;
}

function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(pages, page), 'utf8');
  return [...text.matchAll(/^```\n\$ tftp-pki (?<command>.*)\n(?<output>[^]*?)^```$/gm)].map(
    ({ 0: block, groups }) => ({
      page,
      text: block,
      words: (groups?.['command'] ?? '').split(' '),
      output: groups?.['output'] ?? '',
    }),
  );
}

function levelled(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{2}(?::[0-9a-f]{2})+\b/g, 'SERIAL')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'FINGERPRINT')
    .replaceAll(/\bCAPF-[0-9a-f]{8}\b/g, 'CAPF-RANDOM')
    .replaceAll(
      /(?:none|\d+)\/(?:none|\d+\+?)(?: (?:(?:none|\d+)\/(?:none|\d+\+?)|unknown))*(?: …)?/g,
      'PAIRS',
    )
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME')
    .replaceAll(/\b\d{4}-\d\d-\d\d\b/g, 'DAY')
    .replaceAll(/\b[0-9a-f]{16}\b/g, 'SHORT')
    .replaceAll(/\d+ bytes/g, 'N bytes')
    .replaceAll(/[\d.]+ ms/g, 'N ms')
    .replaceAll(/\d+ without an answer/g, 'N without an answer')
    .replaceAll(/ {2,}/g, '  ')
    .replaceAll(/DAY {2}\d+/g, 'DAY  N')
    .replaceAll(/\d+ {2}TIME/g, 'N  TIME');
}

/** Of a plan: what phones may hold, with where they find the signer now and then. */
const isPair = (line: string): boolean =>
  /^(?:none|\d+) {2}(?:none|\d+\+?) {2}\d+(?:, may need SHA-1)? {2}/.test(line);

/** Lists of the last minute are in every set, so a quick machine has more pairs than a page shows, and no fewer. */
function compare(output: string, { page, words, output: shown }: Block): void {
  const [is, was] = [output, shown].map((text) => levelled(text).split('\n')) as [string[], string[]];
  const title = `${page}: ${words.join(' ')}`;
  const isCut = (line: string): boolean => /^and \d+ more pairs/.test(line);
  const others = (lines: readonly string[]): string =>
    lines.filter((line) => !isPair(line) && !isCut(line)).join('\n');
  expect(others(is), title).toBe(others(was));
  // Of a table that is cut, which rows come first is chance.
  if (![...is, ...was].some(isCut)) expect(is, title).toEqual(expect.arrayContaining(was.filter(isPair)));
}

/**
 * Runs what a page shows and compares; ports, the share and the accepted fingerprint of the page are those of the run here,
 * and who typed it is called admin.
 */
async function shows(block: Block | undefined, accepted = ''): Promise<void> {
  if (block === undefined) throw new Error('the page has no such block');
  const shown = block.words.map((word) => word.replace(/SHA256:[0-9a-f]{64}$/, `SHA256:${accepted}`));
  const words = shown.map((word) =>
    word
      .replace(':6969', `:${field.server?.port('tftp')}`)
      .replace(':6970', `:${field.server?.port('http')}`)
      .replace('/mnt/exchange', join(field.world, 'exchange')),
  );
  const { text, said } = await field.runPlain(...words);
  const output = `${text}${said}`
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(join(field.world, 'exchange'), '/mnt/exchange')
    .replaceAll(`${userInfo().username}@`, 'admin@');
  if (writes) {
    const path = join(pages, block.page);
    const fresh = `\`\`\`\n$ tftp-pki ${shown.join(' ')}\n${output}\`\`\``;
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(block.text, () => fresh),
    );
  } else compare(output, block);
}

test('rotation.md, recovery.md and migration.md show what the commands print', async () => {
  const [publish, wait, status, switchOver, retire, abort, compromised, hash, rename, ...more] =
    blocksOf('rotation.md');
  const [recover, drill, ...others] = blocksOf('recovery.md');
  const [look, take, held, fleet, ...rest] = blocksOf('migration.md');
  expect([...more, ...others, ...rest]).toEqual([]);
  field = new GuidedField(40);
  await field.begin();
  await field.come();
  // What the phones did is noted a moment after they did it.
  await expect
    .poll(async () => (await field.runPlain('plan', 'renew-cert', 'callmanager')).text, {
      timeout: 30_000,
      interval: 500,
    })
    .toContain('unknown 0,');

  // There is one generation as yet, so there are few pairs.
  await shows(held);
  await shows(hash);
  await shows(rename);
  await field.changed(() => shows(publish));
  await shows(wait);
  await shows(status);
  await field.allCome();
  await field.changed(() => shows(switchOver));
  await field.allCome();
  await field.changed(() => shows(retire));
  await field.come();

  // A phone that comes from elsewhere asks for its configuration, and shows no belief in it.
  const stranger = 'SEP0011220000FF';
  await field.done('add-device', stranger, '--model', 'CP-8851', '--protocol', 'SIP');
  const agent = new Agent({ localAddress: '127.1.9.9' });
  await expect
    .poll(
      async () => {
        await field.fetch(agent, `${stranger}.cnf.xml.sgn`);
        return (await field.run('plan', '--recover')).text;
      },
      { timeout: 30_000, interval: 500 },
    )
    .toContain(stranger);
  await shows(recover);
  await shows(drill);
  await shows(fleet);

  // Two ways out of a renewal.
  await field.change('renew-cert', 'callmanager', '--guided', '--yes');
  await field.allCome();
  age();
  await field.changed(() => shows(abort));
  await field.come();
  age();
  await field.changed(() => shows(compromised));
  await field.come();

  // A branch whose certificates come over the exchange.
  const branch = join(field.world, 'branch');
  const atBranch = async (...words: readonly string[]): Promise<void> => {
    const terminal = fakeTerminal();
    const ended = await runProgram([...words, '--data', branch], terminal);
    expect(`${words.join(' ')}: ${ended} ${terminal.stderr.text}`).toMatch(/: 0 /);
  };
  mkdirSync(join(field.world, 'exchange'));
  await atBranch('init', '--cluster', 'branch', '--node', 'cucm-b', '--mode', 'mixed');
  await atBranch('export-bulk', '--to', join(field.world, 'exchange'));
  await atBranch('consolidate-bulk', '--at', join(field.world, 'exchange'));
  const accepted = await inFolder(branch, async ({ store }) => {
    const rows = await store.listCertificates();
    return rows.find(({ purpose }) => purpose === 'itlrecovery')?.fingerprint;
  });
  await shows(look, accepted);
  await shows(take, accepted);
}, 280_000);

/** As if everything published so far had been so for a day: what is new may have reached anybody. */
function age(): void {
  const database = new Sqlite(join(field.data, 'database.sqlite'));
  database.prepare('update trust_list set published_ms = published_ms - 86400000').run();
  database.close();
}

async function inFolder<T>(dataDir: string, work: (node: OpenNode) => Promise<T>): Promise<T> {
  const node = await openNode({ dataDir, passphraseFile: undefined });
  try {
    return await work(node);
  } finally {
    await node.close();
  }
}
