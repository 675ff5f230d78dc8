import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fillDocument, rawText, encodeDocument } from '../../../src/core/render/document.ts';
import { readDocument } from '../../../src/files/read-document.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';

const crypto = createVerifier();
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

function read(text: string) {
  const template = readDocument(bytesOf(text), crypto);
  if (!template.ok) throw new Error(template.error);
  return { template: template.value, values: {} };
}

function change(text: string, changes: Readonly<Record<string, string>>): string {
  const filled = fillDocument(read(text), new Map(Object.entries(changes)), undefined);
  return filled.ok ? filled.value : `refused: ${filled.error.reason}`;
}

describe('an imported document', () => {
  it.each([
    join(import.meta.dirname, '../../vectors/phone/cucm12-skeleton.xml'),
    join(import.meta.dirname, '../../vectors/import/sepmac.cnf.xml'),
  ])('is kept byte for byte: %s', (path) => {
    const bytes = readFileSync(path);
    const document = read(bytes.toString());
    expect(document.template.slots.length).toBeGreaterThan(50);
    const filled = fillDocument(document, new Map(), undefined);
    expect(filled.ok && Buffer.from(encodeDocument(document.template, filled.value)).equals(bytes)).toBe(
      true,
    );
  });

  it('changes the text of one element and nothing else', () => {
    const text =
      '\ufeff<?xml version="1.0"?>\r\n<!-- mine -->\r\n<device a="1>2">\r\n <x:odd q=\'"\'/><load>a&amp;b</load><!-- > -->\r\n <l><n>1</n><n>2</n></l><e/><c><![CDATA[<&]]></c>\r\n</device>\r\n';
    expect(rawText(read(text), 'load')).toBe('a&amp;b');
    expect(change(text, { load: 'c<d' })).toBe(text.replace('a&amp;b', 'c&lt;d'));
    expect(change(text, { 'l/n[2]': '3' })).toBe(text.replace('<n>2<', '<n>3<'));
    expect(change(text, { e: 'x' })).toBe(text.replace('<e/>', '<e>x</e>'));
    expect(change(text, { c: 'x' })).toBe(text.replace('<![CDATA[<&]]>', 'x'));
    expect(change(text, { new: 'x' })).toBe(text.replace('\r\n</device>', '\r\n<new>x</new></device>'));
    expect(change(text, { 'l/m': 'x' })).toBe(text.replace('</l>', '<m>x</m></l>'));
    expect(change(text, { 'no/where': 'x' })).toContain('refused: stands in an element');
    expect(change(text, { l: 'x' })).toBe('refused: has elements of its own');
    expect(change(text, { load: '\u0001' })).toContain('U+0001');
    const commented = fillDocument(read(text), new Map(), 'bits');
    expect(commented.ok && commented.value).toBe(text.replace('?>', '?><!-- bits -->'));
  });

  it('shares its skeleton with files that differ in text only', () => {
    const one = read('<device><a>1</a><b/></device>').template.id;
    expect(read('<device><a>2</a><b/></device>').template.id).toBe(one);
    expect(read('<device><a>1</a> <b/></device>').template.id).not.toBe(one);
  });

  it('keeps ISO-8859-1', () => {
    const bytes = Uint8Array.from(
      Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><device><a>\xfc</a></device>', 'latin1'),
    );
    const template = readDocument(bytes, crypto);
    if (!template.ok) throw new Error(template.error);
    const filled = fillDocument({ template: template.value, values: {} }, new Map([['b', '€']]), undefined);
    expect(filled.ok && Buffer.from(encodeDocument(template.value, filled.value)).toString('latin1')).toBe(
      '<?xml version="1.0" encoding="ISO-8859-1"?><device><a>\xfc</a><b>&#8364;</b></device>',
    );
  });
});

describe('hostile and broken files get one reason', () => {
  const deep = `<device>${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}</device>`;
  it.each([
    [
      'an external entity',
      '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><device>&x;</device>',
      'document type',
    ],
    [
      'an entity bomb',
      '<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><device>&b;</device>',
      'document type',
    ],
    ['an external subset', '<!DOCTYPE d SYSTEM "http://192.0.2.1/x.dtd"><device/>', 'document type'],
    ['an unknown entity', '<device>&x;</device>', 'not well-formed'],
    ['deep nesting', deep, 'nests deeper'],
    ['many elements', `<device>${'<a/>'.repeat(20_000)}</device>`, 'more than'],
    ['a cut file', '<device><a>1</a>', 'not well-formed'],
    ['two roots', '<device/><device/>', 'not well-formed'],
    ['tags that cross', '<device><a><b></a></b></device>', 'not well-formed'],
    ['a control character', '<device>\u0001</device>', 'not well-formed'],
    ['another root', '<Default/>', 'no device configuration'],
    ['nothing', '', 'not well-formed'],
    ['UTF-16', '<?xml version="1.0" encoding="UTF-16"?><device/>', 'neither UTF-8'],
  ])('%s', (_, text, reason) => {
    const result = readDocument(bytesOf(text), crypto);
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining(reason) as string });
    if (!result.ok) expect(result.error).not.toContain('\n');
  });

  it('bytes that are not UTF-8, and too many', () => {
    expect(readDocument(Uint8Array.of(0x3c, 0xff), crypto)).toMatchObject({ error: 'is not UTF-8' });
    expect(readDocument(new Uint8Array(300_000), crypto).ok).toBe(false);
  });
});
