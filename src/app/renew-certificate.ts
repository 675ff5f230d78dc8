/**
 * Renews one own certificate without locking phones out (design.md §5, "publish both, keep signing with the old,
 * switch last"), in two steps with phones resetting in between:
 *   begin   a new key, durable; its certificate stands in the lists beside the old one, which goes on being used
 *   switch  the new one is in use, the old one leaves the lists and is retired
 *   abort   before the switch: the new one leaves the lists again
 * One anchor at a time: refused while CallManager, TVS or ITLRecovery is between its steps, or the ITL is empty for a
 * rollback, since phones would not learn of the new one. What no list names (CallManager-EC) takes the same steps, and the
 * lists are carried over as they are. A CallManager key may be renewed inside the renewal of
 * ITLRecovery: only then do phones show which lists they hold, and the planner lets neither switch strand one.
 */
import { Failure } from '../base/errors.ts';
import {
  certificatePurposes,
  hostOf,
  type CertificatePurpose,
  type StoredCertificate,
} from '../core/cluster/model.ts';
import type { Crypto, Issuer, Store, WallClock } from '../core/ports.ts';
import { aftermathOfKey, aftermathOfLists, aftermathOfStores } from '../core/trust/aftermath.ts';
import { planPublication } from './plan-publication.ts';
import { readClusterView, thisNodeOf, type ClusterView } from './cluster-view.ts';
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
  if (view.rotations.some((rotation) => rotation.purpose === purpose))
    throw new Failure('refused', `the renewal of ${purpose} is a guided one`, {
      hint: `tftp-pki renew-cert ${purpose} --guided goes on with it, --guided --abort ends it.`,
    });
  const [old, fresh] = rowsOf(view, purpose);
  if (old === undefined || fresh === undefined)
    throw new Failure('refused', `no renewed ${purpose} certificate waits`, {
      hint: `tftp-pki renew-cert ${purpose} begins one.`,
    });
  return request.step === 'switch' ? switchOver(purpose, old) : abort(purpose, fresh);
}

export async function beginRenewal(
  ports: Ports,
  view: ClusterView,
  { purpose, by }: Omit<RenewalRequest, 'step'>,
): Promise<TrustOperation> {
  await refuseSecondRenewal(ports, view, purpose);
  const [old] = rowsOf(view, purpose);
  if (old === undefined)
    throw new Failure('refused', `there is no ${purpose} certificate to renew`, {
      hint: `tftp-pki issue-cert ${purpose}`,
    });
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

/** Also before a certificate of another CA comes to stand beside the one in use. */
export async function refuseSecondRenewal(
  ports: Pick<Ports, 'store' | 'crypto'>,
  view: ClusterView,
  purpose: CertificatePurpose,
): Promise<void> {
  const open = certificatePurposes.filter((other) => rowsOf(view, other).length > 1);
  const inTheWay = open.find(
    (other) =>
      other === purpose ||
      (anchors.includes(other) &&
        anchors.includes(purpose) &&
        !(other === 'itlrecovery' && purpose === 'callmanager')),
  );
  if (inTheWay !== undefined)
    throw new Failure(
      'refused',
      `the renewal of ${inTheWay} is not finished: phones follow one change at a time`,
      {
        hint: `tftp-pki renew-cert ${inTheWay} --switch, or --abort`,
      },
    );
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

/** In use first. */
export function rowsOf(view: ClusterView, purpose: CertificatePurpose): readonly StoredCertificate[] {
  const node = thisNodeOf(view).name;
  return view.certificates.filter(
    (row) => row.store === 'own' && row.purpose === purpose && (row.node === undefined || row.node === node),
  );
}
