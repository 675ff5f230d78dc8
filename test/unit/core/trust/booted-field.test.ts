import { describe, expect, it } from 'vitest';
import { bootedField } from '../../../../src/core/trust/booted-field.ts';
import { anyOfOurs, unknown } from '../../../../src/core/trust/belief.ts';
import { ListLibrary } from '../../../../src/core/trust/list-library.ts';
import { atEveryNode, RoadFinder, type FieldGroup } from '../../../../src/core/trust/strand.ts';
import { a, b } from '../../../helpers/clusters.ts';
import { crypto, list, served } from '../../../helpers/strand-lists.ts';

const itlA = list('itl', 1, a);
const ctlA = list('ctl', 1, a);
const itlB = list('itl', 2, b);
const library = new ListLibrary(crypto, [itlA, ctlA, itlB]);
const phones = [{ name: 'P', heardMs: 1 }];
const group = (...pairs: readonly string[]): FieldGroup => ({ pairs, readsSha512: true, phones });

describe('a field after a boot', () => {
  it('holds what it took, and what it had where it took nothing', async () => {
    const withA = await served([itlA, ctlA], a.callmanager);
    const withB = await served([itlB], b.callmanager);
    const judge = new RoadFinder(crypto, library, { before: withA, after: withB });
    const full = `${ctlA.sha256}/${itlA.sha256}`;
    expect(bootedField(judge, library, [group('/')], 'before')).toEqual([group(full)]);
    // Nobody there knows B: what they hold stays, `+` and all; with no list the first one is taken.
    expect(bootedField(judge, library, [group(full, `${full}+`)], 'after')).toEqual([
      group(full, `${full}+`),
    ]);
    expect(bootedField(judge, library, [group('/')], 'after')).toEqual([group(`/${itlB.sha256}`)]);
  });

  it('who may hold lists of elsewhere may go on doing so; any of ours is every pair', async () => {
    const withA = await served([itlA, ctlA], a.callmanager);
    const judge = new RoadFinder(crypto, library, { before: withA, after: withA });
    const [elsewhere, ours] = bootedField(judge, library, [group(unknown), group(anyOfOurs)], 'after');
    expect(elsewhere).toEqual(group(unknown));
    expect(ours?.pairs).toContain(`${ctlA.sha256}/${itlA.sha256}`);
    expect(ours?.pairs).toContain(`/${itlB.sha256}`);
    expect(ours?.pairs).not.toContain(`/${itlA.sha256}`);
  });

  it('at several nodes: what any of them may have led it to', async () => {
    const withA = await served([itlA, ctlA], a.callmanager);
    const withB = await served([itlB], b.callmanager);
    const both = atEveryNode(
      [withA, withB].map((serves) => new RoadFinder(crypto, library, { before: serves, after: serves })),
    );
    expect(bootedField(both, library, [group('/')], 'after')).toEqual([
      group(`${ctlA.sha256}/${itlA.sha256}`, `/${itlB.sha256}`),
    ]);
  });
});
