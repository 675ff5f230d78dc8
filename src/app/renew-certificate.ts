/**
 * Renews one own certificate without locking phones out (design.md §5, "publish both, keep signing with the old,
 * switch last"), in two steps with phones resetting in between:
 *   begin   a new key, durable; its certificate stands in the lists beside the old one, which goes on being used
 *   switch  the new one is in use, the old one leaves the lists and is retired
 *   abort   before the switch: the new one leaves the lists again
 * One anchor at a time: refused while CallManager, TVS or ITLRecovery is between its steps on any node, or the ITL is
 * empty for a rollback, since phones would not learn of the new one. What no list names (CallManager-EC) takes the same
 * steps, and the lists are carried over as they are. A CallManager key may be renewed inside the renewal of
 * ITLRecovery: only then do phones show which lists they hold, and the planner lets neither switch strand one.
 *
 * Each node renews its own: a new key never leaves the folder that it was made in. What all nodes share is renewed where
 * its key lies, and refused elsewhere.
 */
import { Failure } from '../base/errors.ts';
import { hostOf, type CertificatePurpose, type StoredCertificate } from '../core/cluster/model.ts';
import type { Crypto, Issuer, KeyFiles, Store, WallClock } from '../core/ports.ts';
import { aftermathOfKey, aftermathOfLists, aftermathOfStores } from '../core/trust/aftermath.ts';
import { planPublication } from './plan-publication.ts';
import { readClusterView, thisNodeOf, type ClusterView } from './cluster-view.ts';
import { clusterWidePurposes } from './init-cluster.ts';
import { nodeOfRotation, openRenewals, ownRows } from './own-certificates.ts';
import type { TrustOperation } from './trust-operation.ts';

export type RenewalStep = 'begin' | 'switch' | 'abort';

export interface RenewalRequest {
  readonly purpose: CertificatePurpose;
  readonly step: RenewalStep;
  readonly by: string;
}

interface Ports {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: WallClock;
  readonly issuer: Issuer;
  readonly keyFiles: Pick<KeyFiles, 'find'>;
}

/** By these phones decide what they believe; two of them must not move at once. */
const anchors: readonly CertificatePurpose[] = ['callmanager', 'tvs', 'itlrecovery'];

/** Phones meet it in no list (core/trust/plan-itl.ts): its services are the only ones that know it. */
function isUnlisted(purpose: CertificatePurpose): boolean {
  return purpose === 'callmanager-ec';
}

export async function renewCertificate(ports: Ports, request: RenewalRequest): Promise<TrustOperation> {
  const view = await readClusterView(ports.store, ports.crypto);
  if (request.step === 'begin') return beginRenewal(ports, view, request);
  const { purpose } = request;
  const here = thisNodeOf(view).name;
  if (view.rotations.some((each) => each.purpose === purpose && nodeOfRotation(view, each) === here))
    throw new Failure('refused', `the renewal of ${purpose} is a guided one`, {
      hint: `tftp-pki renew-cert ${purpose} --guided goes on with it, --guided --abort ends it.`,
    });
  const [old, fresh] = ownRows(view, purpose);
  if (old === undefined || fresh === undefined)
    throw new Failure('refused', `no renewed ${purpose} certificate waits`, {
      hint: `tftp-pki renew-cert ${purpose} begins one.`,
    });
  return request.step === 'switch' ? switchOver(purpose, old) : abort(purpose, fresh);
}

/** `urgent`: what other nodes have under way does not hold it up. */
export async function beginRenewal(
  ports: Ports,
  view: ClusterView,
  { purpose, by, urgent = false }: Omit<RenewalRequest, 'step'> & { readonly urgent?: boolean },
): Promise<TrustOperation> {
  await refuseSecondRenewal(ports, view, purpose, urgent);
  const [old] = ownRows(view, purpose);
  if (old === undefined)
    throw new Failure('refused', `there is no ${purpose} certificate to renew`, {
      hint: `tftp-pki issue-cert ${purpose}`,
    });
  await refuseMovedKey(ports, view, old);
  const nowMs = ports.clock.nowMs();
  const { certificate, encryptedKeyPem } = await ports.issuer.issue({
    purpose,
    clusterId: view.cluster.id,
    nodeName: hostOf(thisNodeOf(view)),
    notBeforeMs: nowMs,
  });
  const { der, fingerprint } = certificate;
  return {
    operation: `renew-cert ${purpose}`,
    request: {
      listsStay: isUnlisted(purpose),
      change: {
        addCertificates: [
          {
            store: 'own',
            purpose,
            node: old.node,
            der,
            fingerprint,
            provenance: `renewed from ${old.fingerprint.slice(0, 16)}, ${by}`,
            addedMs: nowMs,
          },
        ],
      },
    },
    newKeys: [{ fingerprint, encryptedKeyPem }],
    warnings: [],
    ...(isUnlisted(purpose)
      ? {
          question: `Make a new ${purpose} key beside the one in use?`,
          aftermath: aftermathOfStores,
          next: `tftp-pki renew-cert ${purpose} --switch`,
        }
      : {
          question: `Publish the new ${purpose} certificate beside the old one?`,
          aftermath: aftermathOfLists,
          next: `tftp-pki renew-cert ${purpose} --switch, when every phone has taken these lists`,
          follows: {
            command: `tftp-pki renew-cert ${purpose} --switch`,
            request: { change: { retireCertificates: [old.id] } },
          },
        }),
  };
}

function switchOver(purpose: CertificatePurpose, old: StoredCertificate): TrustOperation {
  const operation = `renew-cert ${purpose} --switch`;
  if (isUnlisted(purpose))
    return {
      operation,
      request: { listsStay: true, change: { retireCertificates: [old.id] } },
      warnings: [],
      question: `Use the new ${purpose} certificate now?`,
      aftermath: aftermathOfKey(purpose),
    };
  return {
    operation,
    request: { change: { retireCertificates: [old.id] } },
    warnings: [
      purpose === 'itlrecovery'
        ? 'phones that missed the lists with the new ITLRecovery take no list from it: have all of them reset?'
        : 'phones that missed the lists with the new certificate are refused by it until they take these',
    ],
    question: `Have all phones taken the lists with the new ${purpose} certificate, and shall it be used now?`,
    aftermath: aftermathOfKey(purpose),
    ...(purpose === 'itlrecovery' && {
      next: 'tftp-pki export-recovery FILE.p12: the old export is of no use now',
    }),
  };
}

function abort(purpose: CertificatePurpose, fresh: StoredCertificate): TrustOperation {
  return {
    operation: `renew-cert ${purpose} --abort`,
    request: { listsStay: isUnlisted(purpose), change: { retireCertificates: [fresh.id] } },
    warnings: [],
    question: isUnlisted(purpose)
      ? `Retire the new ${purpose} certificate?`
      : `Take the new ${purpose} certificate out of the lists again?`,
    aftermath: isUnlisted(purpose) ? aftermathOfStores : aftermathOfLists,
  };
}

/** A key of the whole cluster that was renewed elsewhere would change the folder that it lies in. */
async function refuseMovedKey(
  { keyFiles }: Ports,
  { nodes }: ClusterView,
  { purpose, fingerprint }: StoredCertificate,
): Promise<void> {
  if (purpose === undefined || !clusterWidePurposes.has(purpose) || nodes.length === 1) return;
  if ((await keyFiles.find(fingerprint)) !== undefined) return;
  throw new Failure('refused', `the ${purpose} key of the cluster is not in this folder`, {
    hint: 'It is renewed on the node where it lies, which is the one that made the cluster.',
  });
}

/** Also before a certificate of another CA comes to stand beside the one in use. */
export async function refuseSecondRenewal(
  ports: Pick<Ports, 'store' | 'crypto'>,
  view: ClusterView,
  purpose: CertificatePurpose,
  urgent = false,
): Promise<void> {
  const here = thisNodeOf(view).name;
  const inTheWay = openRenewals(view).find((open) => {
    const isHere = (open.node ?? here) === here;
    if (open.purpose === purpose && isHere) return true;
    const isInside = open.purpose === 'itlrecovery' && purpose === 'callmanager';
    const areAnchors = anchors.includes(open.purpose) && anchors.includes(purpose);
    return areAnchors && !isInside && (isHere || !urgent);
  });
  if (inTheWay !== undefined) {
    const isElsewhere = (inTheWay.node ?? here) !== here;
    throw new Failure(
      'refused',
      `the renewal of ${inTheWay.purpose}${isElsewhere ? ` on the node ${inTheWay.node}` : ''} is not finished: ` +
        'phones follow one change at a time',
      {
        hint: `tftp-pki renew-cert ${inTheWay.purpose} --switch, or --abort${isElsewhere ? ', there' : ''}`,
      },
    );
  }
  const { rollback } = await planPublication(ports, {});
  if (rollback)
    throw new Failure(
      'refused',
      'the ITL is prepared for rollback: phones would not learn of a new certificate',
      {
        hint: 'tftp-pki update-itl makes it whole.',
      },
    );
}
