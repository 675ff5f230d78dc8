/**
 * Lists made anew from the database: `update-itl`, its rollback and the undo of it, `update-ctl`, `set-mode`, `set-hash`.
 * Refused: a rollback where phones hold a CTL that names no signer of files, a CTL where there is none to update,
 * the mode that the cluster is in, the hash that it signs with.
 */
import { Failure } from '../base/errors.ts';
import type { ClusterMode } from '../core/cluster/model.ts';
import { endedRows } from '../core/bulk/plan-import.ts';
import type { Crypto, Store, WallClock } from '../core/ports.ts';
import { aftermathOfLists, aftermathOfMode } from '../core/trust/aftermath.ts';
import type { HashName } from '../wire/algorithm.ts';
import { readClusterView } from './cluster-view.ts';
import type { TrustOperation } from './trust-operation.ts';

interface Ports {
  readonly store: Store;
  readonly crypto: Crypto;
}

/** Without `rollback` the ITL is whole again, whatever it was. */
export async function updateItl(
  ports: Ports,
  options: { readonly rollback: boolean },
): Promise<TrustOperation> {
  const { rollback } = options;
  const { cluster } = await readClusterView(ports.store, ports.crypto);
  const hasCtl = await publishesCtl(ports.store);
  if (rollback && hasCtl && cluster.mode === 'nonsecure')
    throw new Failure(
      'refused',
      'phones hold a CTL without certificates: with an empty ITL beside it they could verify nothing at all',
      { hint: 'Go back to mixed mode first, or have the CTLs deleted on the phones.' },
    );
  return {
    operation: rollback ? 'update-itl --rollback' : 'update-itl',
    request: { kinds: ['itl'], rollback },
    warnings: [
      ...(rollback
        ? ['phones that take this ITL believe unsigned files and any other ITL: undo it soon']
        : []),
      ...(rollback && hasCtl
        ? ['it does not empty a CTL: phones in mixed mode go on to check everything against their CTL']
        : []),
    ],
    question: rollback ? 'Publish an ITL without TVS and TFTP records?' : 'Publish a new ITL?',
    aftermath: aftermathOfLists,
    ...(rollback && {
      next: 'tftp-pki update-itl, when the phones are where they should be',
      follows: { command: 'tftp-pki update-itl', request: { kinds: ['itl'], rollback: false } },
    }),
  };
}

interface UpdateCtlPorts {
  readonly store: Store;
  readonly clock: WallClock;
}

/** As `utils ctl update CTLFile`. What was trusted until a day that has come is retired with the list that drops it. */
export async function updateCtl({ store, clock }: UpdateCtlPorts): Promise<TrustOperation> {
  if (!(await publishesCtl(store)))
    throw new Failure('refused', 'this cluster publishes no CTL', { hint: 'tftp-pki set-mode mixed' });
  const ended = endedRows(await store.listCertificates(), clock.nowMs());
  return {
    operation: 'update-ctl',
    request: { kinds: ['ctl'], change: { retireCertificates: ended.map(({ id }) => id) } },
    warnings: ended.map(
      ({ store: name, landed }) =>
        `a certificate of ${landed?.cluster} in ${name} was trusted until now: it is retired`,
    ),
    question: 'This operation will update the CTLFile. Do you want to continue?',
    aftermath: aftermathOfLists,
  };
}

/** A CTL stays served when the cluster leaves mixed mode: a phone never gives one up by itself. */
export async function setMode(ports: Ports, mode: ClusterMode): Promise<TrustOperation> {
  const { cluster } = await readClusterView(ports.store, ports.crypto);
  if (cluster.mode === mode) throw new Failure('refused', `the cluster is in ${mode} mode already`);
  return {
    operation: `set-mode ${mode}`,
    request: { change: { mode } },
    warnings:
      mode === 'nonsecure'
        ? ['phones keep a CTL: it goes on being served, and names its servers without certificates']
        : [],
    question: `This operation will set the cluster to ${mode === 'mixed' ? 'mixed' : 'non secure'} mode. Do you want to continue?`,
    aftermath: aftermathOfMode,
  };
}

/**
 * Every list and every file is signed anew, by the same keys. Any phone reads SHA-1; that a model reads SHA-512 only the
 * administrator can say (`risk.sha512Models`), and the planner counts whoever may not.
 */
export async function setHash(ports: Ports, hash: HashName): Promise<TrustOperation> {
  const { cluster } = await readClusterView(ports.store, ports.crypto);
  const word = hash === 'sha1' ? 'SHA-1' : 'SHA-512';
  if (cluster.hash === hash) throw new Failure('refused', `the cluster signs with ${word} already`);
  return {
    operation: `set-hash ${hash}`,
    request: { change: { hash } },
    warnings:
      hash === 'sha512'
        ? ['a phone that reads no SHA-512 keeps its lists and its configuration, and takes nothing new']
        : ['SHA-1 is a risk that somebody has to accept: status says for which phones, and until when'],
    question: `Sign lists and configurations with ${word} from now on?`,
    aftermath: aftermathOfLists,
    firstSteps: [
      {
        command: 'tftp-pki init --hash sha512, in a folder of its own',
        when: 'first: does a phone of each model, with the load that it runs, take what is served from there?',
        stranded: null,
      },
      {
        command: 'risk: { sha512Models: […] } in tftp-pki.yaml',
        when: 'then: the models that were seen to do so',
        stranded: null,
      },
    ],
  };
}

async function publishesCtl(store: Store): Promise<boolean> {
  return (await store.currentLists()).some((list) => list.kind === 'ctl');
}
