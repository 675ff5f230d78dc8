/** The drill of the second signer: on every node, with nothing published, and refused where phones would not follow. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drillRecovery } from '../../../src/app/drill-recovery.ts';
import { readClusterView, trustInputOf } from '../../../src/app/cluster-view.ts';
import { buildTrustList } from '../../../src/core/signing/build-trust-list.ts';
import { planItl } from '../../../src/core/trust/plan-itl.ts';
import { inUse, recordsOn } from '../../../src/core/trust/trust-plan.ts';
import { stranger } from '../../helpers/clusters.ts';
import { nodeNames, SeededCluster } from '../../helpers/seeded-cluster.ts';

const cluster = new SeededCluster(2);
beforeAll(() => cluster.begin('mixed'));
afterAll(() => cluster.end());

async function published(): Promise<unknown> {
  const { store } = cluster.at('a.example');
  return {
    lists: (await store.listPublished()).map(({ sha256 }) => sha256),
    audit: (await store.listAudit()).length,
    certificates: (await store.listCertificates()).length,
  };
}

describe('drill-recovery', () => {
  it.each(nodeNames)("on %s: its own key is accepted by a phone with that node's lists", async (name) => {
    const before = await published();
    const drilled = await drillRecovery(cluster.at(name));
    expect(drilled).toMatchObject([
      { kind: 'itl', node: name, accepted: true },
      { kind: 'ctl', node: name, accepted: true },
    ]);
    for (const { signer } of drilled) expect(signer).toContain(`CN=${name};`);
    expect(await published()).toEqual(before);
  });

  it('a doubt of the second verifier is no acceptance', async () => {
    const doubtful = { ...cluster.at('a.example'), verifyAgain: () => 'a doubt' };
    for (const { accepted, reason } of await drillRecovery(doubtful))
      expect({ accepted, reason }).toEqual({ accepted: false, reason: 'the second verifier: a doubt' });
  });

  it('phones whose lists do not name the key would not follow: refused, exit 1, nothing published', async () => {
    const { store, crypto, signers, keyFiles } = cluster.at('a.example');
    const input = trustInputOf(await readClusterView(store, crypto), 'a.example');
    const [recovery, own] = [inUse(input, 'itlrecovery'), inUse(input, 'callmanager', 'a.example')];
    const another = crypto.readCertificate(stranger.der);
    const bytes = await buildTrustList({
      kind: 'itl',
      records: [
        ...planItl(input).records.filter(
          ({ role, certificate }) => role !== 'SAST' || certificate?.fingerprint !== own.fingerprint,
        ),
        ...recordsOn(undefined, 'SAST', another === undefined ? [] : [another]),
      ],
      fileName: 'ITLFile.tlv',
      timestamp: Math.floor(Date.now() / 1000),
      hash: 'sha1',
      signer: await signers.open(recovery, await keyFiles.read(recovery.fingerprint)),
    });
    const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
    const list = { kind: 'itl', node: 'a.example', bytes, sha256, timestamp: 1, publishedMs: 1 } as const;
    await store.publish(
      [{ ...list, signer: recovery.fingerprint }, ...(await cluster.lists('b.example'))],
      () => undefined,
      { atMs: 1, who: 'a test', operation: 'lists of another database', detail: {} },
    );
    const before = await published();
    const { status, text, said } = await cluster.run('drill-recovery');
    expect({ status, said }).toEqual({ status: 1, said: expect.stringContaining('nothing was published') });
    expect(JSON.parse(text)).toMatchObject([
      { kind: 'itl', node: 'a.example', accepted: false },
      { kind: 'ctl' },
    ]);
    expect(await published()).toEqual(before);
  });
});
