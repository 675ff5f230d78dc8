/** What a completed TLS handshake says of the lists of a phone that named itself: pairs × server × TVS in reach. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deliveriesPerDeviceMax, deliveryGrainMs, nodeClockSkewMs } from '../../../../src/base/limits.ts';
import { handshakeGrainMs, listTakenWithinMs } from '../../../../src/base/limits-handshake.ts';
import type { PublishedList } from '../../../../src/core/cluster/model.ts';
import { anyOfOurs, BeliefSets, nothing, taking, unknown } from '../../../../src/core/trust/belief.ts';
import { BeliefBook, type Delivery } from '../../../../src/core/trust/belief-book.ts';
import { mayHaveForgotten, remembered } from '../../../../src/core/trust/deliveries.ts';
import {
  explainHandshake,
  explainsHandshake,
  keptByHandshake,
  readShownServer,
  setAfterHandshake,
  undecidedSince,
  withHandshake,
  type Explanation,
  type Handshake,
  type ShownServer,
} from '../../../../src/core/trust/handshake.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { a, b, ctlRecords, itlRecords, role, stranger, subject } from '../../../helpers/clusters.ts';
import { now, party, record, trustList, type Party } from '../../../helpers/trust-builder.ts';
import { row } from '../../../helpers/tvs-peer.ts';

const crypto = createVerifier();
/** The next TVS has the name of the one before, as renewed ones do; so has the next server of files. */
const tvsNext = party({ key: 'tvs-b', subject: subject('tvs-a'), serial: '0a0a0013' });
const ec = party({ key: 'curve', subject: subject('cucm-a-EC'), serial: '0a0a0004' });
const ecNext = party({ key: 'stranger', subject: subject('cucm-a-EC'), serial: '0a0a0014' });
const ours = itlRecords(a);
const [tvsRecord, ecRecord] = [
  record({ role: role.tvs, of: tvsNext }),
  record({ role: role.tftp, of: ecNext }),
];

function list(kind: 'itl' | 'ctl', generation: number, records: readonly Buffer[]): PublishedList {
  const as = kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
  const bytes = trustList({ by: a.sast, as, timestamp: now + generation, records });
  const sha256 = Buffer.from(crypto.digest('sha256', bytes)).toString('hex');
  return { generation, kind, node: 'n', bytes, signer: '', sha256, timestamp: now, publishedMs: 0 };
}

const lists = {
  ctl: list('ctl', 1, ctlRecords(a)),
  /** Names the first TVS and the first server of files. */
  old: list('itl', 1, [...ours, record({ role: role.tftp, of: ec })]),
  /** Names the next ones, too. */
  both: list('itl', 2, [...ours, record({ role: role.tftp, of: ec }), tvsRecord, ecRecord]),
  elsewhere: list('itl', 3, itlRecords(b)),
  rollback: list('itl', 4, [record({ role: role.sast, of: a.sast })]),
  noTvs: list('itl', 5, ours.slice(0, 3)),
  bare: list('itl', 6, [...ours.slice(0, 3), record({ role: role.tvs, of: a.tvs, certificate: null })]),
  /** The name and number of the next TVS under another key, and without a key. */
  otherKey: list('itl', 7, [
    ...ours,
    record({ role: role.app, of: party({ ...of(tvsNext), key: 'tvs-a' }) }),
  ]),
  nameOnly: list('itl', 8, [...ours, record({ role: role.app, of: tvsNext, certificate: null })]),
};
const library = new ListLibrary(crypto, Object.values(lists));

function of({ subject: name, serial }: Party) {
  return { subject: name, serial: serial.toString('hex') };
}

function key(itl: keyof typeof lists | '', ctl = ''): string {
  return `${ctl}/${itl === '' ? '' : lists[itl].sha256}`;
}

function shown(service: 'tvs' | 'https', server: Party, silent: readonly Party[] = []): ShownServer {
  const facts = ({ der }: Party) => {
    const read = crypto.readCertificate(der);
    if (read === undefined) throw new Error('no certificate');
    return read;
  };
  const silentTvs = new Set(silent.map((each) => facts(each).fingerprint));
  return { service, certificate: facts(server), silentTvs };
}

function explain(pair: string, server: ShownServer): Explanation {
  return explainHandshake(library.held(pair), server);
}

describe('does a pair explain that the phone took the certificate?', () => {
  const ctl = lists.ctl.sha256;
  test.each<[string, string, Explanation]>([
    ['the list before its renewal', key('old'), 'none'],
    ['that list behind a CTL, whether the phone looks into it or not', key('old', ctl), 'none'],
    ['and of a phone that is known to look', `${key('old', ctl)}+`, 'none'],
    ['a CTL alone: it names no TVS', key('', ctl), 'none'],
    ['the list that names it', key('both'), 'names'],
    ['that list behind a CTL', key('both', ctl), 'names'],
    ['a list of another cluster', key('elsewhere'), 'names'],
    ['no list: nobody knows what such a phone asks of a server', nothing, 'open'],
    ['a list for a rollback', key('rollback'), 'open'],
    ['what nobody knows', unknown, 'open'],
    ['a list that is none of ours', '/gone', 'open'],
    ['its issuer and serial under another key', key('otherKey'), 'open'],
    ['its issuer and serial without a key', key('nameOnly'), 'open'],
  ])('of a TVS: %s', (_what, pair, explanation) => {
    // Cluster B's TVS has the very key of ours here: what a list calls it does not matter.
    expect(explain(pair, shown('tvs', tvsNext))).toBe(explanation);
  });

  test.each<[string, string, readonly Party[], Explanation]>([
    ['a list before its renewal, whose TVS knows it', key('old'), [], 'open'],
    ['behind a CTL the same', key('old', ctl), [], 'open'],
    ['that list when its TVS had gone before', key('old'), [a.tvs], 'none'],
    ['a list whose one TVS had gone, and whose other one had not', key('both'), [a.tvs], 'names'],
    ['a list without a TVS', key('noTvs'), [], 'none'],
    ['a TVS of which the list has no certificate', key('bare'), [a.tvs], 'open'],
    ['a CTL alone', key('', ctl), [], 'none'],
    ['no list', nothing, [], 'open'],
  ])('of the server of files: %s', (_what, pair, silent, explanation) => {
    expect(explain(pair, shown('https', ecNext, silent))).toBe(explanation);
  });

  test('a TVS vouches for no TVS', () => {
    expect(explain(key('old'), shown('tvs', ecNext))).toBe('none');
  });

  test('of a certificate by somebody else the list that names its issuer explains it, and no other', () => {
    const issued = party({
      key: 'stranger',
      subject: subject('tvs-b'),
      issuer: subject('tvs-a'),
      issuerKey: 'tvs-a',
      serial: '0d01',
    });
    expect(explain(key('old'), shown('tvs', issued))).toBe('open');
    expect(explain(key('elsewhere'), shown('tvs', issued))).toBe('none');
  });

  test('is asked of the library once for each pair', () => {
    let asked = 0;
    const counted = {
      held: (pair: string) => (asked++, library.held(pair)),
      allPairs: () => [key('old')],
    };
    const explains = explainsHandshake(counted, shown('tvs', tvsNext));
    expect([explains.explain(key('both')), explains.explain(key('both'))]).toEqual(['names', 'names']);
    expect([asked, explains.all()]).toEqual([1, [key('old')]]);
  });
});

describe('whose certificate it was', () => {
  const server = row(ecNext, 'tftp-ec', { addedMs: 10 * nodeClockSkewMs });
  const gone = (retiredMs: number) => row(a.tvs, 'tvs', { retiredMs });
  const fingerprint = server.fingerprint;

  test('is one of ours for that service, retired or not', () => {
    expect(readShownServer(crypto, [server], { service: 'https', server: fingerprint })).toMatchObject({
      service: 'https',
      certificate: { fingerprint },
      silentTvs: new Set(),
    });
    const retired = { ...server, retiredMs: 1 };
    expect(readShownServer(crypto, [retired], { service: 'https', server: fingerprint })).toBeDefined();
  });

  test('else it says nothing', () => {
    for (const rows of [
      [],
      [row(ecNext, 'tvs')],
      [row(ecNext, 'callmanager-trust')],
      [row(ec, 'tftp-ec')],
      [{ ...server, store: 'tomcat-trust' as const }],
      [{ ...server, der: new Uint8Array(3) }],
    ])
      expect(readShownServer(crypto, rows, { service: 'https', server: fingerprint })).toBeUndefined();
    expect(readShownServer(crypto, [server], { service: 'tvs', server: fingerprint })).toBeUndefined();
  });

  test('a TVS that had gone before it was there never vouched for it, by whatever clock', () => {
    const silent = (retired: ReturnType<typeof gone>) =>
      readShownServer(crypto, [retired, server], { service: 'https', server: fingerprint })?.silentTvs.size;
    expect(silent(gone(9 * nodeClockSkewMs - 1))).toBe(1);
    expect(silent(gone(9 * nodeClockSkewMs))).toBe(0);
    expect(silent({ ...gone(1), retiredMs: undefined })).toBe(0);
    expect(silent({ ...gone(1), store: 'tvs-trust' })).toBe(0);
    expect(silent({ ...gone(1), purpose: 'capf' })).toBe(0);
  });
});

const explains = (none: readonly string[], names: readonly string[] = []) => ({
  explain: (pair: string): Explanation =>
    none.includes(pair) ? 'none' : names.includes(pair) ? 'names' : 'open',
  all: () => ['/1', '/2'],
});

describe('what a phone may hold afterwards', () => {
  const sets = new BeliefSets();
  const kept = (pairs: readonly string[], service: 'tvs' | 'https', by: ReturnType<typeof explains>) =>
    sets.pairs(keptByHandshake(sets, sets.of(pairs), service, by));

  test('pairs that explain it, and the unknown unless a list of ours names the TVS', () => {
    const pairs = ['/1', '/2', nothing, unknown];
    expect(kept(pairs, 'tvs', explains(['/1']))).toEqual([nothing, '/2', unknown]);
    expect(kept(pairs, 'tvs', explains(['/1'], ['/2']))).toEqual([nothing, '/2']);
    expect(kept(pairs, 'https', explains(['/1'], ['/2']))).toEqual([nothing, '/2', unknown]);
  });

  test('what no pair explains is unknown, never nothing at all', () => {
    expect(kept(['/1', '/2'], 'tvs', explains(['/1', '/2']))).toEqual([unknown]);
    expect(kept(['/1', unknown], 'tvs', explains(['/1']))).toEqual([unknown]);
  });

  test('"any of ours" is written out before a part of it is disproved, and only then', () => {
    expect(kept([anyOfOurs, unknown], 'tvs', explains(['/1'], ['/2']))).toEqual(['/2']);
    expect(kept([anyOfOurs, unknown], 'tvs', explains([]))).toEqual([anyOfOurs, unknown]);
  });

  const handshake: Handshake = { service: 'tvs', server: 'aa', atMs: 1_000_000 };
  const sinceMs = undecidedSince(handshake);
  const given = (sha256: string, lastMs?: number): Delivery => {
    return { kind: 'itl', sha256, sinceMs: 0, ...(lastMs !== undefined && { lastMs }), how: 'tcp' };
  };
  const after = (deliveries: readonly Delivery[], gapMs = 0) =>
    sets.pairs(
      setAfterHandshake(
        sets,
        { set: sets.of(['c/1', 'c/2']), deliveries },
        [{ number: 4, atMs: gapMs, pairs: ['/3'] }],
        handshake,
        explains(['c/1'], ['c/2']),
      ),
    );

  test('a list that it was given a moment before it may have taken only after it', () => {
    expect(sinceMs).toBe(1_000_000 - listTakenWithinMs - deliveryGrainMs);
    expect(after([given('1', sinceMs - 1)])).toEqual(['c/2']);
    expect(after([given('1', sinceMs)])).toEqual(['c/1', 'c/2']);
    // Of an older program: nobody knows when.
    expect(after([given('1')])).toEqual(['c/1', 'c/2']);
    expect(after([], sinceMs - 1)).toEqual(['c/2']);
    expect(after([], sinceMs)).toEqual(['/3', 'c/2', 'c/3']);
  });

  test('who was given as many lists as are remembered may have been given more', () => {
    const many = Array.from({ length: deliveriesPerDeviceMax }, (_, at) => given(`9${at}`, sinceMs));
    expect(mayHaveForgotten(many, sinceMs)).toBe(true);
    expect(after(many)).toEqual(['c/1', 'c/2']);
    expect(mayHaveForgotten(many.slice(1), sinceMs)).toBe(false);
    expect(mayHaveForgotten([...many.slice(1), given('0', sinceMs - 1)], sinceMs)).toBe(false);
  });

  test('a set that it says nothing of is itself, whatever was given', () => {
    const set = sets.of(['c/2', unknown]);
    const known = { set, deliveries: [given('7', sinceMs)] };
    expect(setAfterHandshake(sets, known, [], handshake, explains([]))).toBe(set);
  });

  test('the list that was given the longest time ago is forgotten first', () => {
    const some = Array.from({ length: deliveriesPerDeviceMax }, (_, at) => given(`${at}`, 10 + at));
    expect(remembered(some)).toBe(some);
    const [first, second, ...rest] = [...some, given('new', 99)];
    if (first === undefined || second === undefined) throw new Error('there are more');
    expect(remembered([{ ...first, lastMs: 50 }, second, ...rest]).map(({ sha256 }) => sha256)).not.toContain(
      '1',
    );
    expect(remembered([first, second, ...rest])).toEqual([second, ...rest]);
    // Undated: as old as its first delivery.
    expect(
      remembered([first, { ...given('1'), sinceMs: 1 }, ...rest]).map(({ sha256 }) => sha256),
    ).not.toContain('1');
  });
});

test('the last handshake with each kind of server is kept, and once in a while', () => {
  const made = (service: 'tvs' | 'https', server: string, atMs: number): Handshake => ({
    service,
    server,
    atMs,
  });
  const first = withHandshake(undefined, made('tvs', 'aa', 5));
  expect(first).toEqual([made('tvs', 'aa', 5)]);
  expect(withHandshake(first, made('tvs', 'aa', 4 + handshakeGrainMs))).toBe(first);
  expect(withHandshake(first, made('tvs', 'aa', 5 + handshakeGrainMs))).toEqual([
    made('tvs', 'aa', 5 + handshakeGrainMs),
  ]);
  expect(withHandshake(first, made('tvs', 'bb', 6))).toEqual([made('tvs', 'bb', 6)]);
  expect(withHandshake(first, made('https', 'aa', 6))).toEqual([
    made('tvs', 'aa', 5),
    made('https', 'aa', 6),
  ]);
  expect(withHandshake([], made('tvs', 'aa', 5))).toEqual(first);
});

describe('the book of beliefs', () => {
  const desk = 'SEP001122330001';
  const asks = {
    asksForSigned: () => true,
    believes: () => true,
    narrowed: (pair: string) => pair,
    all: () => [],
  };

  function bookOf(pairs: readonly string[]): BeliefBook {
    const sets = new BeliefSets(1_000);
    const known = {
      name: desk,
      set: sets.of(pairs),
      address: '10.0.0.1',
      heardMs: 1,
      deliveries: [],
      provedMs: undefined,
      unansweredConfigs: 0,
      gap: 0,
    };
    const book = new BeliefBook(sets, asks, [known], []);
    book.knowDevices((name) => name === desk);
    return book;
  }

  function mayHold(book: BeliefBook): readonly string[] {
    const belief = book.find(desk);
    return belief === undefined ? [] : book.sets.pairs(belief.set);
  }

  const handshake: Handshake = { service: 'tvs', server: 'aa', atMs: 9 };

  test('takes away what does not explain it, notes with whom, and says nothing of who was not heard of', () => {
    const book = bookOf(['/1', '/2']);
    book.shookHands(desk, handshake, explains(['/1']));
    expect(mayHold(book)).toEqual(['/2']);
    expect(book.find(desk)).toMatchObject({ handshakes: [handshake], provedMs: undefined, heardMs: 1 });
    expect(book.takeChanged(9)).toHaveLength(1);
    book.shookHands(desk, { ...handshake, atMs: 10 }, explains(['/1']));
    expect(book.takeChanged(9)).toEqual([]);
    book.shookHands(desk, { ...handshake, atMs: 10 }, explains(['/2']));
    expect(book.takeChanged(9)).toHaveLength(1);
    book.shookHands('SEP001122330002', handshake, explains(['/1']));
    expect(book.find('SEP001122330002')).toBeUndefined();
  });

  test('property: what a phone holds is always a member, whenever it takes what it was given', () => {
    const names = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'];
    const event = fc.record({
      afterMs: fc.constantFrom(1, 20_000, 100_000, 400_000, 400_000, 400_000),
      what: fc.constantFrom('give', 'give', 'shake', 'shake'),
      kind: fc.constantFrom('itl' as const, 'itl' as const, 'ctl' as const),
      number: fc.constantFrom(...names),
      /** After so long it takes the list; undefined: never. */
      takesMs: fc.constantFrom(undefined, 0, 30_000, listTakenWithinMs),
      server: fc.constantFrom('1', '2', '3'),
    });
    let disproved = 0;
    fc.assert(
      fc.property(fc.array(event, { minLength: 20, maxLength: 40 }), (history) => {
        const book = bookOf([nothing]);
        let held = nothing;
        let nowMs = 1_000_000;
        let pending: { readonly atMs: number; readonly take: () => void }[] = [];
        for (const { afterMs, what, kind, number, takesMs, server } of history) {
          const sha256 = kind === 'itl' ? number : `c${Number(number) % 3}`;
          nowMs += afterMs;
          const due = pending.filter(({ atMs }) => atMs <= nowMs).toSorted((x, y) => x.atMs - y.atMs);
          pending = pending.filter(({ atMs }) => atMs > nowMs);
          for (const { take } of due) take();
          if (what === 'give') {
            const name = kind === 'itl' ? `ITL${desk}.tlv` : `CTL${desk}.tlv`;
            const seen = {
              kind: 'delivered',
              name,
              address: '10.0.0.1',
              transport: 'http',
              proved: true,
            } as const;
            book.observe({ ...seen, durationMs: 1 }, { lists: [{ kind, sha256 }] }, nowMs);
            if (takesMs !== undefined)
              pending.push({ atMs: nowMs + takesMs, take: () => (held = taking(held, kind, sha256)) });
          } else {
            // Lists whose number the server's divides name it; who holds no ITL takes nobody.
            const accepts = (pair: string): boolean =>
              !pair.endsWith('/') && Number(pair.split('/')[1]) % Number(server) === 0;
            const by = {
              explain: (pair: string): Explanation =>
                pair === unknown ? 'open' : accepts(pair) ? 'names' : 'none',
              all: () => [],
            };
            if (accepts(held)) {
              const before = book.find(desk)?.set;
              book.shookHands(desk, { service: 'tvs', server, atMs: nowMs }, by);
              if (book.find(desk)?.set !== before) disproved++;
            }
          }
          expect(mayHold(book)).toContain(held);
        }
      }),
      { seed: 12, numRuns: 150 },
    );
    expect(disproved).toBeGreaterThan(50);
  });
});

test('a stranger with the name of the TVS is not the TVS', () => {
  expect(explain(key('both'), shown('tvs', party({ ...of(stranger), key: 'short' })))).toBe('none');
});
