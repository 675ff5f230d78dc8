/**
 * What a cluster says that it exports: JSON, signed by its ITLRecovery in the form of the phones' signed files
 * (docs/formats/bulk-exchange.md), so that `tftp-pki verify` judges it too. It names every certificate by its
 * fingerprint; the PKCS#12 files beside it only carry them. The counter rises with every export.
 */
import { decodeBase64, encodeBase64 } from '../../base/base64.ts';
import { bulkCertificatesMax } from '../../base/limits.ts';
import type { Outcome } from '../../base/outcome.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { isBulkType, type BulkType } from './bulk-type.ts';
import { isBundleName } from './layout.ts';
import { readJson, type JsonValue } from './json-reader.ts';

export interface ManifestEntry {
  /** '' for a certificate of the whole cluster. */
  readonly node: string;
  readonly type: BulkType;
  /** SHA-256 over the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly subject: string;
  /** Seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The PKCS#12 beside the manifest that holds it. */
  readonly file: string;
}

export interface BulkManifest {
  readonly cluster: string;
  readonly counter: number;
  /** Seconds. */
  readonly when: number;
  /** `user@node`. */
  readonly who: string;
  /** The ITLRecovery certificate that signs, DER. */
  readonly signer: Uint8Array;
  readonly certificates: readonly ManifestEntry[];
}

const format = 'tftp-pki bulk manifest 1';

export function encodeManifest({ signer, ...rest }: BulkManifest): Uint8Array {
  const { cluster, counter, when, who, certificates } = rest;
  const value = { format, cluster, counter, when, who, signer: encodeBase64(signer), certificates };
  return encodeUtf8(`${JSON.stringify(value, null, 2)}\n`);
}

/** The error is the end of the sentence "the manifest cannot be read:". */
export function decodeManifest(bytes: Uint8Array): Outcome<BulkManifest, string> {
  return readJson(bytes, (json) => {
    json.field('format').text(/^tftp-pki bulk manifest 1$/);
    return {
      cluster: json.field('cluster').text(/^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$/),
      counter: json.field('counter').count(),
      when: json.field('when').count(),
      who: json.field('who').text(/^[^\u0000-\u001f\u007f]{1,320}$/),
      signer: json.field('signer').decoded(decodeBase64),
      certificates: json.field('certificates').list(bulkCertificatesMax).map(entryOf),
    };
  });
}

function entryOf(json: JsonValue): ManifestEntry {
  return {
    node: json.field('node').text(/^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252})?$/),
    type: json.field('type').decoded((text) => (isBulkType(text) ? text : undefined)),
    fingerprint: json.field('fingerprint').text(/^[0-9a-f]{64}$/),
    subject: json.field('subject').text(/^[^\u0000]{0,2000}$/),
    notBefore: json.field('notBefore').count(),
    notAfter: json.field('notAfter').count(),
    file: json.field('file').decoded((text) => (isBundleName(text) ? text : undefined)),
  };
}
