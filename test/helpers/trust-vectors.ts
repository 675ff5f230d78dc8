/** Reads test/vectors/strict and test/vectors/judge: bytes beside hand-written verdicts. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { CertificateFacts, Crypto } from '../../src/core/ports.ts';
import type { TvsAnswer } from '../../src/core/trust/judge.ts';
import type { Role } from '../../src/wire/role.ts';

type Folder = 'strict' | 'judge';

export interface StrictCase {
  readonly rule: string;
  readonly file: string;
  readonly as: string;
  readonly trust: readonly string[];
  readonly against: string | null;
  readonly expect: string;
  readonly lint: readonly string[];
  readonly source: string;
  readonly newerThan: number | undefined;
  readonly allowSha1: boolean | undefined;
  readonly minRsaBits: number | undefined;
}

export type TvsCase =
  | 'unreachable'
  | { readonly server: string; readonly refuses: true }
  | { readonly server: string; readonly vouches: string; readonly roles: readonly Role[] };

export interface JudgeCase {
  readonly title: string;
  readonly ctl: string | undefined;
  readonly itl: string | undefined;
  readonly tvs: TvsCase | undefined;
  readonly newest: number | undefined;
  readonly sha1Only: boolean | undefined;
  readonly file: string;
  readonly as: string;
  readonly phone: string;
  readonly code: string;
  readonly lint: readonly string[];
  /** Common names of certificates that a refusal must name. */
  readonly wanted: readonly string[];
  readonly source: string;
}

function readCases(folder: Folder, file: string, defaults: object): readonly Record<string, unknown>[] {
  const text = readFileSync(new URL(`../vectors/${folder}/${file}`, import.meta.url), 'utf8');
  const { cases, ...common } = parse(text) as { cases: readonly object[] };
  return cases.map((one) => ({ ...defaults, ...common, ...one }));
}

export function strictCases(): readonly StrictCase[] {
  const defaults = { trust: [], against: null, lint: [] };
  return ['files.yaml', 'lists.yaml'].flatMap(
    (file) => readCases('strict', file, defaults) as unknown as readonly StrictCase[],
  );
}

export function judgeCases(): readonly JudgeCase[] {
  const defaults = { lint: [], wanted: [] };
  return ['files.yaml', 'lists.yaml'].flatMap(
    (file) => readCases('judge', file, defaults) as unknown as readonly JudgeCase[],
  );
}

export function vectorBytes(folder: Folder, name: string): Uint8Array {
  return readFileSync(new URL(`../vectors/${folder}/${name}.bin`, import.meta.url));
}

export function tvsOf(tvs: TvsCase): TvsAnswer {
  if (tvs === 'unreachable') return { kind: 'unreachable' };
  const server = vectorBytes('judge', tvs.server);
  if ('refuses' in tvs) return { kind: 'refused', server };
  return { kind: 'vouched', server, certificate: vectorBytes('judge', tvs.vouches), roles: tvs.roles };
}

/** The same answers, each certificate read once: thousands of mutants share a few certificates. */
export function remembering(crypto: Crypto): Crypto {
  const known = new Map<string, CertificateFacts | undefined>();
  return {
    ...crypto,
    readCertificate(der) {
      const key = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('latin1');
      if (!known.has(key)) known.set(key, crypto.readCertificate(der));
      return known.get(key);
    },
  };
}
