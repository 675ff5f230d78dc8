import { describe, expect, test } from 'vitest';
import { tvsAskerAgainMs, tvsAskersPerMessageMax } from '../../../../src/base/limits-tvs.ts';
import { anybodyAsked, AskersToTell, hasAsked, type TvsAsker } from '../../../../src/core/tvs/asker.ts';

const desk = { address: '10.0.0.1', device: 'SEP001122334455' };

describe('has this phone asked a TVS?', () => {
  test.each<[string, TvsAsker, boolean]>([
    ['from its address', { address: desk.address, device: undefined }, true],
    ['by its certificate, from another address', { address: '10.0.0.2', device: desk.device }, true],
    ['somebody else', { address: '10.0.0.2', device: 'SEP001122334466' }, false],
    ['somebody without a certificate', { address: '10.0.0.2', device: undefined }, false],
    ['nobody knows who', anybodyAsked, true],
  ])('%s', (_, asker, expected) => expect(hasAsked([asker], desk)).toBe(expected));
});

describe('what the TVS tells of askers', () => {
  test('each once in half an hour, in bounded messages', () => {
    const askers = new AskersToTell();
    const all = Array.from({ length: tvsAskersPerMessageMax + 1 }, (_, at) => ({
      address: `10.0.${Math.floor(at / 250)}.${at % 250}`,
      device: undefined,
    }));
    for (const asker of [...all, ...all]) askers.add(asker, 0);
    expect(askers.take().map(({ length }) => length)).toEqual([tvsAskersPerMessageMax, 1]);
    expect(askers.take()).toEqual([]);
    askers.add(desk, 0);
    askers.add({ address: desk.address, device: undefined }, tvsAskerAgainMs - 1);
    expect(askers.take()).toEqual([[desk]]);
    askers.add(desk, tvsAskerAgainMs);
    expect(askers.take()).toEqual([[desk]]);
  });

  test('whoever was told of longest ago makes room, and is told of again', () => {
    const askers = new AskersToTell(2);
    const others = ['10.0.0.2', '10.0.0.3'].map((address) => ({ address, device: undefined }));
    for (const asker of [desk, ...others, ...others, desk]) askers.add(asker, 0);
    expect(askers.take()).toEqual([[desk, ...others, desk]]);
  });
});
