/**
 * Certificates and keys for histories: pools that renewals draw from, opened as the publisher opens its key files. What
 * is signed the same way twice is signed once: a thousand histories begin alike.
 */
import { createHash, sign } from 'node:crypto';
import { Failure } from '../../src/base/errors.ts';
import type { CertificatePurpose } from '../../src/core/cluster/model.ts';
import type { CertificateFacts, Issuer, KeyFiles, Signer, SignerOpener } from '../../src/core/ports.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { subject } from './clusters.ts';
import { party, type Party } from './trust-builder.ts';

export const crypto = createVerifier();

const parties = new Map<string, Party>();

function made(key: string, name: string, serial: number): CertificateFacts {
  const one = party({ key, subject: subject(name), serial: (0x10_00_00_00 + serial).toString(16) });
  const facts = crypto.readCertificate(one.der);
  if (facts === undefined) throw new Error('a certificate that was made here');
  parties.set(facts.fingerprint, one);
  return facts;
}

const poolSize = 6;
const pool = (key: string, name: string, from: number): readonly CertificateFacts[] =>
  Array.from({ length: poolSize }, (_, at) => made(key, name, from + at));

/** By `purpose node`, or by purpose where it is the cluster's. */
const pools: Readonly<Record<string, readonly CertificateFacts[]>> = {
  itlrecovery: pool('sast-a', 'ITLRECOVERY', 0),
  'callmanager n': pool('callmanager-a', 'cucm', 64),
  'callmanager m': pool('tvs-b', 'cucm-m', 96),
  'tvs n': pool('tvs-a', 'tvs', 112),
  'tvs m': pool('tvs-a', 'tvs-m', 120),
};

/** Another cluster's, which is there all the time. */
export const elsewhere = {
  recovery: made('sast-b', 'ITLRECOVERY_B', 160),
  callmanager: made('callmanager-b', 'cucm-b', 161),
};

export function firstOf(purpose: CertificatePurpose, node?: string): CertificateFacts {
  const [first] = pools[node === undefined ? purpose : `${purpose} ${node}`] ?? [];
  if (first === undefined) throw new Error(`no ${purpose} of ${node}`);
  return first;
}

/** Gives each certificate of a pool once; refuses when it is empty. */
export function createPoolIssuer(): Issuer {
  const used = new Map<string, number>();
  return {
    issue: ({ purpose, nodeName }) => {
      const name = purpose === 'itlrecovery' ? purpose : `${purpose} ${nodeName}`;
      const at = (used.get(name) ?? 0) + 1;
      used.set(name, at);
      const certificate = pools[name]?.[at];
      if (certificate === undefined) throw new Failure('refused', `the pool ${name} is empty`);
      return Promise.resolve({ certificate, encryptedKeyPem: certificate.fingerprint });
    },
    request: () => Promise.reject(new Error('histories ask no CA')),
  };
}

/** Every key lies in every folder. */
export const keyFiles: KeyFiles = {
  save: () => Promise.resolve(),
  read: (fingerprint) => Promise.resolve(fingerprint),
  find: (fingerprint) => Promise.resolve(fingerprint),
  remove: () => Promise.resolve(),
};

export const signers: SignerOpener = { open: (certificate) => Promise.resolve(signerOf(certificate)) };

const signatures = new Map<string, Uint8Array>();

export function signerOf(certificate: CertificateFacts): Signer {
  const key = parties.get(certificate.fingerprint)?.key;
  if (key === undefined) throw new Error('the key of a certificate that was made here');
  return {
    certificate,
    sign: (hash, parts) => {
      const bytes = Buffer.concat(parts);
      const name = `${hash} ${certificate.fingerprint} ${createHash('sha256').update(bytes).digest('hex')}`;
      const known = signatures.get(name) ?? new Uint8Array(sign(hash, bytes, key));
      signatures.set(name, known);
      return Promise.resolve(known);
    },
  };
}
