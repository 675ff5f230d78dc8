import { describe, expect, it } from 'vitest';
import { parseFileName } from '../../../../src/core/files/file-name.ts';
import {
  decideOrigin,
  isUuidName,
  type Asker,
  type HereAnswer,
  type OriginAction,
  type OriginQuestion,
  type ThereAnswer,
  type Who,
} from '../../../../src/core/files/origin.ts';
import type { Home } from '../../../../src/core/cluster/home.ts';
import type { Proof } from '../../../../src/core/cluster/source-memory.ts';

const here: Home = { kind: 'here' };
const nowhere: Home = { kind: 'nowhere' };
const unsettled: Home = { kind: 'unsettled', reason: 'no word yet' };
const a: Home = { kind: 'remote', cluster: 'a' };
const b: Home = { kind: 'remote', cluster: 'b' };

type There = Readonly<Record<string, ThereAnswer>>;
interface Given extends Partial<Omit<OriginQuestion, 'name' | 'there' | 'common'>> {
  readonly there?: There;
  readonly common?: 'auto' | 'local';
}

function question(name: string, given: Given): OriginQuestion {
  const parsed = parseFileName(name);
  if (!parsed.ok) throw new Error(name);
  return {
    fromPeer: false,
    who: { kind: 'address', askers: [], more: false, moreAsked: false, overTcp: false },
    here: undefined,
    uuidHome: undefined,
    autoRegistration: false,
    ...given,
    name: parsed.value,
    there: new Map(Object.entries(given.there ?? {})),
    common: () => given.common ?? 'auto',
  };
}

function words(action: OriginAction): string {
  const cluster = 'cluster' in action ? ` ${action.cluster}` : '';
  return `${action.row} ${action.kind}${cluster}`;
}

const device = (home: Home): Given => ({ who: { kind: 'device', home } });
const asker = (home: Home, covered = false, proof: Proof = 'weak'): Asker => ({ home, proof, covered });
const at = (...askers: Asker[]): Given => ({
  who: { kind: 'address', askers, more: false, moreAsked: false, overTcp: false },
});
const tcp = (...askers: Asker[]): Given => ({
  who: { kind: 'address', askers, more: false, moreAsked: false, overTcp: true },
});

const flooded = (...askers: Asker[]): Given => ({
  who: { kind: 'address', askers, more: false, moreAsked: true, overTcp: false },
});

const config = 'SEP001122334455.cnf.xml.sgn';
const uuid = 'SK12345678-1234-1234-1234-123456789abc.xml.sgn';

describe('origin: the table of design.md §4', () => {
  it.each<[string, string, Given, string]>([
    ['0 a peer gets what is ours', config, { ...device(a), fromPeer: true, here: 'have' }, '0 serve-here'],
    [
      '0 a peer gets not-found else, and nobody is asked',
      config,
      { ...device(a), fromPeer: true, here: 'not-found' },
      '0 not-found',
    ],
    ['0 a peer never gets a home’s list', 'ITLFile.tlv', { ...at(asker(a)), fromPeer: true }, '0 ask-here'],

    ['1 firmware is local first', 'sip88xx.loads', at(asker(a)), '1 ask-here'],
    ['1 firmware that is here', 'sip88xx.loads', { ...at(), here: 'have' }, '1 serve-here'],
    [
      '1 firmware passed through from a home',
      'sip88xx.loads',
      { ...at(asker(a)), here: 'not-found' },
      '1 ask-there a',
    ],
    [
      '1 … from the second when the first has none',
      'x.zz.sgn',
      { ...at(asker(a), asker(b)), here: 'not-found', there: { a: 'not-found' } },
      '1 ask-there b',
    ],
    [
      '1 … and it has',
      'x.zz.sgn',
      { ...at(asker(a), asker(b)), here: 'not-found', there: { a: 'not-found', b: 'have' } },
      '1 serve-there b',
    ],
    [
      '1 no home has it',
      'x.sbn',
      { ...at(asker(a)), here: 'not-found', there: { a: 'not-found' } },
      '6 not-found',
    ],
    [
      '1 a home is out of reach',
      'x.sbn',
      { ...at(asker(a), asker(b)), here: 'not-found', there: { a: 'unreachable', b: 'not-found' } },
      '6 retry',
    ],
    ['1 nobody knows who asks', 'x.sbn', { ...at(), here: 'not-found' }, '6 retry'],

    ['2 a config of a device of ours', config, { ...device(here), here: 'have' }, '2 serve-here'],
    ['2 a config of a remote device', config, device(a), '2 ask-there a'],
    [
      '2 … is the home’s, though we have one too',
      config,
      { ...device(a), here: 'have', there: { a: 'have' } },
      '2 serve-there a',
    ],
    [
      '2 … its not-found included',
      'SEP001122334455.cnf.xml.enc.sgn',
      { ...device(a), there: { a: 'not-found' } },
      '2 not-found',
    ],
    [
      '2 the home is out of reach',
      config,
      { ...device(a), here: 'have', there: { a: 'unreachable' } },
      '6 retry',
    ],
    ['2 what its phone would refuse', config, { ...device(a), there: { a: 'blocked' } }, '6 retry'],
    ['2 nobody has the device', config, { ...device(nowhere), here: 'have' }, '6 not-found'],
    ['2 nobody knows yet', config, { ...device(unsettled), here: 'have' }, '6 retry'],
    ['2 the list of a device is its home’s', 'ITLSEP001122334455.tlv', device(b), '2 ask-there b'],

    [
      '3 the only home’s list',
      'ITLFile.tlv',
      { ...at(asker(a), asker(a)), there: { a: 'have' } },
      '3 serve-there a',
    ],
    [
      '3 its not-found',
      'CTLFile.tlv',
      { ...at(asker(a)), there: { a: 'not-found' }, here: 'have' },
      '3 not-found',
    ],
    [
      '3 out of reach',
      'ITLFile.tlv',
      { ...at(asker(a, true)), there: { a: 'unreachable' }, here: 'have' },
      '6 retry',
    ],
    [
      '3 no evidence makes it local',
      'ITLFile.tlv',
      { ...at(asker(a, true)), common: 'local', here: 'have' },
      '3 ask-there a',
    ],
    ['3 two homes are asked', 'ITLFile.tlv', at(asker(a), asker(b)), '3 ask-there a'],
    [
      '3 two homes, one of them proved',
      'ITLFile.tlv',
      { ...tcp(asker(a, false, 'proved'), asker(b)), there: { a: 'have', b: 'have' } },
      '6 retry',
    ],
    [
      '3 two homes, one of them only asked',
      'ITLFile.tlv',
      { ...at(asker(a), asker(b, false, 'asked')), there: { a: 'have' } },
      '6 retry',
    ],
    [
      '3 … whose request delays no not-found',
      'CTLFile.tlv',
      { ...at(asker(a), asker(b, false, 'asked')), there: { a: 'not-found' } },
      '3 not-found',
    ],
    [
      '3 two homes: who has one got it under its own name',
      'CTLFile.tlv',
      { ...at(asker(a), asker(b)), there: { a: 'not-found', b: 'have' } },
      '3 not-found',
    ],
    [
      '3 two homes that have one',
      'ITLFile.tlv',
      { ...at(asker(a), asker(b)), there: { a: 'have', b: 'have' } },
      '6 retry',
    ],
    [
      '3 two homes, one of them silent',
      'CTLFile.tlv',
      { ...at(asker(a), asker(b)), there: { a: 'not-found', b: 'unreachable' } },
      '6 retry',
    ],
    [
      '3 a flood of requests makes a list wait',
      'ITLFile.tlv',
      { ...flooded(asker(a)), there: { a: 'have' } },
      '6 retry',
    ],
    [
      '3 … but no not-found',
      'CTLFile.tlv',
      { ...flooded(asker(a)), there: { a: 'not-found' } },
      '3 not-found',
    ],
    [
      '3 … where nobody completed anything',
      'CTLFile.tlv',
      { ...flooded(asker(a, false, 'asked')), there: { a: 'not-found' } },
      '6 retry',
    ],
    ['3 nobody known', 'ITLFile.tlv', { ...at(), here: 'have' }, '6 retry'],
    [
      '3 a request alone is no reason to serve',
      'ITLFile.tlv',
      { ...at(asker(a, false, 'asked')), there: { a: 'have' } },
      '6 retry',
    ],
    [
      '3 … but a reason for a not-found',
      'CTLFile.tlv',
      { ...at(asker(a, false, 'asked')), there: { a: 'not-found' } },
      '3 not-found',
    ],
    ['3 ours for ours', 'CTLFile.tlv', { ...at(asker(here)), here: 'have' }, '3 serve-here'],

    [
      '4 the home’s dial rules',
      'AppDialRules.xml',
      { ...at(asker(a)), there: { a: 'have' }, here: 'have' },
      '4 serve-there a',
    ],
    [
      '4 two homes',
      'AppDialRules.xml',
      { ...at(asker(a), asker(b)), there: { a: 'have', b: 'have' } },
      '6 retry',
    ],
    [
      '4 two homes, and only one has it',
      'AppDialRules.xml',
      { ...at(asker(a), asker(b)), there: { a: 'not-found', b: 'have' } },
      '6 retry',
    ],
    [
      '4 two homes, and none has it',
      'AppDialRules.xml',
      { ...at(asker(a), asker(b)), there: { a: 'not-found', b: 'not-found' } },
      '4 not-found',
    ],
    [
      '4 forged requests change nothing',
      'AppDialRules.xml',
      { ...flooded(asker(a), asker(b, false, 'asked')), there: { a: 'have' } },
      '4 serve-there a',
    ],
    [
      '4 two homes, one proved, and it came by TCP',
      'AppDialRules.xml',
      tcp(asker(a, false, 'proved'), asker(b)),
      '4 ask-there a',
    ],
    [
      '4 two homes, one proved, and it came by the single port',
      'AppDialRules.xml',
      { ...at(asker(a, false, 'proved'), asker(b)), there: { a: 'have', b: 'have' } },
      '6 retry',
    ],
    [
      '4 a uuid is looked for in each home',
      uuid,
      { ...at(asker(a), asker(b)), there: { a: 'not-found' } },
      '4 ask-there b',
    ],
    ['4 a uuid is remembered', uuid, { ...at(asker(a)), uuidHome: b }, '4 ask-there b'],
    ['4 a uuid nobody has', uuid, { ...at(asker(a)), there: { a: 'not-found' } }, '6 not-found'],
    ['4 XMLDefault for ours', 'XMLDefault.cnf.xml', { ...at(asker(here)), here: 'have' }, '4 serve-here'],
    [
      '4 XMLDefault for nobody’s',
      'XMLDefault.cnf.xml',
      { ...at(asker(nowhere, false, 'asked')), here: 'have' },
      '6 not-found',
    ],
    [
      '4 … with auto-registration',
      'XMLDefault.cnf.xml',
      { ...at(asker(nowhere, false, 'asked')), here: 'have', autoRegistration: true },
      '4 serve-here',
    ],
    [
      '4 … while nobody knows',
      'XMLDefault.cnf.xml',
      { ...at(asker(unsettled)), here: 'have', autoRegistration: true },
      '6 retry',
    ],
    [
      '4 XMLDefault for a remote’s is the remote’s',
      'XMLDefault.cnf.xml',
      { ...at(asker(a)), here: 'have', autoRegistration: true },
      '4 ask-there a',
    ],

    [
      '5 the home’s rings',
      'Ringlist.xml.sgn',
      { ...at(asker(a)), there: { a: 'have' }, here: 'have' },
      '5 serve-there a',
    ],
    [
      '5 home lacks them, no evidence',
      'Ringlist.xml.sgn',
      { ...at(asker(a)), there: { a: 'not-found' }, here: 'have' },
      '6 not-found',
    ],
    [
      '5 home lacks them, evidence',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true)), there: { a: 'not-found' }, here: 'have' },
      '5 serve-here',
    ],
    [
      '5 home out of reach, evidence',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true)), there: { a: 'unreachable' } },
      '5 ask-here',
    ],
    [
      '5 home out of reach, no evidence',
      'Ringlist.xml.sgn',
      { ...at(asker(a)), there: { a: 'unreachable' }, here: 'have' },
      '6 retry',
    ],
    [
      '5 home out of reach, unsigned',
      'Ringlist.xml',
      { ...at(asker(a)), there: { a: 'unreachable' }, here: 'have' },
      '5 serve-here',
    ],
    [
      '5 nowhere to be had, home out of reach',
      'Ringlist.xml',
      { ...at(asker(a)), there: { a: 'unreachable' }, here: 'not-found' },
      '6 retry',
    ],
    [
      '5 common: local, evidence',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true)), common: 'local', here: 'have' },
      '5 serve-here',
    ],
    [
      '5 common: local, none here',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true)), common: 'local', here: 'not-found' },
      '5 ask-there a',
    ],
    [
      '5 common: local, no evidence',
      'Ringlist.xml.sgn',
      { ...at(asker(a)), common: 'local', here: 'have' },
      '5 ask-there a',
    ],
    [
      '5 two homes, both accept ours',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true), asker(b, true)), here: 'have' },
      '5 serve-here',
    ],
    [
      '5 two homes, one accepts ours',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true), asker(b)), here: 'have', there: { a: 'have' } },
      '6 retry',
    ],
    [
      '5 two homes, and none has it',
      'Ringlist.xml.sgn',
      { ...at(asker(a, true), asker(b)), here: 'have', there: { a: 'not-found', b: 'not-found' } },
      '6 not-found',
    ],
    ['5 two homes, unsigned', 'Ringlist.xml', { ...at(asker(a), asker(b)), here: 'have' }, '5 serve-here'],
    [
      '5 two homes, unsigned, none here',
      'Ringlist.xml',
      { ...at(asker(a), asker(b)), here: 'not-found', there: { a: 'have' } },
      '5 serve-there a',
    ],
    ['5 nobody known, signed', 'Ringlist.xml.sgn', { ...at(), here: 'have' }, '6 retry'],
    ['5 nobody known, unsigned', 'Ringlist.xml', { ...at(), here: 'have' }, '5 serve-here'],
    ['5 nobody’s device, unsigned', 'Ringlist.xml', { ...at(asker(nowhere)), here: 'have' }, '5 serve-here'],
    ['5 nobody’s device, signed', 'Ringlist.xml.sgn', { ...at(asker(nowhere)), here: 'have' }, '6 not-found'],
    ['5 ours for ours', 'Ringlist.xml.sgn', { ...at(asker(here)), here: 'have' }, '5 serve-here'],
  ])('%s', (_, name, given, expected) => {
    expect(words(decideOrigin(question(name, given)))).toBe(expected);
  });

  it('holds its rules in every state', () => {
    let states = 0;
    for (const state of everyState()) {
      states++;
      check(state, decideOrigin(state));
    }
    expect(states).toBeGreaterThan(200_000);
  }, 60_000);
});

const names = [
  'x.loads',
  config,
  'CTLSEP001122334455.tlv',
  'ITLFile.tlv',
  'CTLFile.tlv',
  'XMLDefault.cnf.xml',
  'AppDialRules.xml.sgn',
  uuid,
  'Ringlist.xml',
  'Ringlist.xml.sgn',
  'anything.txt',
];

function* everyState(): Generator<OriginQuestion> {
  const homes = [here, nowhere, unsettled, a, b];
  const some = homes.flatMap((home) =>
    (['proved', 'weak', 'asked'] as const).flatMap((proof) =>
      (home.kind === 'remote' ? [false, true] : [false]).map((covered) => asker(home, covered, proof)),
    ),
  );
  const groups: Asker[][] = [
    [],
    ...some.map((one) => [one]),
    ...some.flatMap((one, i) => some.slice(i + 1).map((other) => [one, other])),
  ];
  const floods = [
    { more: false, moreAsked: false },
    { more: true, moreAsked: false },
    { more: false, moreAsked: true },
  ];
  const byAddress = groups.flatMap((askers): Who[] =>
    floods.flatMap((flood) =>
      [false, true].map((overTcp) => ({ kind: 'address' as const, askers, ...flood, overTcp })),
    ),
  );
  const hereAnswers: (HereAnswer | undefined)[] = [undefined, 'have', 'not-found', 'retry'];
  const thereAnswers: There[] = [
    {},
    ...(['have', 'not-found', 'blocked', 'unreachable'] as const).flatMap((word) => [
      { a: word },
      { a: word, b: 'have' as const },
      { a: word, b: 'not-found' as const },
    ]),
  ];
  for (const name of names) {
    const isDevice = parseFileName(name).ok && /SEP/.test(name);
    const whos: readonly Who[] = isDevice ? homes.map((home) => ({ kind: 'device', home })) : byAddress;
    for (const who of whos)
      for (const hereAnswer of hereAnswers)
        for (const there of thereAnswers) {
          yield question(name, { who, here: hereAnswer, there, common: states(name) ? 'local' : 'auto' });
        }
    yield question(name, { fromPeer: true, who: whos[1] ?? { kind: 'device', home: a } });
  }
}

/** Half of the cosmetic names with the order turned round. */
function states(name: string): boolean {
  return name === 'Ringlist.xml.sgn';
}

/** What the table promises whatever is known: written from its text, not from the code. */
function check(state: OriginQuestion, action: OriginAction): void {
  const { name, who, here: mine, there, fromPeer } = state;
  const fail = (rule: string): never => {
    throw new Error(
      `${rule}: ${words(action)} for ${name.asked} ${JSON.stringify({ who, mine, there: [...there] })}`,
    );
  };
  const askers = who.kind === 'address' ? who.askers : [asker(who.home, false, 'proved')];
  const clusters = askers.flatMap(({ home }) => (home.kind === 'remote' ? [home.cluster] : []));
  const completed = askers.filter(({ proof }) => proof !== 'asked');
  const isList = name.kind === 'cluster-itl' || name.kind === 'cluster-ctl';

  if (fromPeer && action.kind !== 'ask-here') fail('a peer makes us ask nobody');
  // Progress.
  if (action.kind === 'ask-here' && mine !== undefined) fail('we are asked once');
  if (action.kind === 'ask-there' && there.has(action.cluster)) fail('a remote is asked once');
  if (action.kind === 'serve-here' && mine !== 'have') fail('what is served is there');
  if (action.kind === 'serve-there' && there.get(action.cluster) !== 'have') fail('what is served is there');
  // Nobody but a home is asked for its files.
  if ('cluster' in action && !clusters.includes(action.cluster)) fail('only a home is asked');
  // Never a foreign trust list.
  if (isList && action.kind === 'serve-here' && !askers.every(({ home }) => home.kind === 'here'))
    fail('row 3');
  if (isList && action.kind === 'serve-there' && !clusters.every((id) => id === action.cluster))
    fail('row 3');
  if (isList && action.kind === 'serve-there' && clusters.length < askers.length) fail('row 3');
  if (
    isList &&
    action.kind.startsWith('serve') &&
    (completed.length === 0 || (who.kind === 'address' && (who.more || who.moreAsked)))
  )
    fail('row 3');
  // A signature of ours only where everybody who may be asking accepts it.
  const mayAsk =
    who.kind === 'address' && who.overTcp && askers.some(({ proof }) => proof === 'proved')
      ? askers.filter(({ proof }) => proof === 'proved')
      : completed;
  if (
    name.kind === 'cosmetic' &&
    name.signed &&
    action.kind === 'serve-here' &&
    !mayAsk.every(({ home, covered }) => covered || home.kind === 'here')
  )
    fail('row 5');
  if (
    name.kind === 'cosmetic' &&
    name.signed &&
    action.kind === 'serve-there' &&
    !mayAsk.every(({ home }) => home.kind === 'remote' && home.cluster === action.cluster)
  )
    fail('row 5');
  // Rows 2 and 4: never ours for a device of somebody else.
  if ((name.kind === 'cluster-bound' && !isUuidName(name)) || name.kind === 'config' || name.kind === 'other')
    if (action.kind === 'serve-here' && !mayAsk.every(({ home }) => home.kind === 'here'))
      fail('rows 2 and 4');
  // Row 6: not-found is somebody's definite word.
  if (action.kind === 'not-found') {
    const mayAskAt = mayAsk.length > 0 ? mayAsk : askers;
    const homesWord = (home: Home): boolean =>
      (home.kind === 'here' && mine === 'not-found') ||
      home.kind === 'nowhere' ||
      (home.kind === 'remote' && there.get(home.cluster) === 'not-found');
    if (!askers.some(({ home }) => homesWord(home))) fail('a not-found is a home’s');
    const likely = completed.length > 0 ? completed : askers;
    if (isList && !likely.some(({ home }) => homesWord(home)))
      fail('row 3: who only asked counts for nobody');
    if (isList && likely.some(({ home }) => isSilent(home, there))) fail('row 3: a silent home may have it');
    if (name.kind === 'cluster-bound' && !isUuidName(name) && !mayAskAt.every(({ home }) => homesWord(home)))
      fail('row 4: a not-found is every home’s');
  }
}

function isSilent(home: Home, there: OriginQuestion['there']): boolean {
  if (home.kind !== 'remote') return home.kind === 'unsettled';
  const word = there.get(home.cluster);
  return word === undefined || word === 'unreachable' || word === 'blocked';
}
