/** Which retired keys may sign a list once more, and how one is named. */
import { describe, expect, test } from 'vitest';
import { compromisedOperation } from '../../../src/app/guided-rotation.ts';
import { findKeptSigner, keptSigners, type KeptSignerPorts } from '../../../src/app/kept-signers.ts';
import { noRowBefore, type AuditRow } from '../../../src/core/audit/audit-chain.ts';
import { alterRows, did, worldOf } from '../../helpers/believed-world.ts';
import { firstOf } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

interface Given {
  /** By the audit, ids of rows: `operation` → what it retired. */
  readonly audit?: readonly (readonly [operation: string, retired: readonly string[] | undefined])[];
  /** Keys that lie in no folder of ours. */
  readonly lost?: readonly string[];
}

function portsOf(world: TrustWorld, { audit = [], lost = [] }: Given = {}): KeptSignerPorts {
  const ports = world.ports();
  const rows = audit.map(([operation, retired], at): AuditRow => ({
    seq: at + 1,
    atMs: 0,
    who: 'a test',
    operation,
    detail: JSON.stringify({ retired }),
    previous: noRowBefore,
    hash: '',
  }));
  return {
    ...ports,
    store: { ...ports.store, listAudit: () => Promise.resolve(rows) },
    keyFiles: {
      ...ports.keyFiles,
      find: (fingerprint) => Promise.resolve(lost.includes(fingerprint) ? undefined : fingerprint),
    },
  };
}

const kept = async (world: TrustWorld, given?: Given) =>
  (await keptSigners(portsOf(world, given))).map(({ fingerprint }) => fingerprint);

const recovery = firstOf('itlrecovery').fingerprint;
const callmanager = firstOf('callmanager', 'n').fingerprint;

/** Every purpose renewed once: three retired rows. */
async function renewed(): Promise<TrustWorld> {
  const world = worldOf();
  await did(world, 'update-itl');
  for (const purpose of ['callmanager', 'tvs', 'itlrecovery'])
    await did(world, `renew-cert ${purpose}`, `renew-cert ${purpose} --switch`);
  return world;
}

const idOf = (world: TrustWorld, fingerprint: string): string =>
  String(world.database.rows.certificates.find((row) => row.fingerprint === fingerprint)?.id);

describe('kept are', () => {
  test('retired keys that signed lists, the youngest row first; none in use, no TVS', async () => {
    expect(await kept(worldOf())).toEqual([]);
    expect(await kept(await renewed())).toEqual([callmanager, recovery]);
  });

  test('none that was cut off because somebody else has it; what else was retired is kept', async () => {
    const world = await renewed();
    const id = idOf(world, callmanager);
    expect(await kept(world, { audit: [[compromisedOperation, [id]]] })).toEqual([recovery]);
    expect(await kept(world, { audit: [['renew-cert callmanager --switch', [id]]] })).toEqual([
      callmanager,
      recovery,
    ]);
    expect(await kept(world, { audit: [[compromisedOperation, undefined]] })).toHaveLength(2);
  });

  test('none whose key is gone, or whose certificate cannot be read', async () => {
    const world = await renewed();
    expect(await kept(world, { lost: [recovery] })).toEqual([callmanager]);
    alterRows(world, (row) => (row.fingerprint === recovery ? { ...row, der: Uint8Array.of(1) } : row));
    expect(await kept(world)).toEqual([callmanager]);
  });

  test('no certificate of others, and none without a purpose', async () => {
    const world = await renewed();
    alterRows(world, (row) => (row.fingerprint === recovery ? { ...row, store: 'callmanager-trust' } : row));
    expect(await kept(world)).toEqual([callmanager]);
    alterRows(world, (row) => (row.fingerprint === callmanager ? { ...row, purpose: undefined } : row));
    expect(await kept(world)).toEqual([]);
  });
});

describe('one of them', () => {
  test('by its fingerprint or the beginning of it, as people write it', async () => {
    const ports = portsOf(await renewed());
    const colons = recovery.replaceAll(/(..)(?=.)/g, '$1:').toUpperCase();
    for (const word of [recovery, recovery.slice(0, 16), `SHA256:${colons}`])
      expect((await findKeptSigner(ports, word)).fingerprint).toBe(recovery);
  });

  test('none, nothing and several are refused, with those that there are', async () => {
    const ports = portsOf(await renewed());
    const hint = `kept are: ${callmanager.slice(0, 16)}, ${recovery.slice(0, 16)}`;
    for (const word of ['f'.repeat(64), '', 'SHA256:'])
      await expect(findKeptSigner(ports, word)).rejects.toMatchObject({ code: 'not-found', hint });
    await expect(findKeptSigner(portsOf(worldOf()), recovery)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(`no retired signer ${recovery}`) as string,
      hint: 'kept are: none',
    });
    const world = await renewed();
    alterRows(world, (row) =>
      row.fingerprint === callmanager ? { ...row, der: firstOf('itlrecovery').der } : row,
    );
    await expect(findKeptSigner(portsOf(world), recovery)).rejects.toMatchObject({
      code: 'refused',
      message: `2 retired signers begin with ${recovery}`,
    });
  });
});
