/**
 * Two verifiers that share no code, and openssl, say the same of every generated list: whole ones of clusters of every
 * shape, and the same lists changed, cut, renamed, late, or put before phones of another cluster. A list on which they
 * differ is a list that could be published by mistake, or never.
 */
import { execFileSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../../../src/base/bytes.ts';
import type { CertificateFacts, Signer } from '../../../../src/core/ports.ts';
import { buildTrustList } from '../../../../src/core/signing/build-trust-list.ts';
import { planCtl } from '../../../../src/core/trust/plan-ctl.ts';
import { planItl, withoutFileSigners } from '../../../../src/core/trust/plan-itl.ts';
import { noTrust, verifyStrict } from '../../../../src/core/trust/strict.ts';
import type { OwnCertificate, TrustInput } from '../../../../src/core/trust/trust-plan.ts';
import { verifyAgain } from '../../../../src/node/second-verifier.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { hashOfCode } from '../../../../src/wire/algorithm.ts';
import { toBeSigned } from '../../../../src/wire/signed-header.ts';
import { decodeTrustList } from '../../../../src/wire/trust-list.ts';
import { subject } from '../../../helpers/clusters.ts';
import { day, now, party, type Party } from '../../../helpers/trust-builder.ts';

const lists = 10_000;
/** A process each. */
const opensslEvery = 400;

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

/** The signature alone, by a program that knows nothing of lists. */
function opensslAccepts(bytes: Uint8Array, folder: string): boolean {
  const list = decodeTrustList(bytes);
  if (!list.ok) throw new Error('an unchanged list decodes');
  const { header } = list.value;
  const signer = [casts.a.recovery, casts.b.recovery].find(({ serial }) =>
    Buffer.from(header.signer.serial).equals(serial),
  );
  const files = ['data', 'signature', 'key.pem'].map((name) => join(folder, name));
  const [data = '', signature = '', key = ''] = files;
  writeFileSync(data, concatBytes(...toBeSigned(bytes, header)));
  writeFileSync(signature, header.signature);
  const der = signer?.der ?? Buffer.alloc(0);
  const pem = execFileSync('openssl', ['x509', '-inform', 'DER', '-pubkey', '-noout'], { input: der });
  writeFileSync(key, pem);
  const hash = `-${hashOfCode(header.digestCode) ?? ''}`;
  const answer = execFileSync('openssl', ['dgst', hash, '-verify', key, '-signature', signature, data]);
  return answer.toString().startsWith('Verified OK');
}

describe('security.md §2, design.md §5: verifiers agree', () => {
  test(`on ${lists} generated lists`, { timeout: 300_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-lists-'));
    const count = { accepted: 0, rejected: 0, openssl: 0 };
    try {
      for (const [index, fate] of fc.sample(fates, { numRuns: lists, seed: 20_261_121 }).entries()) {
        const { shape, before, change, where } = fate;
        const original = await listOf(shape);
        const bytes = changed(original, change, where);
        const name = nameOf(change === 'name' ? (shape.kind === 'itl' ? 'ctl' : 'itl') : shape.kind);
        const against = before && (await listOf(heldBefore(shape, before)));
        const strict = verifyStrict(crypto, { bytes, name, trust: noTrust, nowSeconds: now, against });
        const second = verifyAgain(bytes, { name, previousList: against, nowSeconds: now });
        const agree = strict.accepted === (second === undefined);
        if (!agree)
          throw new Error(`${JSON.stringify(fate)}: strict ${strict.code}, second ${second ?? 'accepts'}`);
        if (strict.accepted) count.accepted++;
        else count.rejected++;
        if (strict.accepted && count.accepted % opensslEvery === 1) {
          count.openssl++;
          expect(opensslAccepts(bytes, folder), `list ${index}`).toBe(true);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    // A generator that only ever makes one kind proves nothing.
    expect(count.accepted).toBeGreaterThan(lists / 10);
    expect(count.rejected).toBeGreaterThan(lists / 10);
    expect(count.openssl).toBeGreaterThan(4);
  });
});
