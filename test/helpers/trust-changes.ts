/**
 * The changes of trust of a history, each as its command makes it: planned by the program's planner, refused by its
 * guards, published by its publisher. What was refused can be done all the same, to see what the refusal was for.
 */
import {
  planContinuation,
  publishContinuation,
  refuseStrandingContinuation,
} from '../../src/app/continue-cluster.ts';
import { moveDevices, planMoves } from '../../src/app/move-devices.ts';
import { ownRows } from '../../src/app/own-certificates.ts';
import { draftPublication, readTrustState } from '../../src/app/plan-publication.ts';
import { publishLists } from '../../src/app/publish-lists.ts';
import { renameNode } from '../../src/app/rename-node.ts';
import { renewCertificate, type RenewalStep } from '../../src/app/renew-certificate.ts';
import { resetByLocalKey } from '../../src/app/reset-lists.ts';
import { planRemoval, removeCertificate, trustCertificate } from '../../src/app/trust-certificate.ts';
import {
  planOperation,
  publishOperation,
  refuseStranding,
  type TrustOperation,
} from '../../src/app/trust-operation.ts';
import { setHash, setMode, updateCtl, updateItl } from '../../src/app/update-lists.ts';
import { readClusterView, thisNodeOf } from '../../src/app/cluster-view.ts';
import { Failure } from '../../src/base/errors.ts';
import type { CertificatePurpose } from '../../src/core/cluster/model.ts';
import type { PairKey } from '../../src/core/trust/belief.ts';
import type { StrandReport } from '../../src/core/trust/strand.ts';
import type { Rows } from './memory-store.ts';
import { crypto, elsewhere } from './trust-parties.ts';
import type { TestPhone, TrustWorld, WorldPorts } from './trust-world.ts';

export type Outcome =
  /** The command does nothing in this state of the cluster. */
  | { readonly kind: 'not-now' }
  | {
      readonly kind: 'refused';
      readonly because: string;
      /** Pairs that the refusal names; undefined: it is about any that phones may hold. */
      readonly pairs: readonly PairKey[] | undefined;
      /** Those that the planner counts. */
      readonly phones: readonly string[];
      /** Without the guard. */
      readonly force: () => Promise<unknown>;
    }
  /** `unknown`: phones whose path nobody promises. */
  | { readonly kind: 'done'; readonly unknown: readonly string[] };

type Make = (ports: WorldPorts) => Promise<TrustOperation>;

const renew =
  (purpose: CertificatePurpose, renewal: RenewalStep): Make =>
  (ports) =>
    renewCertificate(ports, { purpose, step: renewal, by: 'history' });

/** What no command does: both anchors at once. */
const replaceBoth: Make = async (ports) => {
  const view = await readClusterView(ports.store, ports.crypto);
  const begun = await Promise.all([
    renew('itlrecovery', 'begin')(ports),
    renew('callmanager', 'begin')(ports),
  ]);
  const old = [...ownRows(view, 'itlrecovery'), ...ownRows(view, 'callmanager')];
  return {
    ...begun[0],
    operation: 'replace both',
    request: {
      change: {
        addCertificates: begun.flatMap(({ request }) => request.change?.addCertificates ?? []),
        retireCertificates: old.map(({ id }) => id),
      },
    },
  };
};

/** To another host name, and back. */
const rename: Make = async (ports) => {
  const { name, host = name } = thisNodeOf(await readClusterView(ports.store, ports.crypto));
  return renameNode(ports, { from: host, to: host === name ? `${name}.example` : name });
};

const operations: Readonly<Record<string, Make>> = {
  'update-itl': (ports) => updateItl(ports, { rollback: false }),
  'update-itl --rollback': (ports) => updateItl(ports, { rollback: true }),
  'update-ctl': updateCtl,
  'renew-cert itlrecovery': renew('itlrecovery', 'begin'),
  'renew-cert itlrecovery --switch': renew('itlrecovery', 'switch'),
  'renew-cert itlrecovery --abort': renew('itlrecovery', 'abort'),
  'renew-cert callmanager': renew('callmanager', 'begin'),
  'renew-cert callmanager --switch': renew('callmanager', 'switch'),
  'renew-cert callmanager --abort': renew('callmanager', 'abort'),
  'renew-cert tvs': renew('tvs', 'begin'),
  'renew-cert tvs --switch': renew('tvs', 'switch'),
  'set-hash sha1': (ports) => setHash(ports, 'sha1'),
  'set-hash sha512': (ports) => setHash(ports, 'sha512'),
  'set-mode mixed': (ports) => setMode(ports, 'mixed'),
  'set-mode nonsecure': (ports) => setMode(ports, 'nonsecure'),
  'rename-node': rename,
  'reset-itl localkey': (ports) => resetByLocalKey(ports, 'itl'),
  'reset-ctl localkey': (ports) => resetByLocalKey(ports, 'ctl'),
  'replace both': replaceBoth,
};

export const changes: readonly string[] = [
  ...Object.keys(operations),
  'trust-cert',
  'remove-cert',
  'move-device',
  'restore',
];

export interface ChangeRequest {
  /** Where the command runs. */
  readonly node: string;
  /** For move-device. */
  readonly phone: TestPhone | undefined;
  /** For restore. */
  readonly backup: Rows | undefined;
}

export function change(world: TrustWorld, name: string, request: ChangeRequest): Promise<Outcome> {
  const ports = world.ports(request.node);
  const make = operations[name];
  if (make !== undefined) return operate(world, ports, make);
  if (name === 'trust-cert') return trustB(ports);
  if (name === 'remove-cert') return removeB(ports);
  if (name === 'move-device') return move(ports, request.phone);
  return restore(world, request.backup);
}

/** Lists of the first generation. */
export async function publishFirst(world: TrustWorld): Promise<void> {
  const outcome = await change(world, 'update-itl', { node: 'n', phone: undefined, backup: undefined });
  if (outcome.kind !== 'done') throw new Error('the first lists are published');
}

async function operate(world: TrustWorld, ports: WorldPorts, make: Make): Promise<Outcome> {
  const made = await orRefused(make(ports));
  if (made instanceof Failure) return { kind: 'not-now' };
  const planned = await orRefused(planOperation(ports, made));
  if (planned instanceof Failure) {
    const force = async (): Promise<void> => {
      const draft = draftPublication(crypto, await readTrustState(ports), made.request);
      await publishLists(ports, { planned: draft, who: 'history', operation: made.operation });
      world.serve();
    };
    return { kind: 'refused', because: planned.message, pairs: undefined, phones: [], force };
  }
  const publish = async (): Promise<void> => {
    await publishOperation(ports, made, planned, 'history');
    world.serve();
  };
  return guarded(planned.strand, () => refuseStranding(made, planned, undefined), publish);
}

/** Refused by the planner, by the publisher, or done. */
async function guarded(
  strand: StrandReport,
  guard: () => void,
  publish: () => Promise<unknown>,
): Promise<Outcome> {
  const stranded = await orRefused((async () => guard())());
  if (stranded instanceof Failure) {
    const pairs = strand.pairs.filter((pair) => pair.stranded).map(({ key }) => key);
    return { kind: 'refused', because: stranded.message, pairs, phones: strand.stranded, force: publish };
  }
  const done = await orRefused(publish());
  if (done instanceof Failure)
    return { kind: 'refused', because: done.message, pairs: undefined, phones: [], force: publish };
  return { kind: 'done', unknown: strand.unknown };
}

/** B's signers become SASTs of the next CTL. */
async function trustB(ports: WorldPorts): Promise<Outcome> {
  const rows = await ports.store.listCertificates();
  for (const certificate of [elsewhere.recovery, elsewhere.callmanager]) {
    if (rows.some((row) => row.fingerprint === certificate.fingerprint && row.retiredMs === undefined))
      return { kind: 'not-now' };
    await trustCertificate(ports, { into: 'phone-sast-trust', certificate, source: 'B', by: 'history' });
  }
  return { kind: 'done', unknown: [] };
}

async function removeB(ports: WorldPorts): Promise<Outcome> {
  const rows = await ports.store.listCertificates();
  const row = rows.find(({ store, retiredMs }) => store === 'phone-sast-trust' && retiredMs === undefined);
  if (row === undefined) return { kind: 'not-now' };
  const removal = await planRemoval(ports, row.id, 'history');
  const planned = await planOperation(ports, removal.operation);
  return guarded(
    planned.strand,
    () => refuseStranding(removal.operation, planned, undefined),
    () => removeCertificate(ports, removal),
  );
}

async function move(ports: WorldPorts, phone: TestPhone | undefined): Promise<Outcome> {
  if (phone === undefined) return { kind: 'not-now' };
  const to = phone.home === 'here' ? 'B' : 'A';
  const plan = await planMoves(ports, [phone.name], to, () => Promise.resolve(false));
  const moved = (): void => {
    phone.home = to === 'B' ? 'B' : 'here';
  };
  const done = await orRefused(moveDevices(ports, plan, 'history', undefined));
  if (done instanceof Failure)
    return {
      kind: 'refused',
      because: done.message,
      pairs: undefined,
      phones: [phone.name],
      force: () => Promise.resolve(moved()),
    };
  moved();
  return { kind: 'done', unknown: plan.unknown };
}

/** Over the folder that served up to now, whose beliefs come with it. */
async function restore(world: TrustWorld, backup: Rows | undefined): Promise<Outcome> {
  if (backup === undefined || world.nodes.length > 1) return { kind: 'not-now' };
  for (const heard of world.heard.values()) heard.save();
  const { ports, database, old } = world.restored(backup);
  const planned = await planContinuation(ports, { old, createdMs: world.nowMs, by: 'history' });
  const publish = async (): Promise<void> => {
    database.unguarded = world.database.unguarded;
    await publishContinuation(ports, planned, 'history');
    world.database.rows = database.rows;
    world.serve();
  };
  return guarded(planned.strand, () => refuseStrandingContinuation(planned, undefined), publish);
}

async function orRefused<T>(work: Promise<T>): Promise<T | Failure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Failure && error.code === 'refused') return error;
    throw error;
  }
}
