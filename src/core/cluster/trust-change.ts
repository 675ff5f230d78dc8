/** A change of the cluster's trust as a value: planned on paper, then written in one transaction with the lists that tell it. */
import type { HashName } from '../../wire/algorithm.ts';
import type { ClusterMode, ClusterNode, Landed, RotationChange, StoredCertificate } from './model.ts';

export type NewCertificate = Omit<StoredCertificate, 'id' | 'retiredMs'>;

/** What changes in the cluster together with its lists. */
export interface TrustChange {
  readonly addCertificates?: readonly NewCertificate[] | undefined;
  /** Ids of rows. */
  readonly retireCertificates?: readonly number[] | undefined;
  /** Rows that stand where an import would put them, now for another purpose or another while. */
  readonly landCertificates?: readonly { readonly id: number; readonly landed: Landed }[] | undefined;
  readonly mode?: ClusterMode | undefined;
  readonly hash?: HashName | undefined;
  readonly rotation?: RotationChange | undefined;
  readonly addNodes?: readonly ClusterNode[] | undefined;
  /** Names; what they signed and were stays as history. */
  readonly removeNodes?: readonly string[] | undefined;
  /** By name: what phones know them by from now on. */
  readonly renameNodes?: readonly { readonly name: string; readonly host: string }[] | undefined;
}
