import { describe, expect, it } from 'vitest';
import { addressMemoryMs, deliveryGrainMs, unansweredKeptMax } from '../../../../src/base/limits.ts';
import { anyOfOurs, BeliefSets, nothing, unknown } from '../../../../src/core/trust/belief.ts';
import {
  BeliefBook,
  type BookBounds,
  type Observation,
  type ServedList,
} from '../../../../src/core/trust/belief-book.ts';
import { pairsOf } from '../../../../src/core/trust/set-with-gaps.ts';
import { openToolCertificate } from '../../../helpers/open-tool-signers.ts';

const [desk, other] = ['SEP001122330001', 'SEP001122330002'];
const signer = openToolCertificate('callmanager');
const lists: readonly ServedList[] = [
  { kind: 'ctl', sha256: 'c1' },
  { kind: 'itl', sha256: 'i1' },
];

function seen(name: string, more: Partial<Observation> = {}): Observation {
  return {
    kind: 'delivered',
    name,
    address: '10.0.0.1',
    transport: 'http',
    proved: true,
    durationMs: 5,
    ...more,
  };
}

/** `believing`: the pairs that believe the signer of files. */
function newBook(believing: readonly string[] = ['c1/i1'], bounds?: BookBounds): BeliefBook {
  const book = new BeliefBook(
    new BeliefSets(),
    {
      asksForSigned: (key) => key !== nothing,
      believes: (key) => believing.includes(key) || key === unknown,
      narrowed: (key) => (key === 'c1/i1' && believing.includes('narrow') ? 'c1/i1+' : key),
      all: () => ['c1/i1', 'c0/i0'],
    },
    [],
    [],
    bounds,
  );
  book.knowDevices((name) => [desk, other].includes(name));
  return book;
}

function pairs(book: BeliefBook, name: string): readonly string[] {
  const belief = book.find(name);
  return belief === undefined ? [] : book.sets.pairs(belief.set);
}

function boot(book: BeliefBook, name: string, more: Partial<Observation> = {}, nowMs = 0): void {
  book.observe(seen(`CTL${name}.tlv`, { kind: 'asked', ...more }), { lists }, nowMs);
  book.observe(seen('CTLFile.tlv', more), { lists }, nowMs);
  book.observe(seen('ITLFile.tlv', more), { lists }, nowMs);
  book.observe(seen(`${name}.cnf.xml.sgn`, more), { lists }, nowMs);
}

const all = [unknown, '/i1', 'c1/', 'c1/i1'].toSorted();

describe('the book of beliefs', () => {
  it('gives a list fetched from an address to the phone that was seen there', () => {
    const book = newBook();
    boot(book, desk);
    expect(pairs(book, desk)).toEqual(all);
    expect(book.find(desk)).toMatchObject({ address: '10.0.0.1', unansweredConfigs: 1 });
    expect(book.find(desk)?.deliveries.map(({ sha256, how }) => [sha256, how])).toEqual([
      ['c1', 'tcp'],
      ['i1', 'tcp'],
    ]);
  });

  it('and to one that is seen there later, for a day', () => {
    const book = newBook();
    book.observe(seen('ITLFile.tlv'), { lists }, 0);
    book.observe(seen(`${desk}.cnf.xml.sgn`), { lists }, addressMemoryMs);
    expect(pairs(book, desk)).toEqual([unknown, '/i1'].toSorted());
    book.observe(seen(`${other}.cnf.xml.sgn`), { lists }, addressMemoryMs + 1);
    expect(pairs(book, other)).toEqual([unknown]);
  });

  it('gives it to every phone behind a NAT address, and to nobody elsewhere', () => {
    const book = newBook();
    book.observe(seen(`${desk}.cnf.xml.sgn`), { lists }, 0);
    book.observe(seen(`${other}.cnf.xml.sgn`, { address: '10.0.0.2' }), { lists }, 0);
    book.observe(seen('ITLFile.tlv'), { lists }, 0);
    expect(pairs(book, desk)).toContain('/i1');
    expect(pairs(book, other)).toEqual([unknown]);
    book.observe(seen(`${other}.cnf.xml.sgn`), { lists }, 1);
    expect(pairs(book, other)).toContain('/i1');
  });

  it('takes a list under the name of one phone for that phone alone', () => {
    const book = newBook();
    boot(book, other);
    book.observe(seen(`ITL${desk}.tlv`), { lists: [{ kind: 'itl', sha256: 'i2' }] }, 0);
    expect(pairs(book, desk)).toContain('/i2');
    expect(pairs(book, other)).not.toContain('/i2');
  });

  it('counts nothing that was asked for and not delivered', () => {
    const book = newBook();
    book.observe(seen(`CTL${desk}.tlv`, { kind: 'asked' }), { lists }, 0);
    book.observe(seen('ITLFile.tlv', { kind: 'asked' }), { lists }, 0);
    expect(pairs(book, desk)).toEqual([unknown]);
  });

  it('keeps names that are no device as one number', () => {
    const book = newBook();
    for (let number = 0; number < 5; number++) boot(book, `SEP00AA0000000${number}`);
    expect(book.strangers).toBe(5);
    expect(book.takeChanged(10)).toEqual([]);
  });

  it('disproves by a sign of belief from the address that speaks for the phone alone', () => {
    const book = newBook();
    boot(book, desk);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual(['c1/i1']);
    expect(book.find(desk)).toMatchObject({ provedMs: 7, unansweredConfigs: 0 });
  });

  it('takes from a file that a TVS may have vouched for that the phone refuses nothing, and no more', () => {
    const book = newBook();
    boot(book, desk);
    const { set } = book.find(desk) ?? {};
    book.tookFile(desk, '10.0.0.9', 7);
    expect(book.find(desk)).toMatchObject({ set, unansweredConfigs: 1 });
    book.tookFile(desk, '10.0.0.1', 7);
    expect(book.find(desk)).toMatchObject({ set, provedMs: undefined, unansweredConfigs: 0, unanswered: [] });
    expect(book.find(desk)?.showed).toBeUndefined();
  });

  it('keeps {unknown} where no list of ours explains what a phone believes', () => {
    const book = newBook([]);
    boot(book, desk);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual([unknown]);
  });

  it('notes what a sign of belief says of a pair beyond that it is there, also of what is taken later', () => {
    const book = newBook(['c1/i1', 'narrow']);
    boot(book, desk);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual(['c1/i1+']);
    book.observe(seen('ITLFile.tlv'), { lists: [{ kind: 'itl', sha256: 'i2' }] }, 8);
    expect(pairs(book, desk)).toEqual(['c1/i1+', 'c1/i2+']);
  });

  it('writes "any of ours" out before it disproves a part of it', () => {
    const book = newBook();
    book.addGap([anyOfOurs], 0);
    boot(book, desk);
    expect(pairs(book, desk)).toContain(anyOfOurs);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual(['c1/i1']);
  });

  it('believes no behaviour from an address that names two phones', () => {
    const book = newBook();
    boot(book, desk);
    boot(book, other);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual(all);
  });

  it('but does after a day in which the second one was not heard there', () => {
    const book = newBook();
    boot(book, other);
    boot(book, desk, {}, addressMemoryMs + 1);
    book.showedBelief(desk, '10.0.0.1', signer, addressMemoryMs + 2);
    expect(pairs(book, desk)).toEqual(['c1/i1']);
  });

  it('believes neither of two addresses that each claim the phone, until one is gone for a day', () => {
    const book = newBook();
    boot(book, desk);
    boot(book, desk, { address: '10.0.0.9' }, 1);
    for (const address of ['10.0.0.1', '10.0.0.9']) book.showedBelief(desk, address, signer, 2);
    expect(pairs(book, desk)).toEqual(all);
    boot(book, desk, {}, addressMemoryMs + 2);
    book.showedBelief(desk, '10.0.0.1', signer, addressMemoryMs + 3);
    expect(pairs(book, desk)).toEqual(['c1/i1']);
  });

  it('lets nobody forge the company of a phone, or its claim', () => {
    const book = newBook();
    boot(book, desk);
    const forged = { transport: 'tftp', proved: false } as const;
    boot(book, other, forged, 1);
    boot(book, desk, { ...forged, address: '10.0.0.9' }, 1);
    book.showedBelief(desk, '10.0.0.1', signer, 2);
    expect(pairs(book, desk)).toEqual(['c1/i1']);
  });

  it('believes no behaviour over a port where the sender can be forged', () => {
    const book = newBook();
    boot(book, desk, { transport: 'tftp', proved: false });
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual(all);
  });

  it('disproves "nothing" by a name that asks for a signature, and adds it by one that does not', () => {
    const book = newBook();
    book.observe(seen(`${desk}.cnf.xml`), { lists }, 0);
    expect(pairs(book, desk)).toEqual([nothing, unknown]);
    book.observe(seen(`${desk}.cnf.xml`, { transport: 'https' }), { lists }, 0);
    book.observe(
      seen(`${desk}.cnf.xml.sgn`, { kind: 'asked', proved: false, transport: 'tftp' }),
      { lists },
      0,
    );
    expect(pairs(book, desk)).toEqual([nothing, unknown]);
    book.observe(seen(`${desk}.cnf.xml.enc.sgn`, { kind: 'asked' }), { lists }, 0);
    expect(pairs(book, desk)).toEqual([unknown]);
  });

  it('adds a gap to everybody, also to who was disproved before', () => {
    const book = newBook();
    boot(book, desk);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    book.addGap(pairsOf([{ kind: 'itl', sha256: 'i9' }]), 8);
    book.addGap([], 8);
    book.observe(seen(`${desk}.cnf.xml.sgn`), { lists }, 9);
    // It may have taken this list, and refused what else it was given.
    expect(pairs(book, desk)).toEqual(['/i9', 'c1/i1', 'c1/i9']);
    book.observe(seen(`${other}.cnf.xml.sgn`, { address: '10.0.0.2' }), { lists }, 9);
    expect(pairs(book, other)).toEqual([unknown, '/i9'].toSorted());
    expect(book.gaps.map(({ number }) => number)).toEqual([1]);
  });

  it('tells which lists left for addresses where no phone was seen', () => {
    const book = newBook();
    book.observe(seen('ITLFile.tlv'), { lists }, 0);
    expect(book.unattributed()).toEqual([{ kind: 'itl', sha256: 'i1' }]);
    book.observe(seen(`${desk}.cnf.xml.sgn`), { lists }, 0);
    expect(book.unattributed()).toEqual([]);
  });

  it('tells each change once, so many at a time', () => {
    const book = newBook();
    boot(book, desk);
    boot(book, other, { address: '10.0.0.2' });
    expect(book.takeChanged(1).map(({ name }) => name)).toEqual([desk]);
    expect(book.hasChanged).toBe(true);
    expect(book.takeChanged(9).map(({ name }) => name)).toEqual([other]);
    expect(book.hasChanged).toBe(false);
  });

  it('hears no sign of belief from where nobody was', () => {
    const book = newBook();
    boot(book, desk);
    book.showedBelief(desk, '10.0.0.7', signer, 7);
    book.showedBelief(other, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual(all);
    expect(book.find(other)).toBeUndefined();
  });

  it('takes the unknown away for a list of ours alone: who holds nothing believes everybody', () => {
    const book = newBook([nothing]);
    book.observe(seen(`${desk}.cnf.xml`), { lists }, 0);
    book.observe(seen('ITLFile.tlv'), { lists }, 0);
    book.showedBelief(desk, '10.0.0.1', signer, 7);
    expect(pairs(book, desk)).toEqual([nothing, unknown]);
    book.addGap([anyOfOurs], 8);
    book.observe(seen(`CTL${desk}.tlv`, { kind: 'asked' }), { lists }, 9);
    book.showedBelief(desk, '10.0.0.1', signer, 9);
    expect(pairs(book, desk)).toEqual([nothing, unknown]);
  });

  it('adds a list that comes again after it was disproved, and tells nothing when nothing is new', () => {
    const believing = ['c1/i1'];
    const book = newBook(believing);
    boot(book, desk);
    book.showedBelief(desk, '10.0.0.1', signer, 1);
    book.observe(seen('ITLFile.tlv'), { lists: [{ kind: 'itl', sha256: 'i2' }] }, 2);
    believing[0] = 'c1/i2';
    book.showedBelief(desk, '10.0.0.1', signer, 3);
    expect(pairs(book, desk)).toEqual(['c1/i2']);
    book.takeChanged(9);
    book.observe(seen('ITLFile.tlv'), { lists }, 4);
    expect(pairs(book, desk)).toEqual(['c1/i1', 'c1/i2']);
    expect(book.takeChanged(9)).toHaveLength(1);
    book.observe(seen('ITLFile.tlv'), { lists }, 5);
    expect(book.takeChanged(9)).toEqual([]);
    expect(book.find(desk)?.deliveries.map(({ sha256 }) => sha256)).toEqual(['c1', 'i1', 'i2']);
  });

  it('remembers so many phones behind one address; one more gets its lists when it asks', () => {
    const book = newBook(['c1/i1'], { addresses: 9, devicesPerAddress: 1 });
    for (const name of [desk, other]) book.observe(seen(`${name}.cnf.xml.sgn`), { lists }, 0);
    book.observe(seen('ITLFile.tlv'), { lists }, 1);
    expect(pairs(book, desk)).toContain('/i1');
    expect(pairs(book, other)).toEqual([unknown]);
    book.observe(seen(`${other}.cnf.xml.sgn`), { lists }, 2);
    expect(pairs(book, other)).toContain('/i1');
  });

  it('a phone that shared an address claims nothing there, and is believed at one of its own', () => {
    const book = newBook();
    boot(book, other);
    boot(book, desk, {}, 1);
    boot(book, desk, { address: '10.0.0.2' }, 2);
    book.showedBelief(desk, '10.0.0.2', signer, 3);
    expect(pairs(book, desk)).toEqual(['c1/i1']);
  });

  it('what went to an address that is forgotten, and to no phone there, may be anywhere: once', () => {
    const book = newBook(['c1/i1'], { addresses: 1, devicesPerAddress: 9 });
    const from = (address: string): Partial<Observation> => ({ address });
    boot(book, desk, from('10.0.0.1'));
    book.observe(seen('ITLFile.tlv', from('10.0.0.2')), { lists }, 1);
    // The first one had its phone, which was given the lists.
    expect(book.gaps).toEqual([]);
    book.observe(seen('ITLFile.tlv', from('10.0.0.3')), { lists }, 2);
    expect(book.gaps.map((gap) => gap.pairs)).toEqual([['/i1']]);
    book.observe(seen('Ringlist.xml', from('10.0.0.4')), { lists }, 3);
    book.observe(seen('Ringlist.xml', from('10.0.0.5')), { lists }, 4);
    expect(book.gaps).toHaveLength(1);
  });

  it('keeps the last configurations that a phone left unanswered, and by whom they were signed, until it shows belief', () => {
    const book = newBook();
    const config = `${desk}.cnf.xml.sgn`;
    for (let at = 0; at <= unansweredKeptMax; at++)
      book.observe(seen(config), { lists, fileSigner: `signer ${at}` }, at);
    book.observe(seen(config, { kind: 'asked' }), { lists }, 90);
    book.observe(seen(config, { transport: 'https' }), { lists }, 91);
    expect(book.find(desk)?.unansweredConfigs).toBe(unansweredKeptMax + 1);
    expect(book.find(desk)?.unanswered).toEqual(
      Array.from({ length: unansweredKeptMax }, (_, at) => ({ atMs: at + 1, signer: `signer ${at + 1}` })),
    );
    boot(book, desk, {}, 92);
    expect(book.find(desk)?.showed).toBeUndefined();
    book.showedBelief(desk, '10.0.0.1', signer, 93);
    expect(book.find(desk)).toMatchObject({
      showed: { signer: signer.fingerprint, atMs: 93 },
      unanswered: [],
      unansweredConfigs: 0,
    });
  });

  it('notes the first proved delivery of a list in the place of one that could be forged, and never back', () => {
    const book = newBook();
    const list = (proved: boolean, nowMs: number) =>
      book.observe(seen(`ITL${desk}.tlv`, { transport: 'tftp', proved }), { lists }, nowMs);
    const noted = () => book.find(desk)?.deliveries;
    const itl = { kind: 'itl', sha256: 'i1' };
    list(false, 1);
    expect(noted()).toEqual([{ ...itl, how: 'single-port', sinceMs: 1, lastMs: 1 }]);
    list(true, 5);
    const proved = { ...itl, how: 'transfer-port', sinceMs: 5 };
    expect(noted()).toEqual([{ ...proved, lastMs: 5 }]);
    list(false, 6);
    expect(noted()).toEqual([{ ...proved, lastMs: 5 }]);
    list(false, 5 + deliveryGrainMs + 1);
    expect(noted()).toEqual([{ ...proved, lastMs: 5 + deliveryGrainMs + 1 }]);
  });

  it('notes when a list was delivered last, to a minute, and when first', () => {
    const book = newBook();
    boot(book, desk);
    book.takeChanged(9);
    book.observe(seen('ITLFile.tlv'), { lists }, deliveryGrainMs);
    expect(book.takeChanged(9)).toEqual([]);
    book.observe(seen('ITLFile.tlv'), { lists }, deliveryGrainMs + 1);
    expect(book.find(desk)?.deliveries).toEqual([
      { kind: 'ctl', sha256: 'c1', sinceMs: 0, lastMs: 0, how: 'tcp' },
      { kind: 'itl', sha256: 'i1', sinceMs: 0, lastMs: deliveryGrainMs + 1, how: 'tcp' },
    ]);
    expect(book.takeChanged(9)).toHaveLength(1);
  });
});
