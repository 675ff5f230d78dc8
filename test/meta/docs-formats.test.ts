import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatRules } from '../../src/wire/format-error.ts';
import { renderFormats } from '../../tools/docs/formats.ts';

const pages = renderFormats();

describe('docs/formats', () => {
  it.each(pages.map(({ file, text }) => [file.pathname.split('/').at(-1), file, text] as const))(
    '%s is what the codec says today; npx tsx tools/docs/formats.ts renews it',
    (_name, file, text) => {
      expect(existsSync(file) && readFileSync(file, 'utf8')).toBe(text);
    },
  );

  it('names every code on exactly one page', () => {
    for (const code of Object.keys(formatRules))
      expect(pages.filter(({ text }) => text.includes(`| \`${code}\` |`)).length, code).toBe(1);
  });
});
