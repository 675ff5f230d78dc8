/** What one phone may hold, since when, how that is known, and what it would refuse of what is served now. */
import { Failure } from '../base/errors.ts';
import type { Delivery } from '../core/trust/belief-book.ts';
import type { PairKey } from '../core/trust/belief.ts';
import { judgeFile } from '../core/trust/judge.ts';
import { describeSide } from '../core/trust/list-library.ts';
import { paperConfig } from '../core/trust/paper.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, trustInputOf } from './cluster-view.ts';
import { readField, type FieldPorts } from './field.ts';
import { listFileNames } from './publish-lists.ts';

export interface ShownPair {
  /** Generation, `none`, `unknown`, `any`. */
  readonly ctl: string;
  readonly itl: string;
  /** When its younger list was first delivered; undefined where no delivery was heard. */
  readonly since: Delivery | undefined;
  /** What a phone with this pair says to what is served now; empty where it takes everything. */
  readonly refusals: readonly Refusal[];
}

export interface Refusal {
  readonly file: string;
  readonly verdict: 'reject' | 'unknown';
  readonly code: string;
  readonly reason: string;
}

export interface ShownTrust {
  readonly name: string;
  readonly heardMs: number | undefined;
  readonly address: string | undefined;
  readonly provedMs: number | undefined;
  readonly unansweredConfigs: number;
  readonly deliveries: readonly (Delivery & { readonly generation: number | undefined })[];
  readonly pairs: readonly ShownPair[];
}

/** Failure `not-found` for a name that the database does not know. */
export async function showTrust(ports: FieldPorts, name: string): Promise<ShownTrust> {
  const field = await readField(ports);
  const device = field.devices.find((each) => each.name === name);
  if (device === undefined)
    throw new Failure('not-found', `there is no device ${name}`, {
      hint: 'Only devices of the database have beliefs: tftp-pki list-devices',
    });
  const view = await readClusterView(ports.store, ports.crypto);
  const input = trustInputOf(view);
  const config = await paperConfig(inUse(input, 'callmanager', input.thisNode), view.cluster.hash);
  const served = [
    ...field.current
      .filter(({ kind, node }) => node === input.thisNode || kind === 'ctl')
      .map(({ kind, bytes }) => ({ name: listFileNames[kind], bytes })),
    config,
  ];
  const judged = (key: PairKey): readonly Refusal[] => {
    const phone = field.library.bytes(key);
    if (phone === undefined) return [];
    return served.flatMap((file) => {
      const crypto = file === config ? { ...ports.crypto, verifyRsa: () => true } : ports.crypto;
      const verdict = judgeFile(crypto, phone, file, Math.floor(ports.clock.nowMs() / 1000));
      if (verdict.phone === 'accept') return [];
      const asked = file === config ? `${name}.cnf.xml.sgn` : file.name;
      return [{ file: asked, verdict: verdict.phone, code: verdict.code, reason: verdict.reason }];
    });
  };
  return {
    name,
    heardMs: device.heardMs === 0 ? undefined : device.heardMs,
    address: device.address === '' ? undefined : device.address,
    provedMs: device.provedMs,
    unansweredConfigs: device.unansweredConfigs,
    deliveries: device.deliveries.map((delivery) => ({
      ...delivery,
      generation: field.library.find(delivery.sha256)?.generation,
    })),
    pairs: field.sets.pairs(device.set).map((key) => ({
      ctl: describeSide(field.library, key, 'ctl'),
      itl: describeSide(field.library, key, 'itl'),
      since: sinceOf(device.deliveries, key),
      refusals: judged(key),
    })),
  };
}

function sinceOf(deliveries: readonly Delivery[], key: PairKey): Delivery | undefined {
  return deliveries.filter(({ sha256 }) => key.includes(sha256)).toSorted((a, b) => b.sinceMs - a.sinceMs)[0];
}
