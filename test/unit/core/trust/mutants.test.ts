import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { verifyStrict } from '../../../../src/core/trust/strict.ts';
import { verifyAgain } from '../../../../src/node/second-verifier.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { role } from '../../../helpers/clusters.ts';
import { now, party, record, trustList } from '../../../helpers/trust-builder.ts';
import { remembering } from '../../../helpers/trust-vectors.ts';

type Accepts = (bytes: Uint8Array) => boolean;

const crypto = remembering(createVerifier());
const timeoutMs = 180_000;

const minRsaBits = 1024;

function strict(name: string, list?: Uint8Array): Accepts {
  const trust = { lists: list ? [list] : [], certificates: [] };
  const policy = { minRsaBits };
  return (bytes) => verifyStrict(crypto, { bytes, name, trust, policy, nowSeconds: now }).accepted;
}

function second(name: string, list?: Uint8Array): Accepts {
  return (bytes) =>
    verifyAgain(bytes, { name, previousList: list, minRsaBits, nowSeconds: now }) === undefined;
}

const verifiers = [
  ['strict', strict],
  ['second', second],
] as const;

/** Flips bits one at a time, `bitsAt` of each byte; names the flips that `accepts` lets through. */
function survivors(file: Uint8Array, accepts: Accepts, bitsAt: (at: number) => readonly number[]): string[] {
  const mutant = Uint8Array.from(file);
  return Array.from(mutant.keys()).flatMap((at) =>
    bitsAt(at).flatMap((bit) => {
      mutant[at] = (mutant[at] ?? 0) ^ (1 << bit);
      const accepted = accepts(mutant);
      mutant[at] = (mutant[at] ?? 0) ^ (1 << bit);
      return accepted ? [`byte ${at} bit ${bit}`] : [];
    }),
  );
}

const everyBit = (): readonly number[] => [0, 1, 2, 3, 4, 5, 6, 7];
/** Coprime to 8, so that every bit position is met. */
const oneBitOfEverySeventhByte = (at: number): readonly number[] => (at % 7 === 0 ? [at % 8] : []);

function openTool(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../vectors/open-tool/${name}`, import.meta.url)));
}

const foreignItl = openTool('ITL-sha1.tlv');
/** Small keys, because every bit of them is flipped and verified. */
const sast = party({ key: 'short', subject: [['CN', 'sast']], serial: '0d0d0001' });
const signer = party({
  key: 'curve',
  issuerKey: 'short',
  issuer: [['CN', 'sast']],
  subject: [['CN', 'ec']],
  serial: '0d0d0002',
});
const smallItl = trustList({
  by: sast,
  as: 'ITLFile.tlv',
  records: [record({ role: role.sast, of: sast }), record({ role: role.tftp, of: signer })],
});

it.each(verifiers)(
  'security.md §2, last line: %s refuses every single-bit mutant of a .sgn',
  (_, verifier) => {
    const file = openTool('Ringlist-sha1.xml.sgn');
    const accepts = verifier('Ringlist.xml.sgn', foreignItl);
    expect(accepts(file)).toBe(true);
    expect(survivors(file, accepts, everyBit)).toEqual([]);
  },
  timeoutMs,
);

it.each(verifiers)(
  'security.md §2, last line: %s refuses every single-bit mutant of an ITL',
  (_, verifier) => {
    const accepts = verifier('ITLFile.tlv');
    expect(accepts(smallItl)).toBe(true);
    expect(survivors(smallItl, accepts, everyBit)).toEqual([]);
  },
  timeoutMs,
);

it.each(verifiers)(
  "security.md §2, last line: %s refuses mutants all over the open tool's ITL",
  (_, verifier) => {
    const accepts = verifier('ITLFile.tlv', foreignItl);
    expect(accepts(foreignItl)).toBe(true);
    expect(survivors(foreignItl, accepts, oneBitOfEverySeventhByte)).toEqual([]);
  },
  timeoutMs,
);

it(
  'strict and second agree on files cut, joined and edited at random',
  () => {
    const file = openTool('Ringlist-sha1.xml.sgn');
    const sources = [
      { bytes: file, accepts: verifiers.map(([, verifier]) => verifier('Ringlist.xml.sgn', foreignItl)) },
      { bytes: smallItl, accepts: verifiers.map(([, verifier]) => verifier('ITLFile.tlv')) },
    ];
    const edit = fc.record({
      at: fc.nat({ max: 1_000 }),
      remove: fc.nat({ max: 6 }),
      insert: fc.uint8Array({ maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.array(edit, { maxLength: 3 }), (source, edits) => {
        let bytes: Uint8Array = source.bytes;
        for (const { at, remove, insert } of edits)
          bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        const [strictly, again] = source.accepts.map((accepts) => accepts(bytes));
        expect(again).toBe(strictly);
        expect(strictly).toBe(Buffer.compare(bytes, source.bytes) === 0);
      }),
      { seed: 20_261_121, numRuns: 1_500 },
    );
  },
  timeoutMs,
);
