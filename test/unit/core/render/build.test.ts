import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, property, string } from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import type { DeviceLine } from '../../../../src/core/cluster/model.ts';
import { buildDeviceConfig } from '../../../../src/core/render/build.ts';
import { illegalCharacter } from '../../../../src/core/render/xml.ts';
import { buildGolden, contextOf, deviceOf, rule, salt } from './golden-pair.ts';

const folder = join(import.meta.dirname, '../../../vectors/render');

describe('golden pairs', () => {
  const files = readdirSync(folder);

  it('there are some of every family', () => {
    expect(files).toEqual(
      expect.arrayContaining(
        [
          'sccp-79xx',
          'sip-79xx',
          'sip-78xx',
          'sip-88xx',
          'sip-88xx-encrypted',
          'gateway',
          'ata',
          'xml-default',
          'ringlist',
        ].map((name) => `${name}.golden`),
      ),
    );
  });

  it.each(files)('%s', (file) => {
    const [given = '', expected] = readFileSync(join(folder, file), 'utf8').split(rule);
    expect(buildGolden(given)).toBe(expected);
  });
});

function build(line: Partial<DeviceLine>, load = 'sip88xx.1', deviceSalt = salt) {
  const device = deviceOf({ load, lines: [{ index: 1, extension: '1', ...line }] });
  const built = buildDeviceConfig(contextOf({}), { device, document: undefined, salt: deviceSalt });
  return built.ok
    ? { text: Buffer.from(built.value.bytes).toString(), stamp: built.value.versionStamp }
    : undefined;
}

/** Text of every element in order, read by a parser that we did not write. */
function textsOf(xml: string): readonly string[] {
  const parser = new SaxesParser();
  const texts: string[] = [];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', (text) => {
    if (text.trim() !== '') texts.push(text);
  });
  parser.write(xml).close();
  return texts;
}

describe('what is built', () => {
  it('is well-formed and says what users wrote, whatever they wrote, or is refused for a control character', () => {
    const text = string({ unit: 'binary', maxLength: 40 });
    assert(
      property(text, text, (label, displayName) => {
        const built = build({ label, displayName });
        const illegal = illegalCharacter(label + displayName) !== undefined;
        expect(built === undefined).toBe(illegal);
        if (built === undefined) return;
        const texts = textsOf(built.text);
        for (const wanted of [label, displayName]) if (wanted.trim() !== '') expect(texts).toContain(wanted);
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  it('has a stamp that changes with the content and with nothing else', () => {
    const first = build({});
    expect(build({})).toEqual(first);
    expect(build({ label: 'x' })?.stamp).not.toBe(first?.stamp);
    expect(build({}, 'sip88xx.2')?.stamp).not.toBe(first?.stamp);
    const resalted = build({}, 'sip88xx.1', 'aa'.repeat(16));
    expect(resalted?.stamp).toBe(first?.stamp);
    expect(resalted?.text).not.toBe(first?.text);
    expect(first?.text).toContain(`<versionStamp>${first?.stamp}</versionStamp>`);
  });

  it('has 128 bits that no user can foresee before any text of a user (security.md §3)', () => {
    const text = build({ label: 'USERTEXT' })?.text ?? '';
    const bits = /<!-- built by tftp-pki [0-9a-f]{32} -->/.exec(text);
    expect(bits?.index).toBeLessThan(text.indexOf('<device'));
  });
});
