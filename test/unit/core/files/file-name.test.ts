import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileNameBytesMax } from '../../../../src/base/limits.ts';
import { isNoiseMiss, parseDeviceName, parseFileName } from '../../../../src/core/files/file-name.ts';

const uuid = '0c8e7e0b-3a1f-4b5e-9f00-8a7b6c5d4e3f';

function classOf(name: string): string {
  const parsed = parseFileName(name);
  if (!parsed.ok) return `rejected: ${parsed.error}`;
  const { kind, signed, device } = parsed.value;
  return [kind, ...(signed ? ['signed'] : []), ...(device === undefined ? [] : [device])].join(' ');
}

describe('the classes of design.md §4', () => {
  it.each([
    ['SEP001122334455.cnf.xml', 'config SEP001122334455'],
    ['sep00aabbccddee.CNF.XML', 'config SEP00AABBCCDDEE'],
    ['SEP001122334455.cnf.xml.sgn', 'config signed SEP001122334455'],
    ['SEP001122334455.cnf', 'config SEP001122334455'],
    ['SIP001122334455.cnf', 'config SEP001122334455'],
    ['ATA001122334455.cnf.xml', 'config ATA001122334455'],
    ['VGC0011223344FF.cnf.xml', 'config VGC0011223344FF'],
    ['AN0011223344000.cnf.xml', 'config AN0011223344000'],
    ['SKIGW0011223344.cnf.xml', 'config SKIGW0011223344'],
    ['CSFJDOE.cnf.xml', 'config CSFJDOE'],
    ['vg-lobby.cnf.xml', 'config vg-lobby'],
    ['SEP001122334455.cnf.xml.enc.sgn', 'encrypted-config signed SEP001122334455'],
    ['CTLSEP001122334455.tlv', 'device-ctl SEP001122334455'],
    ['ITLSEP001122334455.tlv', 'device-itl SEP001122334455'],
    ['CTLFile.tlv', 'cluster-ctl'],
    ['ITLFile.tlv', 'cluster-itl'],
    ['ITLFile.tlv.sgn', 'other signed'],
    ['XMLDefault.cnf.xml', 'default-config'],
    ['XMLDefault.cnf.xml.sgn', 'default-config signed'],
    ['SIPDefault.cnf', 'default-config'],
    ['AppDialRules.xml', 'cluster-bound'],
    ['DialTemplate.xml', 'cluster-bound'],
    [`SK${uuid}.xml.sgn`, 'cluster-bound signed'],
    [`DR${uuid}.xml`, 'cluster-bound'],
    [`FP${uuid}.xml`, 'cluster-bound'],
    ['Ringlist.xml', 'cosmetic'],
    ['RINGLIST.XML', 'cosmetic'],
    ['Ringlist-wb.xml.sgn', 'cosmetic signed'],
    ['DistinctiveRingList.xml', 'cosmetic'],
    ['Analog1.raw', 'cosmetic'],
    ['English_United_States/mk-sip.jar', 'cosmetic'],
    ['United_States/g3-tones.xml', 'cosmetic'],
    ['Desktops/320x212x12/List.xml', 'cosmetic'],
    ['sip88xx.12-8-1-0001-455.loads', 'firmware'],
    ['kern88xx.12-8-1-0001-455.sbn', 'firmware'],
    ['sip9971.9-4-2SR3-1.zz.sgn', 'firmware'],
    ['something.txt', 'other'],
    ['something.txt.sgn', 'other signed'],
  ])('%s is %s', (name, expected) => {
    expect(classOf(name)).toBe(expected);
  });

  it('keeps the name as asked beside what stands below its signature', () => {
    const parsed = parseFileName('Desktops/320x212x12/list.xml.SGN');
    expect(parsed).toEqual({
      ok: true,
      value: {
        asked: 'Desktops/320x212x12/list.xml.SGN',
        kind: 'cosmetic',
        device: undefined,
        signed: true,
        base: 'Desktops/320x212x12/list.xml',
        segments: ['Desktops', '320x212x12', 'list.xml.SGN'],
      },
    });
  });
});

describe('names that are rejected, never repaired (security.md §1)', () => {
  it.each([
    ['', 'empty'],
    ['a'.repeat(fileNameBytesMax + 1), 'too-long'],
    ['Ringlist.xml\0.txt', 'control-character'],
    ['Ring\r\nlist.xml', 'control-character'],
    ['\u001b[2Jx', 'control-character'],
    ['x\u007f', 'control-character'],
    ['Fran\u00e7ais/x.jar', 'not-ascii'],
    ['..\\x', 'dot-segment'],
    ['a\\..\\x', 'backslash'],
    ['%2e%2e/x', 'percent'],
    ['100%.xml', 'percent'],
    ['%n%n%n', 'percent'],
    ['/etc/passwd', 'absolute'],
    ['//x', 'absolute'],
    ['a//x', 'empty-segment'],
    ['a/', 'empty-segment'],
    ['../x', 'dot-segment'],
    ['a/../../x', 'dot-segment'],
    ['./x', 'dot-segment'],
    ['.htpasswd', 'dot-segment'],
    ['a/.git/config', 'dot-segment'],
    ['...', 'dot-segment'],
  ])('%j: %s', (name, code) => {
    expect(classOf(name)).toBe(`rejected: ${code}`);
  });

  it('accepts a name of the largest size', () => {
    expect(parseFileName('a'.repeat(fileNameBytesMax)).ok).toBe(true);
  });

  it('is total, and what it accepts stays below its folder', () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        'a',
        'S',
        '.',
        '..',
        '/',
        '\\',
        '%',
        '\0',
        '\n',
        '\u00e9',
        'é',
        '.sgn',
        'CTLSEP',
        '0',
        '-',
      ),
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'binary', maxLength: 200 })), (name) => {
        const parsed = parseFileName(name);
        if (!parsed.ok) return;
        expect(name).toMatch(/^[ -~]{1,128}$/);
        expect(parsed.value.segments.join('/')).toBe(name);
        for (const segment of parsed.value.segments) expect(segment).toMatch(/^[^./\\%][^/\\%]*$/);
        expect(name.startsWith(parsed.value.base)).toBe(true);
      }),
      { seed: 3, numRuns: 2_000 },
    );
  });
});

it('knows the noise of booting phones', () => {
  expect(isNoiseMiss('CTLSEP001122334455.tlv')).toBe(true);
  expect(isNoiseMiss('itlsep001122334455.tlv')).toBe(true);
  expect(isNoiseMiss('CTLFile.tlv')).toBe(false);
  expect(isNoiseMiss('../CTLSEP001122334455.tlv')).toBe(false);
});

it('writes device names in one way', () => {
  expect(parseDeviceName('sep00aabbccddee')).toBe('SEP00AABBCCDDEE');
  expect(parseDeviceName('SEP00AABBCCDDE')).toBeUndefined();
  expect(parseDeviceName('SEP00AABBCCDDEEF')).toBeUndefined();
  expect(parseDeviceName('XSEP00AABBCCDDEE')).toBeUndefined();
});
