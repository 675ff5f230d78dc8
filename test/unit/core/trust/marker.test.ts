import { describe, expect, test } from 'vitest';
import { isMarker, markerContent, markerName, mayBeMarker } from '../../../../src/core/trust/marker.ts';
import { parseFileName } from '../../../../src/core/files/file-name.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';

const crypto = createVerifier();
const device = 'SEP001122334455';
const name = markerName(crypto, 'office', device, 'aa');

describe('a marker', () => {
  test('has the form of a feature policy of CUCM, also as the grammar of names reads it', () => {
    expect(name).toMatch(/^FP[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.xml$/);
    const parsed = parseFileName(`${name}.sgn`);
    expect(parsed.ok && parsed.value).toMatchObject({ kind: 'cluster-bound', signed: true, base: name });
  });

  test('is another one for each phone and for each signer, and the same wherever it is asked for', () => {
    const others = [
      markerName(crypto, 'office', 'SEP001122334466', 'aa'),
      markerName(crypto, 'office', device, 'ab'),
    ];
    expect(new Set([name, ...others]).size).toBe(3);
    for (const other of others) expect(isMarker(crypto, 'office', other)).toBe(true);
    expect(markerName(crypto, 'office', device, 'aa')).toBe(name);
  });

  test('is told by its name alone, in any case, and is none of another cluster', () => {
    expect(isMarker(crypto, 'office', name)).toBe(true);
    expect(isMarker(crypto, 'office', name.toUpperCase())).toBe(true);
    expect(isMarker(crypto, 'plant', name)).toBe(false);
    const last = name.at(-5) === '0' ? '1' : '0';
    expect(isMarker(crypto, 'office', `${name.slice(0, -5)}${last}.xml`)).toBe(false);
    expect(isMarker(crypto, 'office', 'FP00000000-0000-0000-0000-000000000000.xml')).toBe(false);
  });

  test.each(['FeaturePolicy.xml', `x${name}`, `${name}.sgn`, 'FP0-0-0-0-0.xml', 'SEP001122334455.cnf.xml'])(
    '%s is none',
    (other) => {
      expect(mayBeMarker(other)).toBe(false);
      expect(isMarker(crypto, 'office', other)).toBe(false);
    },
  );

  test('names no feature, so that a phone leaves all as they are', () => {
    const text = new TextDecoder().decode(markerContent);
    expect(text).toContain('<featurePolicy name="none">');
    expect(text).not.toContain('featureDef');
  });
});
