/**
 * 200 clusters of 8 nodes on a real OpenSSH server: merged and planned within 30 s of one core (printed); a CTL that no
 * phone loads is refused.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { consolidateBulk } from '../../src/app/consolidate-bulk.ts';
import { fetchBulk } from '../../src/app/fetch-bulk.ts';
import { reviewImport } from '../../src/app/import-bulk.ts';
import type { BulkType } from '../../src/core/bulk/bulk-type.ts';
import { bundlePassphraseDefault } from '../../src/core/bulk/bundles.ts';
import { parseHostKeyPin } from '../../src/core/bulk/host-key.ts';
import { bundleName, manifestName } from '../../src/core/bulk/layout.ts';
import { encodeManifest, type ManifestEntry } from '../../src/core/bulk/manifest.ts';
import { signFile } from '../../src/core/signing/sign-file.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { openShare } from '../../src/node/open-share.ts';
import { writePem } from '../../src/pki/pem.ts';
import { readPrivateKeyPem } from '../../src/pki/signer.ts';
import { Enterprise } from '../helpers/enterprise.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { party } from '../helpers/trust-builder.ts';

const [clusters, nodes] = [200, 8];
let enterprise: Enterprise;
let node: OpenNode;
let sshd: Sshd;
const accepted: { cluster: string; fingerprint: string }[] = [];

beforeAll(async () => {
  enterprise = new Enterprise();
  const member = enterprise.cluster('merger');
  await member.init('mixed');
  node = await openNode({ dataDir: member.data, passphraseFile: undefined });
  sshd = await startSshd();
  for (let at = 0; at < clusters; at++) await exportOf(`c${at}`, at);
}, 300_000);
afterAll(async () => {
  await node.close();
  enterprise.remove();
  await sshd.stop();
});

/** As an export of another program would lay it down. */
async function exportOf(cluster: string, at: number): Promise<void> {
  const make = (name: string, key: string, number: number) => {
    const serial = `20${at.toString(16).padStart(4, '0')}${number.toString(16).padStart(2, '0')}`;
    const made = party({ key, subject: [['CN', name]], serial });
    const certificate = node.crypto.readCertificate(Uint8Array.from(made.der));
    if (certificate === undefined) throw new Error('no certificate was made');
    return {
      certificate,
      pem: `${made.key.export({ type: 'pkcs8', format: 'pem' }).toString()}${writePem('CERTIFICATE', made.der)}`,
    };
  };
  const recovery = make(`ITLRECOVERY_${cluster}`, 'sast-a', 0);
  const folder = join(sshd.share, cluster);
  mkdirSync(folder, { recursive: true });
  const entry = (name: string, type: BulkType, certificate = recovery.certificate): ManifestEntry => {
    const { fingerprint, subject, notBefore, notAfter } = certificate;
    const file = bundleName(node.crypto, name, type, [fingerprint]);
    const bundle = node.bundles.writePkcs12([{ certificate, friendlyName: type }], bundlePassphraseDefault);
    writeFileSync(join(folder, file), bundle);
    return { node: name, type, fingerprint, subject, notBefore, notAfter, file };
  };
  const certificates = [entry('', 'itlrecovery')];
  for (let number = 1; number <= nodes; number++) {
    const name = `n${number}.${cluster}.example`;
    certificates.push(entry(name, 'tftp', make(name, 'callmanager-a', number).certificate));
  }
  const when = Math.floor(Date.now() / 1000);
  const content = encodeManifest({
    cluster,
    counter: 1,
    when,
    who: 'a@b',
    signer: recovery.certificate.der,
    certificates,
  });
  const signer = readPrivateKeyPem(recovery.pem);
  const signed = await signFile({ content, fileName: manifestName, timestamp: when, hash: 'sha512', signer });
  writeFileSync(join(folder, manifestName), signed);
  accepted.push({ cluster, fingerprint: recovery.certificate.fingerprint });
}

it(`merges and plans ${clusters} clusters of ${nodes} nodes`, { timeout: 300_000 }, async () => {
  const share = await openShare(node.crypto, {
    address: sshd.address(),
    hostKeys: [parseHostKeyPin(sshd.hostKey) ?? ''],
    identityFile: sshd.identity,
  });
  const silently = { by: 'tester', onStep: () => undefined };
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const merged = await consolidateBulk(node, share, {
    ...silently,
    accepted,
    passphrase: bundlePassphraseDefault,
    host: 'here',
  });
  expect(merged.refused).toEqual([]);
  expect(merged.lines.filter(({ change }) => change === 'addition')).toHaveLength(clusters * (nodes + 1));
  const look = async (...which: readonly string[]) => {
    const request = {
      ...silently,
      purpose: 'proxy',
      clusters: which,
      untilMs: undefined,
      foreign: undefined,
    } as const;
    await fetchBulk(node, share, request);
    return reviewImport(node, { purpose: 'proxy', accepted: [], by: 'tester' });
  };
  expect((await look('c7')).plan.landings).toHaveLength(nodes);
  await expect(look()).rejects.toThrow(
    /the CTL would have 16\d\d records of \d+ bytes: more than 65536 load on no phone/,
  );
  await share.close();
  const { user, system } = process.cpuUsage(startCpu);
  const seconds = (user + system) / 1e6;
  console.log(
    `bulk: ${clusters} x ${nodes} merged and planned in ${((performance.now() - startMs) / 1000).toFixed(1)} s, ${seconds.toFixed(1)} s of processor`,
  );
  // Of the processor, not of the clock: others may be busy on the machine that runs the tests.
  expect(seconds).toBeLessThan(30);
});
