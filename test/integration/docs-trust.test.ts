/**
 * docs/operations/rotation.md, recovery.md and migration.md show what the commands print: every block that begins with
 * `$ tftp-pki` is run here, in the order of the pages, over 40 phones before a real server, and compared. What differs
 * from run to run (serial numbers, times, sizes) is levelled first.
 * `TFTP_PKI_WRITE_DOCS=1 npx vitest run test/integration/docs-trust.test.ts` writes the blocks anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { GuidedField } from '../helpers/guided-field.ts';

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
    .replaceAll(/\d+ bytes/g, 'N bytes')
    .replaceAll(/[\d.]+ ms/g, 'N ms')
    .replaceAll(/\d+ without an answer/g, 'N without an answer')
    .replaceAll(/ {2,}/g, '  ');
}

/** Of a plan: what phones may hold, with where they find the signer now and then. */
const isPair = (line: string): boolean =>
  /^(?:none|\d+) {2}(?:none|\d+\+?) {2}\d+(?:, may need SHA-1)? {2}/.test(line);

/** Lists of the last minute are in every set, so a quick machine has more pairs than a page shows, and no fewer. */
function compare(output: string, { page, words, output: shown }: Block): void {
  const [is, was] = [output, shown].map((text) => levelled(text).split('\n')) as [string[], string[]];
  const title = `${page}: ${words.join(' ')}`;
  expect(is.filter((line) => !isPair(line)).join('\n'), title).toBe(
    was.filter((line) => !isPair(line)).join('\n'),
  );
  expect(is, title).toEqual(expect.arrayContaining(was.filter(isPair)));
}

/** Runs what a page shows and compares; the ports of the page are those of the server here. */
async function shows(block: Block | undefined): Promise<void> {
  if (block === undefined) throw new Error('the page has no such block');
  const words = block.words.map((word) =>
    word
      .replace(':6969', `:${field.server?.port('tftp')}`)
      .replace(':6970', `:${field.server?.port('http')}`),
  );
  const { text, said } = await field.runPlain(...words);
  const output = `${text}${said}`.replaceAll(/[ \t]+$/gm, '');
  if (writes) {
    const path = join(pages, block.page);
    const fresh = `\`\`\`\n$ tftp-pki ${block.words.join(' ')}\n${output}\`\`\``;
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(block.text, () => fresh),
    );
  } else compare(output, block);
}

test('rotation.md, recovery.md and migration.md show what the commands print', async () => {
  const [publish, wait, retire, hash, rename, ...more] = blocksOf('rotation.md');
  const [recover, drill, ...others] = blocksOf('recovery.md');
  const [fleet, ...rest] = blocksOf('migration.md');
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
  await shows(hash);
  await shows(rename);
  await field.changed(() => shows(publish));
  await shows(wait);
  await field.allCome();
  await field.change('renew-cert', 'callmanager', '--guided', '--yes');
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
}, 280_000);
