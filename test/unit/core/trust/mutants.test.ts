/**
 * One bit changed anywhere is refused by both verifiers and by OpenSSL, which is shown the bytes as they are cut by hand:
 * a signed file, an encrypted one, an ITL and a CTL, SHA-1 and SHA-512.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noTrust, verifyStrict } from '../../../../src/core/trust/strict.ts';
import { verifyAgain } from '../../../../src/node/second-verifier.ts';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { role } from '../../../helpers/clusters.ts';
import { now, party, record, trustList } from '../../../helpers/trust-builder.ts';
import { remembering } from '../../../helpers/trust-vectors.ts';
import { signatureHolds } from '../../../interop/signed-by-hand.ts';

type Accepts = (bytes: Uint8Array) => boolean;

const crypto = remembering(createVerifier());
const timeoutMs = 180_000;

const minRsaBits = 1024;

function facts(der: Uint8Array): CertificateFacts {
  const read = crypto.readCertificate(der);
  if (!read) throw new Error('a test certificate cannot be read');
  return read;
}

const fromPem = (name: string): Uint8Array => {
  const pem = readFileSync(new URL(`../../../vectors/open-tool/${name}.pem`, import.meta.url), 'latin1');
  return new X509Certificate(/-----BEGIN CERTIFICATE[^]*?END CERTIFICATE-----/.exec(pem)?.[0] ?? '').raw;
};
const callmanager = fromPem('callmanager');

/** A list vouches for itself; of a file without one, the open tool's CallManager certificate is trusted. */
function strict(name: string, list?: Uint8Array): Accepts {
  const certificate = { role: 'CCM+TFTP', certificate: facts(callmanager) } as const;
  const trust = { lists: list ? [list] : [], certificates: isListName(name) ? [] : [certificate] };
  const policy = { minRsaBits };
  return (bytes) => verifyStrict(crypto, { bytes, name, trust, policy, nowSeconds: now }).accepted;
}

function second(name: string, list?: Uint8Array): Accepts {
  const trustedCertificates = isListName(name) ? undefined : [{ role: role.ccmTftp, der: callmanager }];
  const check = { name, previousList: list, trustedCertificates, minRsaBits, nowSeconds: now };
  return (bytes) => verifyAgain(bytes, check) === undefined;
}

function isListName(name: string): boolean {
  return name.endsWith('.tlv');
}

/** The signature alone, by the keys of certificates. */
function openssl(): Accepts {
  return (bytes) => signatureHolds(bytes, signers());
}

const verifiers = [
  ['strict', strict],
  ['second', second],
  ['openssl', openssl],
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
/** Some minutes. */
const all = process.env['TFTP_PKI_MUTANTS'] === 'all';

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
const known = ['itlrecovery', 'callmanager', 'proxy4096'].map(fromPem);
const signers = (): readonly Uint8Array[] => [sast.der, ...known];

const smallItl = trustList({
  by: sast,
  as: 'ITLFile.tlv',
  records: [record({ role: role.sast, of: sast }), record({ role: role.tftp, of: signer })],
});

const smallCtl = trustList({
  by: sast,
  as: 'CTLFile.tlv',
  hash: 'sha1',
  records: [record({ role: role.sast, of: sast }), record({ role: role.ccmTftp })],
});

/** Every bit of each; the files are the open tool's. */
const everyBitOf: readonly (readonly [name: string, file: Uint8Array])[] = [
  ['Ringlist.xml.sgn', openTool('Ringlist-sha1.xml.sgn')],
  ['SEP001122334455.cnf.xml.enc.sgn', openTool('enc512/SEP001122334455.cnf.xml.enc.sgn')],
  ['ITLFile.tlv', smallItl],
  ['CTLFile.tlv', smallCtl],
];

describe.each(verifiers)('security.md §2, last line: %s refuses', (_, verifier) => {
  it.each(everyBitOf)(
    'every single-bit mutant of %s',
    (name, file) => {
      const accepts = verifier(name);
      expect(accepts(file)).toBe(true);
      expect(survivors(file, accepts, everyBit)).toEqual([]);
    },
    timeoutMs,
  );

  it.each(['ITL-sha1.tlv', 'CTL-sha512.tlv'])(
    "mutants all over the open tool's %s",
    (vector) => {
      const list = openTool(vector);
      const accepts = verifier(`${vector.slice(0, 3)}File.tlv`, list);
      expect(accepts(list)).toBe(true);
      expect(survivors(list, accepts, all ? everyBit : oneBitOfEverySeventhByte)).toEqual([]);
    },
    all ? 10 * timeoutMs : timeoutMs,
  );
});

/** Under the names they were signed as; `proxy4096` stands in no list of the open tool as a signer of files. */
const certified = known.map((der) => ({ der, certificate: facts(der) }));
const allOfOpenTool = [
  ...['ITL-sha1', 'ITL-sha512'].map((name) => [`${name}.tlv`, 'ITLFile.tlv'] as const),
  ...['CTL-sha1', 'CTL-sha512'].map((name) => [`${name}.tlv`, 'CTLFile.tlv'] as const),
  ...['sha1', 'sha1-rsa4096', 'sha512', 'sha512-rsa4096'].map(
    (name) => [`Ringlist-${name}.xml.sgn`, 'Ringlist.xml.sgn'] as const,
  ),
  ...['enc1', 'enc512'].flatMap((folder) =>
    ['cnf.xml.sgn', 'cnf.xml.enc.sgn'].map((end) => {
      const name = `SEP001122334455.${end}`;
      return [`${folder}/${name}`, name] as const;
    }),
  ),
];

it.each(allOfOpenTool)("both verifiers take the open tool's %s, under its own name alone", (file, name) => {
  const bytes = openTool(file);
  const trust = {
    lists: [],
    certificates: certified.map(({ certificate }) => ({ role: 'TFTP', certificate }) as const),
  };
  const trustedCertificates = certified.map(({ der }) => ({ role: role.tftp, der }));
  const isList = isListName(name);
  const said = (asked: string) => {
    const base = { bytes, name: asked, nowSeconds: now };
    const { accepted } = verifyStrict(crypto, { ...base, trust: isList ? noTrust : trust });
    const check = { name: asked, nowSeconds: now, ...(isList ? {} : { trustedCertificates }) };
    return [accepted, verifyAgain(bytes, check) === undefined];
  };
  expect(said(name)).toEqual([true, true]);
  expect(said(`x${name}`)).toEqual([false, false]);
  expect(signatureHolds(bytes, known)).toBe(true);
  expect(signatureHolds(bytes, [fromPem('tvs')])).toBe(false);
});

it(
  'strict and second agree on files cut, joined and edited at random',
  () => {
    const file = openTool('Ringlist-sha1.xml.sgn');
    const sources = [
      { bytes: file, accepts: [strict, second].map((verifier) => verifier('Ringlist.xml.sgn', foreignItl)) },
      { bytes: smallItl, accepts: [strict, second].map((verifier) => verifier('ITLFile.tlv')) },
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
