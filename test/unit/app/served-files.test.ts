/** What phones are served, now and when a plan will have been carried out. */
import { describe, expect, test } from 'vitest';
import {
  planPublication,
  readTrustState,
  type PublicationRequest,
} from '../../../src/app/plan-publication.ts';
import { servedBy, stateAfter } from '../../../src/app/served-files.ts';
import type { CertificateFacts } from '../../../src/core/ports.ts';
import { decodeSignedHeader } from '../../../src/wire/signed-header.ts';
import { did, worldOf } from '../../helpers/believed-world.ts';
import { crypto, elsewhere, firstOf } from '../../helpers/trust-parties.ts';
import type { TrustWorld } from '../../helpers/trust-world.ts';

const after = async (world: TrustWorld, request: PublicationRequest, step?: number) =>
  stateAfter(crypto, await planPublication(world.ports(), request), step);
const served = async (world: TrustWorld, node: string) =>
  servedBy(crypto, await readTrustState(world.ports()), node);

function headerOf(bytes: Uint8Array | undefined) {
  const header = decodeSignedHeader(bytes ?? new Uint8Array());
  if (!header.ok) throw new Error(header.error.message);
  return header.value;
}

describe('after a publication on paper', () => {
  test('what is carried over is the same list, what is made anew is newer, by a signer that has signed nothing yet', async () => {
    const world = worldOf();
    await did(world, 'update-itl', 'set-mode mixed');
    const { current } = await after(world, { kinds: ['itl'] });
    const ctl = world.lists('n').find(({ kind }) => kind === 'ctl');
    expect(current.map(({ kind, node, generation }) => [kind, node, generation])).toEqual([
      ['itl', 'n', 3],
      ['ctl', 'n', 2],
    ]);
    expect(current[1]).toBe(ctl);
    expect(current[0]).toMatchObject({ signer: firstOf('itlrecovery').fingerprint });
    const next = (await after(world, { kinds: ['itl'] }, 1)).current[0];
    expect(headerOf(next?.bytes).timestamp).toBe((headerOf(current[0]?.bytes).timestamp ?? 0) + 1);
  });

  test('of a cluster without lists it has none before, and its first ones then', async () => {
    const world = worldOf();
    expect((await after(world, { listsStay: true })).current).toEqual([]);
    expect((await after(world, {})).current.map(({ generation }) => generation)).toEqual([0]);
  });

  test('a rollback empties the ITL, and leaves the CTL as it is', async () => {
    const world = worldOf();
    await did(world, 'update-itl', 'set-mode mixed');
    const { current } = await after(world, { rollback: true });
    expect(current.map(({ kind }) => kind)).toEqual(['itl', 'ctl']);
  });
});

describe('a node serves', () => {
  test('its own lists, and files by its own key', async () => {
    const world = worldOf(['n', 'm']);
    await did(world, 'update-itl');
    const nonsecure = await served(world, 'm');
    expect(nonsecure.ctl).toBeUndefined();
    await did(world, 'set-mode mixed');
    const { itl, ctl, config, tvsName } = await served(world, 'm');
    const lists = world.lists('m');
    expect([itl, ctl]).toEqual(
      (['itl', 'ctl'] as const).map((kind) => ({
        name: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv',
        bytes: lists.find((list) => list.kind === kind)?.bytes,
      })),
    );
    expect(headerOf(config.bytes).signer.serial).toEqual(firstOf('callmanager', 'm').serial);
    expect(tvsName).toBe('m');
  });

  test('what its TVS says: who stands in a store that signs, by issuer and serial, and nobody else', async () => {
    const world = worldOf(['n', 'm']);
    await did(world, 'update-itl');
    const { tvs } = await served(world, 'n');
    const asked = ({ issuer, serial }: Pick<CertificateFacts, 'issuer' | 'serial'>) => tvs(issuer, serial);
    const [here, there] = [firstOf('callmanager', 'n'), firstOf('callmanager', 'm')];
    const server = firstOf('tvs', 'n').der;
    expect(asked(here)).toEqual({ kind: 'vouched', server, certificate: here.der, roles: ['SAST', 'TFTP'] });
    expect(asked(there)).toEqual({ kind: 'vouched', server, certificate: there.der, roles: ['TFTP'] });
    const refused = { kind: 'refused', server };
    expect(asked(elsewhere.recovery)).toEqual(refused);
    expect(asked({ issuer: here.issuer, serial: there.serial })).toEqual(refused);
    expect(asked({ issuer: here.issuer, serial: Uint8Array.of(1) })).toEqual(refused);
    // A TVS is in the database, and none that it vouches for.
    expect(asked(firstOf('tvs', 'n'))).toEqual(refused);
  });

  test('without a TVS certificate nobody answers', async () => {
    const world = worldOf();
    const { rows } = world.database;
    const certificates = rows.certificates.filter(({ purpose }) => purpose !== 'tvs');
    world.database.rows = { ...rows, certificates };
    const { tvs } = await served(world, 'n');
    const { issuer, serial } = firstOf('callmanager', 'n');
    expect(tvs(issuer, serial)).toEqual({ kind: 'unreachable' });
  });
});
