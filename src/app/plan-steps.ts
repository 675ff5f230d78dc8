/**
 * The order of steps that strands nobody (design.md §5). Each step is planned as the change itself is: from the state and
 * the field that the steps before it leave, on paper. What may follow is planned twice: at once, when phones may or may
 * not have taken the new lists, and when every phone has booted. Where the change strands phones, what may go first is
 * tried in turn: a boot at the lists in force, and lists that the CallManager key in use signs.
 */
import { Failure } from '../base/errors.ts';
import { namesOf } from '../base/text.ts';
import type { Crypto } from '../core/ports.ts';
import type { ListLibrary } from '../core/trust/list-library.ts';
import { bootedField } from '../core/trust/booted-field.ts';
import { planStranding, withDeliveries, type FieldGroup } from '../core/trust/strand.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { trustInputOf } from './cluster-view.ts';
import { planPublicationOn, type PublicationRequest, type TrustState } from './plan-publication.ts';
import { judgeBetween, type PlannedStrand, type StrandBasis } from './plan-strand.ts';
import { stateAfter } from './served-files.ts';

export interface PlannedStep {
  readonly command: string;
  /** When it may be done. */
  readonly when: string;
  /**
   * How many it strands when the steps before it were taken and `when` has come: by the planner, or none because `when`
   * waits for that. `null`: not counted, because it is planned when it is given, or changes nothing that phones believe.
   */
  readonly stranded: number | null;
}

/** A command that is meant to follow, as a publication. */
export interface FollowUp {
  readonly command: string;
  readonly request: PublicationRequest;
}

/** A change of trust, as far as its steps go. */
export interface SteppedOperation {
  readonly operation: string;
  readonly request: PublicationRequest;
  readonly resets: boolean;
  readonly follows: FollowUp | undefined;
  /** What helps phones that it would strand, where that is no list. */
  readonly firstSteps?: readonly PlannedStep[];
  /** Commands of a longer way, each planned when it is given. */
  readonly laterSteps?: readonly PlannedStep[];
}

const reset = 'tftp-pki reset-phones --behind';

export async function planSteps(
  crypto: Crypto,
  operation: SteppedOperation,
  { stranded, basis }: PlannedStrand,
): Promise<readonly PlannedStep[]> {
  const paper = new PaperPlanner(crypto, basis);
  return stranded.length === 0
    ? stepsFrom(paper, operation)
    : stepsTo(paper, operation, stranded.length, basis);
}

/** Nobody is stranded: the change, and what may follow it. */
async function stepsFrom(
  paper: PaperPlanner,
  { operation, resets, follows, laterSteps = [] }: SteppedOperation,
): Promise<readonly PlannedStep[]> {
  const steps: PlannedStep[] = [{ command: `tftp-pki ${operation}`, when: 'now', stranded: 0 }];
  if (resets)
    steps.push({ command: reset, when: 'then: phones take the new lists when they boot', stranded: 0 });
  if (follows === undefined) return [...steps, ...laterSteps];
  const after = paper.afterChange();
  const [early, late] = [
    await paper.stranded(after.atOnce, follows),
    await paper.stranded(after.booted, follows),
  ];
  steps.push({ command: follows.command, ...whenItMayFollow(early, late) });
  return steps;
}

function whenItMayFollow(early: Stranded, late: Stranded): Pick<PlannedStep, 'when' | 'stranded'> {
  if (late.refusal !== undefined) return { when: `not yet: ${late.refusal}`, stranded: null };
  if (late.names.length > 0)
    return {
      when: `when they have booted, and it strands ${late.names.length} even then: ${namesOf(late.names)}`,
      stranded: late.names.length,
    };
  // Forbidden it would be in both: they are planned from one state.
  if (early.names.length === 0)
    return { when: 'at any time: it strands nobody, whoever took the new lists', stranded: 0 };
  return {
    when: `when all have taken the new lists: ${phonesOf(early.names.length)} would be stranded before`,
    stranded: 0,
  };
}

/** Phones are stranded: what may go first so that fewer are, as far as it is known. */
async function stepsTo(
  paper: PaperPlanner,
  { operation, request, firstSteps }: SteppedOperation,
  count: number,
  { before }: StrandBasis,
): Promise<readonly PlannedStep[]> {
  const itself = { command: `tftp-pki ${operation}`, request };
  if (firstSteps !== undefined)
    return [
      ...firstSteps,
      { command: itself.command, when: 'when plan counts no stranded phone any more', stranded: 0 },
    ];
  const steps: PlannedStep[] = [];
  let at = paper.bootedNow();
  let best = await paper.stranded(at, itself);
  if (best.names.length < count)
    steps.push({
      command: reset,
      when: `first: ${phonesOf(count - best.names.length)} would take the lists in force, and not be stranded`,
      stranded: 0,
    });
  for (const first of best.names.length === 0 ? [] : localResets(before)) {
    const harm = await paper.stranded(at, first);
    if (harm.refusal !== undefined || harm.names.length > 0) continue;
    const then = await paper.bootedAfter(at, first);
    const left = await paper.stranded(then, itself);
    if (left.refusal !== undefined || left.names.length >= best.names.length) continue;
    steps.push(
      {
        command: first.command,
        when: `then: it frees ${phonesOf(best.names.length - left.names.length)}`,
        stranded: 0,
      },
      { command: reset, when: 'then: phones take these lists when they boot', stranded: 0 },
    );
    [at, best] = [then, left];
  }
  return [...steps, lastStep(itself, count, best.names)];
}

function lastStep({ command }: FollowUp, count: number, left: readonly string[]): PlannedStep {
  if (left.length === 0)
    return { command, when: 'when they have booted: plan counts no stranded phone then', stranded: 0 };
  const before = left.length < count ? 'then' : 'nothing known may go first';
  return {
    command: `${command} --strand ${left.length}`,
    when: `${before}: ${namesOf(left)} would need hands, or what plan --recover says`,
    stranded: left.length,
  };
}

/** For phones that know the CallManager key in use and no ITLRecovery of ours. */
function localResets({ view, current }: TrustState): readonly FollowUp[] {
  const input = trustInputOf(view);
  const signer = inUse(input, 'callmanager', input.thisNode);
  return (['itl', 'ctl'] as const)
    .filter((kind) => current.some((list) => list.kind === kind))
    .map((kind) => ({
      command: `tftp-pki reset-${kind} localkey`,
      request: { kinds: [kind], signer, onlyThisNode: true },
    }));
}

function phonesOf(count: number): string {
  return count === 1 ? '1 phone' : `${count} phones`;
}

/** The cluster and its phones at some step. */
interface Moment {
  readonly state: TrustState;
  readonly groups: readonly FieldGroup[];
  readonly library: ListLibrary;
  /** Publications on paper that led here. */
  readonly step: number;
}

interface Stranded {
  readonly names: readonly string[];
  /** An invariant that forbids it here. */
  readonly refusal?: string;
}

class PaperPlanner {
  readonly #crypto: Crypto;
  readonly #basis: StrandBasis;

  constructor(crypto: Crypto, basis: StrandBasis) {
    this.#crypto = crypto;
    this.#basis = basis;
  }

  /** Everybody has booted at what is served now. */
  bootedNow(): Moment {
    const { field, before, judge } = this.#basis;
    const { library, groups } = field;
    return { state: before, library, step: 0, groups: bootedField(judge, library, groups, 'before') };
  }

  /** The change is done. */
  afterChange(): Readonly<Record<'atOnce' | 'booted', Moment>> {
    const { field, after, judge } = this.#basis;
    const { groups, library } = field;
    const grown = library.with(after.current);
    const moment = { state: after, library: grown, step: 1 };
    const given = groups.map(({ pairs, readsSha512, phones }) => {
      const set = withDeliveries(field.sets, field.sets.of(pairs), after.current);
      return { phones, readsSha512, pairs: field.sets.pairs(set) };
    });
    const booted = bootedField(judge, library, groups, 'after');
    return { atOnce: { ...moment, groups: given }, booted: { ...moment, groups: booted } };
  }

  async bootedAfter(at: Moment, { request }: FollowUp): Promise<Moment> {
    const state = await this.#stateAfter(at, request);
    const judge = await judgeBetween(this.#crypto, at.library, at.state, state);
    return {
      state,
      library: at.library.with(state.current),
      step: at.step + 1,
      groups: bootedField(judge, at.library, at.groups, 'after'),
    };
  }

  async stranded(at: Moment, { request }: FollowUp): Promise<Stranded> {
    try {
      const state = await this.#stateAfter(at, request);
      const judge = await judgeBetween(this.#crypto, at.library, at.state, state);
      const { stranded } = planStranding(judge, at.library, at.groups, this.#basis.offlineBeforeMs);
      return { names: stranded };
    } catch (error) {
      if (error instanceof Failure && error.code === 'refused') return { names: [], refusal: error.message };
      throw error;
    }
  }

  #stateAfter({ state, step }: Moment, request: PublicationRequest): Promise<TrustState> {
    return stateAfter(this.#crypto, planPublicationOn(this.#crypto, state, request), step);
  }
}
