/** What a share holds is anybody's: manifests and consolidations are judged whatever bytes stand there. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeConsolidation, decodeConsolidation } from '../../../../src/core/bulk/consolidation.ts';
import { judgePeer, type BulkPeer } from '../../../../src/core/bulk/known-peer.ts';
import { decodeManifest } from '../../../../src/core/bulk/manifest.ts';
import { decodeQuarantined, encodeQuarantined } from '../../../../src/core/bulk/quarantine.ts';
import { joinSource, verifyManifest, type SignedManifest } from '../../../../src/core/bulk/verify-source.ts';
import { decodeSignedFile } from '../../../../src/wire/signed-file.ts';
import { crypto, factsOf, manifestOf } from '../../../helpers/bulk-source.ts';
import { now } from '../../../helpers/trust-builder.ts';

const certificate = factsOf('n1.alpha', { serial: '51' });
const exported = [{ type: 'tftp', node: 'n1', certificate }] as const;
const bytes = manifestOf('alpha', exported);
const headerBytes = bytes.indexOf('{'.charCodeAt(0));
const verified = (changed: Uint8Array, cluster = 'alpha') => verifyManifest(crypto, changed, cluster, now);

function believed(counter = 1, by = 'sast-b'): SignedManifest {
  const result = verified(manifestOf('alpha', exported, { counter, by }));
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('a manifest', () => {
  it('is believed as it was signed, for its own cluster only', () => {
    expect(verified(bytes)).toMatchObject({
      ok: true,
      value: { manifest: { cluster: 'alpha', counter: 1 } },
    });
    expect(verified(bytes, 'beta')).toEqual({ ok: false, error: 'it is the manifest of alpha' });
  });

  it('is not believed with a bit of it changed: each byte of the header, each fourth of the content', () => {
    const taken: number[] = [];
    for (let at = 0; at < bytes.length; at += at < headerBytes ? 1 : 4) {
      const mutant = bytes.slice();
      mutant[at] = (mutant[at] ?? 0) ^ (1 << (at % 8));
      if (verified(mutant).ok) taken.push(at);
    }
    expect(taken).toEqual([]);
  });

  it('nor cut, nor with a byte more', () => {
    for (let length = 0; length < bytes.length; length += 3)
      if (verified(bytes.subarray(0, length)).ok) expect(length).toBe(bytes.length);
    expect(verified(Uint8Array.from([...bytes, 10])).ok).toBe(false);
  });

  it('nor from the future', () => {
    expect(verified(manifestOf('alpha', exported, { timestamp: now + 3_600 })).ok).toBe(false);
  });

  it('nor signed by a key below policy', () => {
    expect(verified(manifestOf('alpha', exported, { by: 'short' }))).toMatchObject({
      ok: false,
      error: expect.stringMatching(/1024/) as string,
    });
  });

  it('comes with every certificate that it names, and with no other', () => {
    const stranger = factsOf('n2.alpha', { serial: '52' });
    const signed = believed();
    expect(joinSource(signed, [certificate])).toMatchObject({ ok: true });
    expect(joinSource(signed, [])).toEqual({
      ok: false,
      error: 'the tftp certificate of n1 did not come with it',
    });
    expect(joinSource(signed, [certificate, stranger])).toMatchObject({
      ok: false,
      error: expect.stringContaining('is not named by it') as string,
    });
  });
});

describe('whoever signs it', () => {
  const signed = believed(5);
  const peer: BulkPeer = {
    cluster: 'alpha',
    signer: signed.signer.fingerprint,
    counter: 5,
    manifestSha256: signed.sha256,
    acceptedMs: 0,
    acceptedBy: 'tester',
  };
  const reason = (manifest: SignedManifest, known?: BulkPeer): string => {
    const judged = judgePeer(manifest, known);
    return judged.ok ? 'believed' : judged.error.reason;
  };

  it('is somebody whom a person accepted, and never goes back', () => {
    expect(reason(signed)).toMatch(/^nobody accepted its ITLRecovery yet: SHA256:/);
    expect(reason(signed, { ...peer, counter: 0, manifestSha256: undefined })).toBe('believed');
    expect(reason(signed, peer)).toBe('believed');
    expect(reason(believed(6), peer)).toBe('believed');
    expect(reason(believed(6, 'sast-a'), peer)).toMatch(/^another ITLRecovery than the accepted one/);
    expect(reason(believed(4), peer)).toBe('its manifest 4 is older than manifest 5, which was seen before');
    expect(reason({ ...signed, sha256: 'other' }, peer)).toBe('there are two different manifests 5 of it');
  });
});

describe('whatever bytes there are', () => {
  const file = decodeSignedFile(bytes);
  const content = file.ok ? file.value.content : new Uint8Array();
  const source = { cluster: 'alpha', manifest: bytes, certificates: [certificate.der] };
  const merged = encodeConsolidation({ by: 'alpha', when: now, sources: [source] });
  const fetched = encodeQuarantined({
    place: '/share',
    fetchedMs: 1,
    clusters: [],
    untilMs: undefined,
    content: {
      kind: 'foreign',
      cluster: 'west',
      certificates: [{ file: 'a', type: 'tvs', der: certificate.der }],
    },
  });
  const cases = [
    { name: 'manifest', original: content, decode: decodeManifest },
    { name: 'consolidation', original: merged, decode: decodeConsolidation },
    { name: 'quarantine', original: fetched, decode: decodeQuarantined },
  ];

  it.each(cases)('$name: gives a value or a sentence', ({ original, decode }) => {
    expect(decode(original).ok).toBe(true);
    const place = fc.nat(original.length);
    const mutation = fc.record({
      from: place,
      to: place,
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 8 }),
        fc
          .constantFrom('null', '[]', '{}', '-1', '1e99', '"\\u0000"', '""', '[[', ',')
          .map((word) => Buffer.from(word)),
      ),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const mutant = mutations.reduce(
          (before, { from, to, insert }) =>
            Uint8Array.from(Buffer.concat([before.subarray(0, from), insert, before.subarray(to)])),
          original,
        );
        const decoded = decode(mutant);
        if (!decoded.ok) expect(decoded.error).toMatch(/^[^\n]{3,200}$/);
      }),
      { numRuns: 400, seed: 13 },
    );
  });

  it('a consolidation names each cluster once, in order: no older export rides beside the newest', () => {
    const of = (...clusters: readonly string[]): boolean =>
      decodeConsolidation(
        encodeConsolidation({
          by: 'alpha',
          when: now,
          sources: clusters.map((cluster) => ({ ...source, cluster })),
        }),
      ).ok;
    expect(of('alpha', 'beta')).toBe(true);
    expect(of('alpha', 'alpha')).toBe(false);
    expect(of('beta', 'alpha')).toBe(false);
  });
});
