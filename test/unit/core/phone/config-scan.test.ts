import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { scanElements } from '../../../../src/core/phone/config-scan.ts';

const wanted = new Set(['softKeyFile', 'loadInformation']);

function scan(xml: string): Record<string, readonly string[]> | undefined {
  const found = scanElements(xml, wanted);
  return found && Object.fromEntries(found);
}

it.each([
  ['plain', '<device><softKeyFile>SK.xml</softKeyFile></device>', { softKeyFile: ['SK.xml'] }],
  [
    'at any depth, more than once',
    '<a><b><softKeyFile>1</softKeyFile></b><softKeyFile>2</softKeyFile></a>',
    { softKeyFile: ['1', '2'] },
  ],
  [
    'declaration, comment, attributes',
    '<?xml version="1.0"?><!-- <softKeyFile>no</softKeyFile> --><a x="1>2" y=\'3\'><softKeyFile z="">yes</softKeyFile></a>',
    { softKeyFile: ['yes'] },
  ],
  ['entities', '<softKeyFile>a&amp;b&#x41;&#66;</softKeyFile>', { softKeyFile: ['a&bAB'] }],
  ['CDATA is text', '<softKeyFile><![CDATA[<x>&]]></softKeyFile>', { softKeyFile: ['<x>&'] }],
  ['empty elements name nothing', '<a><softKeyFile/><softKeyFile></softKeyFile></a>', {}],
  ['a byte order mark', '\ufeff<a/>', {}],
])('reads %s', (_, xml, expected) => {
  expect(scan(xml)).toEqual(expected);
});

it.each([
  ['an unclosed element', '<a><softKeyFile>x</a>'],
  ['an end tag too many', '<a></a></a>'],
  ['a doctype', '<!DOCTYPE a [<!ENTITY x "y">]><a/>'],
  ['an unknown entity', '<a>&x;</a>'],
  ['an entity without its end', '<a>&amp</a>'],
  ['a comment without its end', '<a><!-- </a>'],
  ['a tag without its end', '<a'],
  ['text outside', 'hello <a/>'],
  ['nesting beyond 64', '<a>'.repeat(65) + '</a>'.repeat(65)],
])('refuses %s', (_, xml) => {
  expect(scan(xml)).toBeUndefined();
});

it('reads the element skeleton of a CUCM 12 configuration', () => {
  const xml = readFileSync(new URL('../../../vectors/phone/cucm12-skeleton.xml', import.meta.url), 'utf8');
  expect(scan(xml)).toEqual({
    softKeyFile: ['SKa9bea76c-2993-07f8-9c8f-07e996ec91d4.xml'],
    loadInformation: ['sip78xx.12-5-1SR2-2'],
  });
});

it('is total and fast over any text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('<', '>', '/', 'a', '"', '=', ' ', '&', ';', '!', '-', '[', ']') }),
      (xml) => {
        scan(xml);
        scan(`<a>${xml}</a>`);
      },
    ),
    { seed: 7, numRuns: 500 },
  );
  const started = performance.now();
  expect(scan(`<a ${'b="c" '.repeat(20_000)}`)).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(2_000);
});
