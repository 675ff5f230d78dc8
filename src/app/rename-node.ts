/**
 * This node under another host name. Phones believe certificates, not names: one publication gives the node's records
 * their new DNSNAME and leaves every key where it is, so no phone loses its path. The certificates that name the old host
 * are renewed afterwards, one at a time, by the steps that renewals have anyway, the TVS's last (domain.md §2): with all
 * of them at once phones would have nobody left to believe. ITLRecovery and CAPF are the cluster's and name no host that
 * anybody reads. In database and folder the node keeps the name that it was made with.
 *
 * Refused: a name that another node has, a node of another folder (its keys do not lie here), and a renewal under way,
 * whose new certificate names the old host.
 */
import { Failure } from '../base/errors.ts';
import { hostOf, type CertificatePurpose } from '../core/cluster/model.ts';
import type { CertificateJudge, Crypto, Store } from '../core/ports.ts';
import { aftermathOfLists } from '../core/trust/aftermath.ts';
import { inUse, ownOf } from '../core/trust/trust-plan.ts';
import { readClusterView, thisNodeOf, trustInputOf, type ClusterView } from './cluster-view.ts';
import { refuseClusterNames } from './init-cluster.ts';
import type { PlannedStep } from './plan-steps.ts';
import type { TrustOperation } from './trust-operation.ts';

export interface RenameRequest {
  /** The node's name, or the host name that phones know it by. */
  readonly from: string;
  readonly to: string;
}

interface Ports {
  readonly store: Store;
  readonly crypto: Crypto;
}

/** What stands in lists and names the node, in the order in which it is renewed. */
const named = ['callmanager', 'tftp-ec', 'tvs'] as const satisfies readonly CertificatePurpose[];

export async function renameNode(ports: Ports, { from, to }: RenameRequest): Promise<TrustOperation> {
  const view = await readClusterView(ports.store, ports.crypto);
  refuseClusterNames({ clusterId: view.cluster.id, nodeName: to });
  const node = thisNodeOf(view);
  refuseNames(view, { from, to });
  const open = named.find((purpose) => ownOf(trustInputOf(view), purpose, node.name).length > 1);
  if (open !== undefined)
    throw new Failure(
      'refused',
      `the renewal of ${open} is not finished: its new certificate names ${hostOf(node)}`,
      {
        hint: `tftp-pki renew-cert ${open} --abort (--guided where it was guided), or finish it first.`,
      },
    );
  // The lists are signed here.
  inUse(trustInputOf(view), 'itlrecovery');
  const renewals = named
    .filter((purpose) => ownOf(trustInputOf(view), purpose, node.name).length > 0)
    .map(renewalOf);
  const [next] = renewals;
  return {
    operation: `rename-node ${from} ${to}`,
    request: { change: { renameNodes: [{ name: node.name, host: to }] } },
    warnings: [
      `phones look ${to} up, for lists and configurations name it: it must lead to this node already, and ${hostOf(node)} until every phone has come`,
    ],
    question: `Publish lists that name this node ${to}?`,
    aftermath: aftermathOfLists,
    ...(next !== undefined && { next }),
    laterSteps: renewals.map((command): PlannedStep => ({
      command,
      when: 'when phones have taken the lists before it; planned when it is given',
      stranded: null,
    })),
  };
}

export interface Misnamed {
  readonly purpose: CertificatePurpose;
  readonly node: string;
  readonly host: string;
  /** The command that goes on. */
  readonly next: string;
}

/** Certificates in use of nodes that were renamed, as far as they do not name the new host; in the order to go by. */
export function misnamedCertificates(
  { namesHost }: Pick<CertificateJudge, 'namesHost'>,
  view: ClusterView,
): readonly Misnamed[] {
  return view.nodes.flatMap((node) => {
    const { name, host } = node;
    if (host === undefined) return [];
    return named.flatMap((purpose): readonly Misnamed[] => {
      const [used] = ownOf(trustInputOf(view, name), purpose, name);
      if (used === undefined || namesHost(used, host)) return [];
      return [{ purpose, node: name, host, next: renewalOf(purpose) }];
    });
  });
}

function renewalOf(purpose: CertificatePurpose): string {
  return purpose === 'callmanager'
    ? 'tftp-pki renew-cert callmanager --guided, again and again until it is over'
    : `tftp-pki renew-cert ${purpose}, and --switch when every phone has taken the lists`;
}

function refuseNames(view: ClusterView, { from, to }: RenameRequest): void {
  const node = thisNodeOf(view);
  const isCalled = (known: { name: string; host?: string | undefined }, word: string): boolean =>
    [known.name, hostOf(known)].some((name) => name.toLowerCase() === word.toLowerCase());
  const other = view.nodes.find((each) => each.name !== node.name && isCalled(each, from));
  if (other !== undefined)
    throw new Failure(
      'refused',
      `the keys of ${from} lie in its own folder: its certificates are renewed nowhere`,
      {
        hint: `tftp-pki join-node --node ${to} in a new folder there, then remove-node ${other.name} here.`,
      },
    );
  if (!isCalled(node, from))
    throw new Failure('not-found', `there is no node ${from}`, { hint: 'tftp-pki status lists the nodes.' });
  if (hostOf(node) === to) throw new Failure('refused', `phones know this node as ${to} already`);
  if (view.nodes.some((each) => each.name !== node.name && isCalled(each, to)))
    throw new Failure('refused', `another node of the cluster is called ${to}`);
}
