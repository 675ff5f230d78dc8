/** Lists of two clusters, and what a phone is served with them; for the planner. */
import type { PublishedList } from '../../src/core/cluster/model.ts';
import type { CertificateFacts } from '../../src/core/ports.ts';
import { paperConfig } from '../../src/core/trust/paper.ts';
import type { Served } from '../../src/core/trust/strand.ts';
import type { HashName } from '../../src/wire/algorithm.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { ctlRecords, itlRecords, type TestCluster } from './clusters.ts';
import { now, trustList } from './trust-builder.ts';

export const crypto = createVerifier();

function facts(of: TestCluster['sast']): CertificateFacts {
  const read = crypto.readCertificate(of.der);
  if (read === undefined) throw new Error('no certificate');
  return read;
}

/** A list of cluster `of`, signed by cluster `by`'s SAST with SHA-1. */
export function list(
  kind: 'itl' | 'ctl',
  generation: number,
  of: TestCluster,
  by: TestCluster = of,
  hash: HashName = 'sha1',
): PublishedList {
  const records = kind === 'itl' ? itlRecords(of) : ctlRecords(of);
  const bytes = trustList({
    by: by.sast,
    hash,
    as: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv',
    timestamp: now + generation,
    records,
  });
  return {
    generation,
    kind,
    node: 'n',
    bytes,
    signer: facts(by.sast).fingerprint,
    sha256: Buffer.from(crypto.digest('sha256', bytes)).toString('hex'),
    timestamp: now + generation,
    publishedMs: 0,
  };
}

const silent: Served['tvs'] = () => ({ kind: 'unreachable' });

export async function served(
  lists: readonly PublishedList[],
  signer: TestCluster['sast'],
  hash: HashName = 'sha1',
): Promise<Served> {
  const file = (kind: 'itl' | 'ctl'): Served['itl'] => {
    const found = lists.find((each) => each.kind === kind);
    return found && { name: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv', bytes: found.bytes };
  };
  return {
    itl: file('itl'),
    ctl: file('ctl'),
    config: await paperConfig(facts(signer), hash),
    tvs: silent,
  };
}
