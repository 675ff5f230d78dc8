import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoredBelief } from '../../src/core/trust/belief-store.ts';
import { openBeliefs, readBeliefs } from '../../src/store/beliefs.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-beliefs-'));
  path = join(folder, 'beliefs.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true }));

function belief(name: string, pairs: readonly string[] = ['?', 'c/i']): StoredBelief {
  return {
    name,
    pairs,
    address: '10.0.0.1',
    heardMs: 5,
    provedMs: undefined,
    unansweredConfigs: 2,
    gap: 1,
    deliveries: [{ kind: 'itl', sha256: 'i', sinceMs: 4, how: 'tcp' }],
  };
}

describe('the file of beliefs', () => {
  it('is nothing before a server ran', () => {
    expect(readBeliefs(path)).toMatchObject({ devices: [], gaps: [], unfinished: false });
  });

  it('gives back what was written, for its owner alone', () => {
    const gap = { number: 1, atMs: 3, pairs: ['/i'] };
    const writer = openBeliefs(path, [gap]);
    expect(writer.stored.gaps).toEqual([gap]);
    const shown = {
      ...belief('SEP2', ['/']),
      provedMs: 9,
      showed: { signer: 'aa', atMs: 9 },
      unanswered: [{ atMs: 10, signer: 'bb' }],
      handshakes: [{ service: 'tvs' as const, server: 'cc', atMs: 11 }],
    };
    writer.save([belief('SEP1'), shown], []);
    writer.save([belief('SEP1', ['c/i'])], [{ number: 2, atMs: 4, pairs: ['*'] }]);
    writer.serving([{ kind: 'itl', sha256: 'i' }]);
    writer.close();
    expect(readBeliefs(path)).toEqual({
      devices: [belief('SEP1', ['c/i']), shown],
      gaps: [gap, { number: 2, atMs: 4, pairs: ['*'] }],
      unfinished: false,
      serving: [{ kind: 'itl', sha256: 'i' }],
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('tells when the last writer did not end', () => {
    const writer = openBeliefs(path);
    writer.save([belief('SEP1')], []);
    expect(readBeliefs(path).unfinished).toBe(true);
    expect(openBeliefs(path).stored.unfinished).toBe(true);
    writer.close();
    expect(readBeliefs(path).unfinished).toBe(false);
  });

  it('forgets devices, and sets that nobody holds', () => {
    const writer = openBeliefs(path);
    writer.save([belief('SEP1', ['a/']), belief('SEP2', ['b/'])], []);
    writer.forget(['SEP1']);
    writer.close();
    const file = new Sqlite(path);
    expect(file.prepare('select pairs from pair_set').pluck().all()).toEqual(['b/']);
    file.close();
  });

  it('holds 100,000 devices in 40 MiB', () => {
    const writer = openBeliefs(path);
    const devices = Array.from({ length: 100_000 }, (_, number) =>
      belief(`SEP${number.toString(16).padStart(12, '0')}`, ['?', `c${number % 50}/i${number % 50}`]),
    );
    for (let at = 0; at < devices.length; at += 2_000) writer.save(devices.slice(at, at + 2_000), []);
    writer.close();
    expect(readBeliefs(path).devices).toHaveLength(100_000);
    expect(statSync(path).size).toBeLessThan(40 * 1024 * 1024);
  }, 60_000);

  it.each([
    [1, ['showed_ms', 'showed_signer', 'unanswered_configs', 'handshakes']],
    [2, ['handshakes']],
  ])('takes a file of version %i over; commands read it before a server did', (version, columns) => {
    const writer = openBeliefs(path);
    writer.save([belief('SEP1')], []);
    writer.close();
    const file = new Sqlite(path);
    for (const column of columns) file.exec(`alter table device drop column ${column}`);
    file.pragma(`user_version = ${version}`);
    file.close();
    expect(readBeliefs(path).devices).toEqual([belief('SEP1')]);
    const again = openBeliefs(path);
    expect(again.stored.devices).toEqual([belief('SEP1')]);
    const shown = {
      ...belief('SEP1'),
      showed: { signer: 'aa', atMs: 9 },
      handshakes: [{ service: 'https' as const, server: 'cc', atMs: 10 }],
    };
    again.save([shown], []);
    again.close();
    expect(readBeliefs(path).devices).toEqual([shown]);
  });

  it('refuses a file of a newer program', () => {
    openBeliefs(path).close();
    const file = new Sqlite(path);
    file.pragma('user_version = 99');
    file.close();
    expect(() => readBeliefs(path)).toThrow(expect.objectContaining({ code: 'storage-unreadable' }));
  });
});
