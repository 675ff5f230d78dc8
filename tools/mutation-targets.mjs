/**
 * What `mutate-trust.mjs` flips, and which tests must notice. By rule (held by test/meta/mutation-targets.test.ts):
 *   - every file of src/core/trust: belief, judge, planner, and what they say;
 *   - in src/app every file that works with the field, with a plan of lists or with what it strands: whatever imports a
 *     value of field.ts, plan-publication.ts, plan-strand.ts or core/trust/strand.ts, and those files themselves;
 *   - of the latter not those in `notTargets`, which make a change that the planner then judges, or print.
 * Further files that decide the same stand here by hand.
 */

const trust = (name) => `test/unit/core/trust/${name}.test.ts`;
const app = (name) => `test/unit/app/${name}.test.ts`;
const judge = [trust('judge')];
const verifiers = [...judge, trust('strict')];

export const targets = {
  // Belief: what a phone may hold.
  'src/core/trust/belief.ts': [trust('belief')],
  'src/core/trust/belief-book.ts': [trust('belief-book'), trust('handshake')],
  'src/core/trust/address-memory.ts': [trust('belief-book')],
  'src/core/trust/delivered-again.ts': [trust('delivered-again')],
  'src/core/tvs/asker.ts': ['test/unit/core/tvs/asker.test.ts'],
  'src/core/trust/merge-beliefs.ts': [trust('merge-beliefs')],
  'src/core/trust/handshake.ts': [trust('handshake')],
  'src/core/trust/seen-handshake.ts': [trust('seen-handshake')],
  'src/core/trust/deliveries.ts': [trust('handshake')],
  'src/core/trust/set-with-gaps.ts': [trust('belief-book')],
  'src/core/trust/set-after-showing.ts': [trust('merge-beliefs'), trust('belief-book')],
  'src/core/trust/list-age.ts': [trust('list-age')],
  'src/core/trust/given-lists.ts': [app('move-field')],
  'src/core/trust/marker.ts': [trust('marker')],
  'src/core/trust/telling.ts': ['test/unit/node/heard.test.ts'],
  'src/core/trust/belief-store.ts': [],
  'src/core/trust/list-history.ts': [],
  // Judge: what a phone that holds it takes.
  'src/core/trust/judge.ts': judge,
  'src/core/trust/judge-list.ts': judge,
  'src/core/trust/judgement.ts': judge,
  'src/core/trust/belief-in-signer.ts': [...judge, trust('belief-in-signer')],
  'src/core/trust/phone-trust.ts': [...judge, trust('phone-trust')],
  'src/core/trust/phone-checks.ts': judge,
  'src/core/trust/name-check.ts': [...verifiers, trust('name-check')],
  'src/core/trust/name-text.ts': [trust('name-text')],
  'src/core/trust/anchor.ts': [...verifiers, trust('anchor')],
  'src/core/trust/signature-check.ts': verifiers,
  'src/core/trust/signature-explain.ts': [...verifiers, trust('signature-explain')],
  'src/core/trust/list-check.ts': [...verifiers, trust('list-check')],
  'src/core/trust/list-signer.ts': [trust('show-list')],
  'src/core/trust/lint.ts': [trust('strict')],
  'src/core/trust/strict.ts': [trust('strict')],
  'src/core/trust/strict-signer.ts': [trust('strict')],
  'src/core/trust/verdict.ts': [trust('strict')],
  // Planner: whom a change would strand.
  'src/core/trust/trust-plan.ts': [trust('plan')],
  'src/core/trust/plan-itl.ts': [trust('plan')],
  'src/core/trust/plan-ctl.ts': [trust('plan')],
  'src/core/trust/paper.ts': [app('served-files')],
  'src/core/trust/strand.ts': [trust('strand')],
  'src/core/trust/booted-field.ts': [trust('booted-field')],
  'src/core/trust/list-library.ts': [trust('list-library'), trust('strand')],
  'src/core/trust/invariants.ts': [trust('plan')],
  'src/core/trust/checkable.ts': [trust('checkable')],
  'src/core/trust/aftermath.ts': [trust('aftermath')],
  // What people are told.
  'src/core/trust/dependents.ts': [trust('dependents')],
  'src/core/trust/describe-file.ts': [trust('describe-file')],
  'src/core/trust/diff.ts': [trust('diff')],
  'src/core/trust/expiry.ts': [trust('expiry')],
  'src/core/trust/power.ts': ['test/unit/core/bulk/plan-import.test.ts'],
  'src/core/trust/risk.ts': [trust('risk')],
  'src/core/trust/show-list.ts': [trust('show-list')],

  'src/core/cluster/move-path.ts': ['test/unit/core/cluster/move-path.test.ts'],
  'src/app/field.ts': [app('field')],
  'src/app/move-field.ts': [app('move-field')],
  'src/app/plan-publication.ts': [app('plan-publication')],
  'src/app/plan-strand.ts': [app('plan-strand')],
  'src/app/plan-steps.ts': [app('plan-steps')],
  'src/app/trust-operation.ts': [app('trust-operation')],
  'src/app/continue-cluster.ts': [app('trust-operation')],
  'src/app/guided-rotation.ts': [app('guided-rotation')],
  'src/app/recover.ts': [app('recover-ways')],
  'src/app/kept-signers.ts': [app('kept-signers')],
  'src/app/move-devices.ts': [app('move-devices')],
  'src/app/phones-to-come.ts': [app('phones-to-come')],
  'src/app/outdated-lists.ts': [app('outdated-lists')],
  'src/app/served-files.ts': [app('served-files')],
};

const change = 'makes a change of trust, which the planner judges like any other';
const words = 'says what others decided';

/** Of src/app, with the reason. */
export const notTargets = {
  'src/app/adopt-cluster.ts': change,
  'src/app/import-bulk.ts': change,
  'src/app/init-cluster.ts': change,
  'src/app/renew-certificate.ts': change,
  'src/app/publish-lists.ts': 'the publisher: the planner has decided when it begins',
  'src/app/drill-recovery.ts': words,
  'src/app/explain-signer.ts': words,
  'src/app/show-trust.ts': words,
};

/** Mutants that change nothing that anybody could see, and why. */
export const equivalent = {};
