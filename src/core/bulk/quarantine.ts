/**
 * What was fetched and not yet taken: the very bytes that a person was shown, so that `--apply` takes these and no
 * others, whatever the share holds by then.
 */
import { decodeBase64, encodeBase64 } from '../../base/base64.ts';
import { bulkCertificatesMax, bulkClustersMax } from '../../base/limits.ts';
import type { Outcome } from '../../base/outcome.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { isBulkType, type BulkPurpose, type BulkType } from './bulk-type.ts';
import { readJson } from './json-reader.ts';

export interface Quarantined {
  /** The share, as a person named it. */
  readonly place: string;
  readonly fetchedMs: number;
  /** Clusters that are taken from; empty for all of them. */
  readonly clusters: readonly string[];
  /** Of a migration. */
  readonly untilMs: number | undefined;
  readonly content:
    | { readonly kind: 'consolidation'; readonly bytes: Uint8Array }
    | {
        /** Of a directory that no manifest speaks for. */
        readonly kind: 'foreign';
        readonly cluster: string;
        readonly certificates: readonly {
          readonly file: string;
          readonly type: BulkType;
          readonly der: Uint8Array;
        }[];
      };
}

/** One for each purpose, in the node's own folder. */
export interface Quarantine {
  save(purpose: BulkPurpose, bytes: Uint8Array): void;
  find(purpose: BulkPurpose): Uint8Array | undefined;
  discard(purpose: BulkPurpose): void;
}

const format = 'tftp-pki quarantine 1';

export function encodeQuarantined({ content, untilMs, ...rest }: Quarantined): Uint8Array {
  const shown =
    content.kind === 'consolidation'
      ? { kind: content.kind, bytes: encodeBase64(content.bytes) }
      : {
          ...content,
          certificates: content.certificates.map((each) => ({ ...each, der: encodeBase64(each.der) })),
        };
  return encodeUtf8(JSON.stringify({ format, ...rest, untilMs: untilMs ?? null, content: shown }));
}

export function decodeQuarantined(bytes: Uint8Array): Outcome<Quarantined, string> {
  return readJson(bytes, (json) => {
    json.field('format').text(/^tftp-pki quarantine 1$/);
    const content = json.field('content');
    const kind = content.field('kind').text(/^(?:consolidation|foreign)$/);
    return {
      place: json.field('place').text(/^/),
      fetchedMs: json.field('fetchedMs').count(),
      clusters: json
        .field('clusters')
        .list(bulkClustersMax)
        .map((each) => each.text(/^/)),
      untilMs: json.field('untilMs').orNull((value) => value.count()),
      content:
        kind === 'consolidation'
          ? { kind, bytes: content.field('bytes').decoded(decodeBase64) }
          : {
              kind: 'foreign',
              cluster: content.field('cluster').text(/^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$/),
              certificates: content
                .field('certificates')
                .list(bulkCertificatesMax)
                .map((each) => ({
                  file: each.field('file').text(/^/),
                  type: each.field('type').decoded((text) => (isBulkType(text) ? text : undefined)),
                  der: each.field('der').decoded(decodeBase64),
                })),
            },
    };
  });
}
