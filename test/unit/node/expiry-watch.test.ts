import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { startBack } from '../../../src/node/back.ts';
import { watchExpiry } from '../../../src/node/expiry-watch.ts';
import { createNode, openNode, type OpenNode } from '../../../src/node/open-node.ts';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-expiry-'));
const dayMs = 86_400_000;
let node: OpenNode;
let endMs: number;

beforeAll(async () => {
  writeFileSync(join(world, 'Ringlist.xml'), '<list/>');
  const options = { dataDir: join(world, 'data'), passphraseFile: undefined };
  const cluster = { clusterId: 'lab', nodeName: 'n.example', mode: 'mixed', hash: 'sha1' } as const;
  await createNode(options, { ...cluster, by: 'a test', filesRoot: world });
  node = await openNode(options);
  const rows = await node.store.listCertificates();
  const der = rows.find(({ purpose }) => purpose === 'callmanager')?.der ?? new Uint8Array();
  endMs = (node.crypto.readCertificate(der)?.notAfter ?? 0) * 1000;
}, 60_000);
afterAll(async () => {
  await node.close();
  rmSync(world, { recursive: true });
});

/** What a server that starts so many days before the end says of the CallManager certificate. */
async function saidBefore(days: number): Promise<readonly Event[]> {
  const events: Event[] = [];
  const clock = { nowMs: () => endMs - days * dayMs };
  const end = await watchExpiry({ ...node, clock }, (event) => events.push(event));
  end();
  return events.filter((event) => event.type === 'certificate-expiry' && event.purpose === 'callmanager');
}

test('a server that runs for months tells each stage once, and daily when it is over', async () => {
  const told: number[] = [];
  let days = 120;
  let looks = 0;
  const clock = {
    nowMs: () => {
      looks++;
      return endMs - days * dayMs;
    },
  };
  const end = await watchExpiry(
    { ...node, clock },
    (event) => {
      if (event.type === 'certificate-expiry' && event.purpose === 'callmanager') told.push(event.daysLeft);
    },
    1,
  );
  try {
    for (; days > -4; days--) {
      const seen = looks;
      // Two looks on each day: the first of them may have begun the day before.
      await expect.poll(() => looks, { interval: 1, timeout: 20_000 }).toBeGreaterThan(seen + 1);
    }
  } finally {
    end();
  }
  expect([...new Set(told)]).toEqual([90, 30, 7, 1, -1, -2, -3]);
  for (const stage of [90, 30, 7, 1]) expect(told.filter((each) => each === stage)).toHaveLength(1);
});

test('a server says at its start which of its certificates end', async () => {
  expect(await saidBefore(200)).toEqual([]);
  for (const days of [90, 30, 7, 1, -1])
    expect(await saidBefore(days)).toEqual([expect.objectContaining({ daysLeft: days })]);
});

test('an expired certificate keeps signing', async () => {
  const clock = { nowMs: () => endMs + 30 * dayMs };
  const ignore = (): void => undefined;
  const config = parseConfig({ text: `files: { root: ${world} }` });
  const back = await startBack({ node: { ...node, clock }, config, onEvent: ignore, onChange: ignore });
  try {
    const from = { transport: 'http', address: '10.0.0.1', port: 1024 } as const;
    for (const name of ['Ringlist.xml.sgn', 'ITLFile.tlv', 'CTLFile.tlv'])
      expect(await back.resolve({ name, ...from })).toMatchObject({ kind: 'served' });
  } finally {
    back.close();
  }
});
