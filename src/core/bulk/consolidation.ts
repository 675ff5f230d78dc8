/**
 * All exports in one file, as one cluster merged them: each source's manifest as it was signed, and its certificates.
 * Nobody has to believe who merged: every importer verifies every manifest (docs/formats/bulk-exchange.md).
 */
import { decodeBase64, encodeBase64 } from '../../base/base64.ts';
import { bulkCertificatesMax, bulkClustersMax } from '../../base/limits.ts';
import type { Outcome } from '../../base/outcome.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { readJson, type JsonValue } from './json-reader.ts';

export interface ConsolidatedSource {
  readonly cluster: string;
  /** The signed manifest. */
  readonly manifest: Uint8Array;
  /** DER, in the order of the manifest, each once. */
  readonly certificates: readonly Uint8Array[];
}

export interface Consolidation {
  /** The cluster that merged. */
  readonly by: string;
  /** Seconds. */
  readonly when: number;
  /** Sorted by cluster, each once. */
  readonly sources: readonly ConsolidatedSource[];
}

const format = 'tftp-pki bulk consolidation 1';

export function encodeConsolidation({ by, when, sources }: Consolidation): Uint8Array {
  const value = {
    format,
    by,
    when,
    sources: sources.map(({ cluster, manifest, certificates }) => ({
      cluster,
      manifest: encodeBase64(manifest),
      certificates: certificates.map(encodeBase64),
    })),
  };
  return encodeUtf8(`${JSON.stringify(value, null, 1)}\n`);
}

/** The error is the end of the sentence "the consolidation cannot be read:". */
export function decodeConsolidation(bytes: Uint8Array): Outcome<Consolidation, string> {
  return readJson(bytes, (json) => {
    json.field('format').text(/^tftp-pki bulk consolidation 1$/);
    const list = json.field('sources');
    const sources = list.list(bulkClustersMax).map(sourceOf);
    // An older export of a cluster beside the newest one would be taken too: each was seen by nobody yet.
    if (sources.some(({ cluster }, at) => at > 0 && cluster <= (sources[at - 1]?.cluster ?? '')))
      throw list.wrong('not in order, or names a cluster twice');
    return {
      by: json.field('by').text(/^[A-Za-z0-9.-]{1,50}$/),
      when: json.field('when').count(),
      sources,
    };
  });
}

function sourceOf(source: JsonValue): ConsolidatedSource {
  return {
    cluster: source.field('cluster').text(/^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$/),
    manifest: source.field('manifest').decoded(decodeBase64),
    certificates: source
      .field('certificates')
      .list(bulkCertificatesMax)
      .map((each) => each.decoded(decodeBase64)),
  };
}
