/** A `TrustWorld` whose beliefs are given, not heard: for what commands read of a field. */
import { noBeliefs, type StoredBelief } from '../../src/core/trust/belief-store.ts';
import { pairKey, type PairKey } from '../../src/core/trust/belief.ts';
import { expect } from 'vitest';
import type { PublishedList, StoredCertificate } from '../../src/core/cluster/model.ts';
import type { CertificateFacts } from '../../src/core/ports.ts';
import { buildTrustList } from '../../src/core/signing/build-trust-list.ts';
import { planItl } from '../../src/core/trust/plan-itl.ts';
import { change } from './trust-changes.ts';
import { crypto, elsewhere, signerOf } from './trust-parties.ts';
import { TrustWorld, type WorldPorts } from './trust-world.ts';

export function worldOf(
  nodes: readonly ['n'] | readonly ['n', 'm'] = ['n'],
  devices: readonly string[] = [],
): TrustWorld {
  return new TrustWorld({ phones: [], phantoms: devices, nodes, readSha512: false });
}

/** Changes of trust, each done as its command does it. */
export async function did(world: TrustWorld, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const outcome = await change(world, name, { node: 'n', phone: undefined, backup: undefined });
    expect(outcome, name).toMatchObject({ kind: 'done' });
  }
}

export type GivenBelief = Pick<StoredBelief, 'name'> & Partial<StoredBelief>;

/** What commands work with where the server noted this of phones, a moment ago unless it says when. */
export function believing(world: TrustWorld, ...beliefs: readonly GivenBelief[]): WorldPorts {
  const devices = beliefs.map((given): StoredBelief => ({
    pairs: ['?'],
    address: '10.0.0.1',
    heardMs: world.nowMs,
    deliveries: [],
    provedMs: undefined,
    unansweredConfigs: 0,
    gap: 0,
    ...given,
  }));
  return { ...world.ports(), readBeliefs: () => ({ ...noBeliefs, devices }) };
}

export function pairOf(lists: readonly PublishedList[]): PairKey {
  const of = (kind: 'ctl' | 'itl') => lists.find((list) => list.kind === kind)?.sha256 ?? '';
  return pairKey({ ctl: of('ctl'), itl: of('itl') });
}

/** Changes rows of the database behind everybody's back. */
export function alterRows(world: TrustWorld, alter: (row: StoredCertificate) => StoredCertificate): void {
  const { rows } = world.database;
  world.database.rows = { ...rows, certificates: rows.certificates.map(alter) };
}

/**
 * A list of another time of this database, by B's ITLRecovery, which is none of ours: whoever holds it takes files by
 * `fileSigner`, and no list that is signed here. Was in force long before the others. Gives the pair.
 */
export async function addForeignItl(world: TrustWorld, fileSigner: CertificateFacts): Promise<PairKey> {
  const { records, signer } = planItl({
    thisNode: 'b',
    mode: 'nonsecure',
    nodes: [{ name: 'b' }, { name: 'n' }],
    own: [
      { purpose: 'itlrecovery', node: undefined, certificate: elsewhere.recovery },
      { purpose: 'callmanager', node: 'b', certificate: elsewhere.callmanager },
      { purpose: 'callmanager', node: 'n', certificate: fileSigner },
    ],
    foreignSasts: [],
    foreignFileSigners: [],
  });
  const bytes = await buildTrustList({
    kind: 'itl',
    records,
    fileName: 'ITLFile.tlv',
    timestamp: 1,
    hash: 'sha1',
    signer: signerOf(signer),
  });
  return publishOld(world, bytes);
}

/** An ITL of another time of this database, in force long before the others; gives the pair. */
export function publishOld(world: TrustWorld, bytes: Uint8Array): PairKey {
  const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
  const { rows } = world.database;
  const list = { kind: 'itl', node: 'n', bytes, sha256, signer: '', timestamp: 1 } as const;
  const published = [{ ...list, generation: 0, publishedMs: 1 }, ...rows.published];
  world.database.rows = { ...rows, published };
  world.nowMs += 3_600_000;
  return pairKey({ ctl: '', itl: sha256 });
}
