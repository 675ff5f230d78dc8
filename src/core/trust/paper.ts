/**
 * Lists and configurations on paper: everything but a signature that was made with a key, for the planner to judge
 * before a key is touched. What a builder would refuse it refuses here too.
 */
import { assert } from '../../base/assert.ts';
import { encodeUtf8 } from '../../base/text.ts';
import type { HashName } from '../../wire/algorithm.ts';
import type { CertificateFacts, Signer } from '../ports.ts';
import { buildTrustList } from '../signing/build-trust-list.ts';
import { signFile } from '../signing/sign-file.ts';
import { allowAdoptedRsa4096 } from '../signing/sign-header.ts';
import type { ServedFile } from './strand.ts';
import type { TrustPlan } from './trust-plan.ts';

/** A signature of the right length. */
export function paperSigner(certificate: CertificateFacts): Signer {
  const { publicKey } = certificate;
  assert(publicKey.kind === 'rsa', 'signers of phones have RSA keys');
  return { certificate, sign: () => Promise.resolve(new Uint8Array(Math.ceil(publicKey.modulusBits / 8))) };
}

/** Newer than anything that a phone can hold, with room for lists that follow it. */
const timestamp = 0xffff_ff00;

export async function paperList(
  { kind, records, signer }: TrustPlan,
  options: {
    readonly hash: HashName;
    readonly rollback: boolean;
    readonly fileName: string;
    /** How many lists on paper went before. */
    readonly step?: number;
  },
): Promise<ServedFile> {
  const bytes = await buildTrustList({
    kind,
    records,
    fileName: options.fileName,
    timestamp: timestamp + (options.step ?? 0),
    hash: options.hash,
    signer: paperSigner(signer),
    preparesRollback: kind === 'itl' && options.rollback,
    allowRsa4096: allowAdoptedRsa4096,
  });
  return { name: options.fileName, bytes };
}

/** Whose configuration it is makes no difference to who is believed. */
export async function paperConfig(signer: CertificateFacts, hash: HashName): Promise<ServedFile> {
  const name = 'SEP000000000000.cnf.xml.sgn';
  const content = encodeUtf8('<device/>');
  const request = { fileName: name, timestamp, hash, content, allowRsa4096: allowAdoptedRsa4096 };
  return { name, bytes: await signFile({ ...request, signer: paperSigner(signer) }) };
}
