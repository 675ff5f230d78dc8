/** Whether published lists still say what the database says, and where the difference comes from. */
import { expect, test } from 'vitest';
import { outdatedLists } from '../../../src/app/outdated-lists.ts';
import type { StoredCertificate } from '../../../src/core/cluster/model.ts';
import { alterRows, did, worldOf } from '../../helpers/believed-world.ts';
import { createPoolIssuer, elsewhere } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const dayMs = 86_400_000;

const read = (world: TrustWorld) => outdatedLists(world.ports(), world.nowMs);

/** A row that came by a command which publishes nothing. */
async function add(world: TrustWorld, row: Partial<StoredCertificate>): Promise<void> {
  const { der, fingerprint } = elsewhere.recovery;
  await world.ports().store.addCertificate(
    {
      store: 'phone-sast-trust',
      purpose: undefined,
      node: undefined,
      der,
      fingerprint,
      provenance: 'of B',
      addedMs: world.nowMs,
      ...row,
    },
    { atMs: 0, who: 'a test', operation: 'trust-cert', detail: {} },
  );
}

test('nothing is out of date before anything is published, and after a publication', async () => {
  const world = worldOf();
  expect(await read(world)).toEqual([]);
  await did(world, 'update-itl', 'set-mode mixed');
  expect(await read(world)).toEqual([]);
});

test('a foreign signer that came is told of the CTL, which names it; no list names any other store', async () => {
  const world = worldOf();
  await did(world, 'update-itl', 'set-mode mixed');
  // In the millisecond of the publication: not since.
  await add(world, { store: 'callmanager-trust' });
  world.nowMs += dayMs;
  await add(world, { store: 'tvs-trust', provenance: 'no reason' });
  await add(world, {});
  const outdated = [
    {
      kind: 'ctl',
      changes: [expect.stringMatching(/^\+ SAST CN=ITLRECOVERY_B/)],
      because: [
        `${elsewhere.recovery.fingerprint.slice(0, 16)} in phone-sast-trust (of B) came on 2026-11-22`,
      ],
      next: 'tftp-pki update-ctl --dry-run',
    },
  ];
  expect(await read(world)).toEqual(outdated);
  // Since the CTL was published: that the ITL is younger makes it no younger.
  world.nowMs += dayMs;
  await did(world, 'update-itl');
  expect(await read(world)).toEqual(outdated);
});

test('an own one that came and one that went are told of both lists', async () => {
  const world = worldOf();
  await did(world, 'update-itl', 'set-mode mixed');
  world.nowMs += dayMs;
  const asked = { purpose: 'tvs', clusterId: 'A', nodeName: 'n', notBeforeMs: 0 } as const;
  const { der, fingerprint } = (await createPoolIssuer().issue(asked)).certificate;
  alterRows(world, (row) => (row.purpose === 'tvs' ? { ...row, retiredMs: world.nowMs } : row));
  await add(world, { store: 'own', purpose: 'tvs', node: 'n', der, fingerprint, provenance: 'by hand' });
  const [itl, ...others] = await read(world);
  // No CTL names a TVS.
  expect(others).toEqual([]);
  expect(itl).toMatchObject({ kind: 'itl', next: 'tftp-pki update-itl --dry-run' });
  expect(itl?.changes).toHaveLength(2);
  expect(itl?.because).toEqual([
    expect.stringMatching(/ in own \(by hand\) came on 2026-11-22$/),
    expect.stringMatching(/ in own \(issued\) was retired on 2026-11-22$/),
  ]);
});

test('what was trusted until a day is out of date by itself, and retired before is no reason', async () => {
  const world = worldOf();
  await add(world, { landed: { cluster: 'B', purpose: 'migrate', untilMs: world.nowMs + dayMs } });
  await add(world, { store: 'own', purpose: 'capf', node: undefined });
  alterRows(world, (row) => (row.purpose === 'capf' ? { ...row, retiredMs: world.nowMs } : row));
  await did(world, 'update-itl', 'set-mode mixed');
  expect(await read(world)).toEqual([]);
  world.nowMs += 2 * dayMs;
  expect(await read(world)).toMatchObject([
    {
      kind: 'ctl',
      changes: [expect.stringMatching(/^- SAST CN=ITLRECOVERY_B/)],
      because: [expect.stringMatching(/ in phone-sast-trust \(of B\) was trusted until 2026-11-22$/)],
    },
  ]);
});
