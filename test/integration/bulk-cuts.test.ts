/**
 * The line to a real OpenSSH server is cut, or its session killed, at 100 random points of an export, a consolidation
 * and an import: what anybody can read is whole every time, nothing half is taken, and repeating ends in one state.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { consolidateBulk } from '../../src/app/consolidate-bulk.ts';
import { exportBulk } from '../../src/app/export-bulk.ts';
import { fetchBulk } from '../../src/app/fetch-bulk.ts';
import { Failure } from '../../src/base/errors.ts';
import { bundlePassphraseDefault } from '../../src/core/bulk/bundles.ts';
import { bulkTypes } from '../../src/core/bulk/bulk-type.ts';
import { decodeConsolidation } from '../../src/core/bulk/consolidation.ts';
import { parseHostKeyPin } from '../../src/core/bulk/host-key.ts';
import { decodeQuarantined } from '../../src/core/bulk/quarantine.ts';
import type { Share } from '../../src/core/bulk/share.ts';
import { joinSource, verifyManifest } from '../../src/core/bulk/verify-source.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { openShare } from '../../src/node/open-share.ts';
import { cuttingLine, type CuttingLine } from '../helpers/cutting-line.ts';
import { Enterprise, type Member } from '../helpers/enterprise.ts';
import { seeded } from '../helpers/prng.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';

const points = 100;
const passphrase = bundlePassphraseDefault;
let sshd: Sshd;
let line: CuttingLine;
let enterprise: Enterprise;
let member: Member;
let node: OpenNode;

beforeAll(async () => {
  sshd = await startSshd();
  line = await cuttingLine(sshd.port);
  enterprise = new Enterprise();
  member = enterprise.cluster('alpha');
  await member.init('mixed');
  node = await openNode({ dataDir: member.data, passphraseFile: undefined });
}, 120_000);
afterAll(async () => {
  await node.close();
  await line.close();
  enterprise.remove();
  await sshd.stop();
});

async function using(work: (share: Share) => Promise<unknown>): Promise<void> {
  const share = await openShare(node.crypto, {
    address: `sftp://root@127.0.0.1:${line.port}/share`,
    hostKeys: [parseHostKeyPin(sshd.hostKey) ?? ''],
    identityFile: sshd.identity,
  });
  try {
    await work(share);
  } finally {
    await share.close();
  }
}

const silently = { by: 'tester', onStep: () => undefined };
const steps: Readonly<Record<string, (share: Share) => Promise<unknown>>> = {
  export: (share) =>
    exportBulk(node, share, { ...silently, types: bulkTypes, given: [], passphrase, pem: true }),
  consolidate: (share) =>
    consolidateBulk(node, share, { ...silently, accepted: [], passphrase, host: 'here' }),
  import: (share) =>
    fetchBulk(node, share, {
      ...silently,
      purpose: 'proxy',
      clusters: [],
      untilMs: undefined,
      foreign: undefined,
    }),
};

/** Throws when somebody who reads now would read something half. */
async function readEverything(): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const folder = join(sshd.share, 'alpha');
  const manifest = verifyManifest(node.crypto, bytesOf(join(folder, 'manifest.json.sgn')), 'alpha', now);
  if (!manifest.ok) throw new Error(manifest.error);
  const files = [...new Set(manifest.value.manifest.certificates.map(({ file }) => file))];
  const read = await Promise.all(
    files.map((file) => node.bundles.read(bytesOf(join(folder, file)), { passphrase, legacy: false })),
  );
  const joined = joinSource(
    manifest.value,
    read.flatMap(({ certificates }) => certificates),
  );
  if (!joined.ok) throw new Error(joined.error);
  const merged = decodeConsolidation(bytesOf(join(sshd.share, 'consolidated.json')));
  if (!merged.ok) throw new Error(merged.error);
  const fetched = node.quarantine.find('proxy');
  if (fetched !== undefined && !decodeQuarantined(fetched).ok) throw new Error('the quarantine is half');
}

function bytesOf(path: string): Uint8Array {
  return Uint8Array.from(readFileSync(path));
}

/** Names on the share and in quarantine; every export has another counter, so the bytes of manifests differ. */
function state(): readonly string[] {
  const names = readdirSync(sshd.share, { recursive: true, encoding: 'utf8' }).toSorted();
  return [...names, node.quarantine.find('proxy') === undefined ? 'nothing fetched' : 'fetched'];
}

it(`at ${points} points`, { timeout: 480_000 }, async () => {
  const random = seeded(8);
  const whole: Record<string, number> = {};
  for (const [name, work] of Object.entries(steps)) {
    line.cutAfter(Infinity);
    await using(work);
    whole[name] = line.sent();
  }
  await readEverything();
  const wanted = state();
  const rows = (await node.store.listCertificates()).length;
  const names = Object.keys(steps);
  const told: Record<string, number> = {};
  for (let point = 0; point < points; point++) {
    const name = names[point % names.length] ?? '';
    const work = steps[name] ?? (() => Promise.resolve());
    const kill = point % 2 === 0 ? () => sshd.killSessions() : undefined;
    line.cutAfter(Math.floor(random() * (whole[name] ?? 0)), kill);
    const outcome: unknown = await using(work).then(
      () => 'done',
      (error: unknown) => error,
    );
    if (outcome !== 'done' && !(outcome instanceof Failure)) throw outcome;
    const code = outcome instanceof Failure ? outcome.code : 'done';
    told[code] = (told[code] ?? 0) + 1;
    await readEverything();
    if (point % 10 !== 9) continue;
    line.cutAfter(Infinity);
    for (const each of Object.values(steps)) await using(each);
    expect(state()).toEqual(wanted);
  }
  expect((await node.store.listCertificates()).length).toBe(rows);
  // Nothing but the one clear word for a line that was cut; a few cuts come after the last byte that matters.
  expect(
    Object.keys(told)
      .toSorted()
      .filter((code) => code !== 'done'),
  ).toEqual(['unreachable']);
  expect(told['unreachable']).toBeGreaterThan(points / 2);
  console.log(`cuts: ${JSON.stringify(told)}`);
});
