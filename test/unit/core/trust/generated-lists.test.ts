/**
 * Two verifiers that share no code, and openssl, say the same of every generated list: whole ones of clusters of every
 * shape, and the same lists changed, cut, renamed, late, or put before phones of another cluster. A list on which they
 * differ is a list that could be published by mistake, or never.
 */
import { sign } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../../../src/base/bytes.ts';
import type { CertificateFacts, Signer } from '../../../../src/core/ports.ts';
import { buildTrustList } from '../../../../src/core/signing/build-trust-list.ts';
import { planCtl } from '../../../../src/core/trust/plan-ctl.ts';
import { planItl, withoutFileSigners } from '../../../../src/core/trust/plan-itl.ts';
import { noTrust, verifyStrict } from '../../../../src/core/trust/strict.ts';
import type { OwnCertificate, TrustInput } from '../../../../src/core/trust/trust-plan.ts';
import { verifyAgain } from '../../../../src/node/second-verifier.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { subject } from '../../../helpers/clusters.ts';
import { day, now, party, type Party } from '../../../helpers/trust-builder.ts';
import { signatureHolds } from '../../../interop/signed-by-hand.ts';

const lists = 10_000;

const crypto = createVerifier();

interface Cast {
  readonly recovery: Party;
  /** Two of each node: a renewal lists both. */
  readonly callmanagers: readonly Party[];
  readonly tvs: readonly Party[];
}

/** Certificates with throw-away keys; serials of every kind, a leading high bit among them. */
function cast(letter: 'a' | 'b', from: number): Cast {
  const named = (key: string, name: string, serial: number): Party =>
    party({ key: `${key}-${letter}`, subject: subject(name), serial: serial.toString(16).padStart(8, '0') });
  return {
    recovery: named('sast', `ITLRECOVERY_${letter}`, from),
    callmanagers: [0, 1, 2, 3, 4, 5].map((i) =>
      named('callmanager', `cucm-${letter}${i % 3}`, 0xf0000000 + from + i),
    ),
    tvs: [0, 1, 2].map((i) => named('tvs', `tvs-${letter}${i}`, from + 0x100 + i)),
  };
}

const casts = { a: cast('a', 0x0a0a0000), b: cast('b', 0x0b0b0000) };

function facts({ der }: Party): CertificateFacts {
  const read = crypto.readCertificate(der);
  if (!read) throw new Error('a test certificate cannot be read');
  return read;
}

function signerOf(owner: Party): Signer {
  return {
    certificate: facts(owner),
    sign: (hash, parts) => Promise.resolve(Uint8Array.from(sign(hash, concatBytes(...parts), owner.key))),
  };
}

const signers = { a: signerOf(casts.a.recovery), b: signerOf(casts.b.recovery) };

interface Shape {
  readonly cluster: 'a' | 'b';
  readonly kind: 'itl' | 'ctl';
  readonly mode: 'mixed' | 'nonsecure';
  readonly nodes: number;
  readonly renewed: boolean;
  readonly foreign: boolean;
  readonly rollback: boolean;
  readonly hash: 'sha1' | 'sha512';
  readonly age: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  cluster: fc.constantFrom('a', 'b'),
  kind: fc.constantFrom('itl', 'ctl'),
  mode: fc.constantFrom('mixed', 'nonsecure'),
  nodes: fc.integer({ min: 1, max: 3 }),
  renewed: fc.boolean(),
  foreign: fc.boolean(),
  rollback: fc.boolean(),
  hash: fc.constantFrom('sha1', 'sha512'),
  age: fc.constantFrom(0, 1, 3600, day, 20 * day, 29 * day, 31 * day, -599, -601),
});

/** What is done to a list, and what the phone held before. */
const fates = fc.record({
  shape: shapes,
  before: fc.option(fc.record({ shape: shapes, stranger: fc.boolean() }), { nil: undefined }),
  change: fc.constantFrom<Change>('none', 'none', 'none', 'none', 'bit', 'cut', 'longer', 'name', 'zero'),
  where: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
});

type Change = 'none' | 'bit' | 'cut' | 'longer' | 'name' | 'zero';

function inputOf({ cluster, mode, nodes, renewed, foreign }: Shape): TrustInput {
  const { recovery, callmanagers, tvs } = casts[cluster];
  const names = [0, 1, 2].slice(0, nodes).map((i) => `cucm-${cluster}${i}.example`);
  const own: OwnCertificate[] = [{ purpose: 'itlrecovery', node: undefined, certificate: facts(recovery) }];
  for (const [i, node] of names.entries())
    for (const [purpose, owner] of [
      ['callmanager', callmanagers[i]],
      ...(renewed ? ([['callmanager', callmanagers[i + 3]]] as const) : []),
      ['tvs', tvs[i]],
    ] as const)
      if (owner) own.push({ purpose, node, certificate: facts(owner) });
  return {
    thisNode: names[0] ?? '',
    mode,
    nodes: names.map((name) => ({ name })),
    own,
    foreignSasts: foreign ? [facts(casts[cluster === 'a' ? 'b' : 'a'].recovery)] : [],
    foreignFileSigners: [],
  };
}

const built = new Map<string, Promise<Uint8Array>>();

/** Each shape is signed once. */
function listOf(shape: Shape): Promise<Uint8Array> {
  const key = JSON.stringify(shape);
  const known = built.get(key);
  if (known) return known;
  const { kind, rollback, hash, age, cluster } = shape;
  const input = inputOf(shape);
  const plan =
    kind === 'ctl' ? planCtl(input) : rollback ? withoutFileSigners(planItl(input)) : planItl(input);
  const made = buildTrustList({
    kind,
    records: plan.records,
    fileName: nameOf(kind),
    timestamp: now - age,
    hash,
    signer: signers[cluster],
    preparesRollback: kind === 'itl' && rollback,
  });
  built.set(key, made);
  return made;
}

/** The phone's own cluster most of the time, and then as often newer as older. */
function heldBefore(shape: Shape, before: { readonly shape: Shape; readonly stranger: boolean }): Shape {
  const { cluster } = before.shape;
  return { ...before.shape, kind: shape.kind, cluster: before.stranger ? cluster : shape.cluster };
}

function nameOf(kind: 'itl' | 'ctl'): string {
  return `${kind.toUpperCase()}File.tlv`;
}

function changed(bytes: Uint8Array, change: Change, where: number): Uint8Array {
  const at = Math.floor(where * bytes.length);
  const copy = Uint8Array.from(bytes);
  if (change === 'bit') copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
  if (change === 'zero') copy.fill(0, at, at + 4);
  if (change === 'cut') return copy.subarray(0, at);
  if (change === 'longer') return concatBytes(copy, copy.subarray(at, at + 40));
  return copy;
}

/** Their keys are all that OpenSSL is told; the bytes it is shown are cut by hand. */
const recoveries = [casts.a.recovery.der, casts.b.recovery.der];

describe('security.md §2, design.md §5: verifiers agree', () => {
  test(`on ${lists} generated lists`, { timeout: 300_000 }, async () => {
    const count = { accepted: 0, rejected: 0, rejectedWithGoodSignature: 0 };
    for (const fate of fc.sample(fates, { numRuns: lists, seed: 20_261_121 })) {
      const { shape, before, change, where } = fate;
      const original = await listOf(shape);
      const bytes = changed(original, change, where);
      const name = nameOf(change === 'name' ? (shape.kind === 'itl' ? 'ctl' : 'itl') : shape.kind);
      const against = before && (await listOf(heldBefore(shape, before)));
      const strict = verifyStrict(crypto, { bytes, name, trust: noTrust, nowSeconds: now, against });
      const second = verifyAgain(bytes, { name, previousList: against, nowSeconds: now });
      const openssl = signatureHolds(bytes, recoveries);
      const said = `${JSON.stringify(fate)}: strict ${strict.code}, second ${second ?? 'accepts'}, openssl ${openssl}`;
      if (strict.accepted !== (second === undefined)) throw new Error(said);
      // Of the signature all three: it holds over the bytes as they were signed, and over no others, whatever else
      // is wrong with them.
      if (openssl !== equalBytes(bytes, original)) throw new Error(said);
      if (strict.accepted && !openssl) throw new Error(said);
      if (openssl && blamesSignature(strict.code, second)) throw new Error(said);
      if (strict.accepted) count.accepted++;
      else count.rejected++;
      if (!strict.accepted && openssl) count.rejectedWithGoodSignature++;
    }
    // A generator that only ever makes one kind proves nothing.
    for (const some of Object.values(count)) expect(some).toBeGreaterThan(lists / 10);
  });
});

function blamesSignature(code: string, second: string | undefined): boolean {
  return code.startsWith('signature-') || second === 'the signature does not verify';
}
