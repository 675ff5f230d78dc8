import { describe, expect, it } from 'vitest';
import {
  togetherAsked,
  UnknownSigners,
  type UnknownSigner,
} from '../../../../src/core/tvs/unknown-signers.ts';
import type { QueryRequest } from '../../../../src/wire/tvs-message.ts';

function asks(device: string): QueryRequest {
  const serial = Uint8Array.of(0x0d, 0x45);
  return { command: 'query-request', session: 1, device, subject: 'CN=s', issuer: 'CN=ca', serial };
}

describe('questions for unknown signers', () => {
  it('are counted per device, with the last signer asked for', () => {
    const unknown = new UnknownSigners();
    expect(unknown.count(asks('CP-8861-SEPB000B4BA0AEE'), 10)).toBe('SEPB000B4BA0AEE');
    unknown.count(asks('sepb000b4ba0aee'), 20);
    expect(unknown.list()).toEqual([
      { device: 'SEPB000B4BA0AEE', count: 2, lastMs: 20, signer: { issuer: 'CN=ca', serial: '0d:45' } },
    ]);
  });

  it('of somebody who is no device count in the total alone', () => {
    const unknown = new UnknownSigners();
    expect(unknown.count(asks('my laptop'), 1)).toBeUndefined();
    expect(unknown.list()).toEqual([]);
    expect(unknown.total).toBe(1);
  });

  it('take bounded memory: who asked longest ago makes room', () => {
    const unknown = new UnknownSigners(2);
    for (const last of ['1', '2', '1', '3']) unknown.count(asks(`SEP00000000000${last}`), Number(last));
    expect(unknown.list().map(({ device }) => device)).toEqual(['SEP000000000001', 'SEP000000000003']);
    expect(unknown.total).toBe(4);
  });
});

it('of several TVS the counts are one, and the last signer is that of whom was asked last', () => {
  const asked = (device: string, count: number, lastMs: number, serial: string): UnknownSigner => ({
    device,
    count,
    lastMs,
    signer: { issuer: 'CN=b', serial },
  });
  const [one, other] = ['SEP001122330001', 'SEP001122330002'];
  const own = [asked(one, 2, 10, '01'), asked(other, 1, 20, '02')];
  expect(togetherAsked([own, [asked(one, 3, 30, '03')]])).toEqual([own[1], asked(one, 5, 30, '03')]);
  expect(togetherAsked([[asked(one, 3, 30, '03')], own])).toEqual([own[1], asked(one, 5, 30, '03')]);
  expect(togetherAsked([[], []])).toEqual([]);
});
