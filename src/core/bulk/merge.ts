/**
 * What a consolidation reports of the merged exports: what came and what was renewed since the last one, what has
 * expired, and names that mean two keys. Decides nothing: what a cluster takes over is its import's affair.
 */
import { printable } from '../../base/text.ts';
import type { CertificateFacts } from '../ports.ts';
import { sameKey } from '../trust/anchor.ts';
import type { BulkType } from './bulk-type.ts';
import type { BulkSource, SourceCertificate } from './verify-source.ts';

export interface MergeLine {
  readonly change: 'addition' | 'renewal' | 'conflict' | 'expired';
  readonly cluster: string;
  readonly node: string;
  readonly type: BulkType;
  readonly subject: string;
  readonly fingerprint: string;
  /** A conflict: whose other key it is. */
  readonly detail: string | undefined;
}

/** `before`: what the last consolidation held, where it could be believed. */
export function mergeReport(
  before: readonly BulkSource[],
  after: readonly BulkSource[],
  nowSeconds: number,
): readonly MergeLine[] {
  const known = placesOf(before);
  const lines: MergeLine[] = [];
  for (const { manifest, certificates } of after)
    for (const each of certificates) {
      const line = (change: MergeLine['change'], detail?: string): MergeLine => ({
        change,
        cluster: manifest.cluster,
        node: each.entry.node,
        type: each.entry.type,
        subject: each.certificate.subject,
        fingerprint: each.certificate.fingerprint,
        detail,
      });
      const there = known.get(placeOf(manifest.cluster, each));
      if (there === undefined) lines.push(line('addition'));
      else if (!there.has(each.certificate.fingerprint)) lines.push(line('renewal'));
      if (each.certificate.notAfter < nowSeconds) lines.push(line('expired'));
    }
  return [...lines, ...conflicts(after)];
}

/** Cluster, node and type → fingerprints. */
function placesOf(sources: readonly BulkSource[]): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  for (const { manifest, certificates } of sources)
    for (const each of certificates) {
      const place = placeOf(manifest.cluster, each);
      places.set(place, (places.get(place) ?? new Set()).add(each.certificate.fingerprint));
    }
  return places;
}

function placeOf(cluster: string, { entry }: SourceCertificate): string {
  return `${cluster} ${entry.node} ${entry.type}`;
}

/** Phones look signers up by their names: one name of two clusters with two keys is worth a word. */
function conflicts(sources: readonly BulkSource[]): readonly MergeLine[] {
  const bySubject = new Map<string, { readonly cluster: string; readonly certificate: CertificateFacts }[]>();
  const lines: MergeLine[] = [];
  for (const { manifest, certificates } of sources)
    for (const { entry, certificate } of certificates) {
      const { subject, fingerprint } = certificate;
      const others = bySubject.get(subject) ?? [];
      bySubject.set(subject, others);
      const other = others.find(
        ({ cluster, certificate: known }) => cluster !== manifest.cluster && !sameKey(known, certificate),
      );
      if (other !== undefined)
        lines.push({
          change: 'conflict',
          cluster: manifest.cluster,
          node: entry.node,
          type: entry.type,
          subject,
          fingerprint,
          detail: `${printable(other.cluster)} has another key under this name`,
        });
      others.push({ cluster: manifest.cluster, certificate });
    }
  return lines;
}
