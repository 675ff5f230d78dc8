/**
 * The first step of `import-bulk`: what the share holds comes into quarantine, and nothing else happens. Either the
 * consolidation, or the files of a directory that no manifest speaks for.
 */
import { Failure } from '../base/errors.ts';
import { bulkConsolidationBytesMax, bulkCertificatesMax, pkcs12BytesMax } from '../base/limits.ts';
import { printable } from '../base/text.ts';
import type { Bundles } from '../core/bulk/bundles.ts';
import { isClusterFolder, type BulkPurpose } from '../core/bulk/bulk-type.ts';
import { isCertificateFile, typeOfFileName } from '../core/bulk/foreign.ts';
import { consolidationPath } from '../core/bulk/layout.ts';
import { encodeQuarantined, type Quarantine, type Quarantined } from '../core/bulk/quarantine.ts';
import { isSharePath, type Share } from '../core/bulk/share.ts';
import type { WallClock } from '../core/ports.ts';

export interface FetchBulkPorts {
  readonly clock: WallClock;
  readonly bundles: Bundles;
  readonly quarantine: Quarantine;
}

export interface FetchBulkRequest {
  readonly purpose: BulkPurpose;
  readonly clusters: readonly string[];
  readonly untilMs: number | undefined;
  /** Set for a directory of files: whose they are, and how they open. */
  readonly foreign:
    { readonly cluster: string; readonly passphrase: string; readonly legacy: boolean } | undefined;
  readonly onStep: (done: number, total: number) => void;
}

/** Gives one line for each file of a directory that was not taken, and why. Failures of the share and of its files. */
export async function fetchBulk(
  ports: FetchBulkPorts,
  share: Share,
  request: FetchBulkRequest,
): Promise<readonly string[]> {
  const skipped: string[] = [];
  const content =
    request.foreign === undefined
      ? await readConsolidation(share)
      : await readForeign(ports, share, request.foreign, request.onStep, skipped);
  const { clusters, untilMs } = request;
  const quarantined = { place: share.place, fetchedMs: ports.clock.nowMs(), clusters, untilMs, content };
  ports.quarantine.save(request.purpose, encodeQuarantined(quarantined));
  return skipped;
}

async function readConsolidation(share: Share): Promise<Quarantined['content']> {
  const bytes = await share.read(consolidationPath, bulkConsolidationBytesMax);
  if (bytes !== undefined) return { kind: 'consolidation', bytes };
  throw new Failure('not-found', `${share.place} holds no consolidation`, {
    hint: `One cluster runs: tftp-pki consolidate-bulk --at ${share.place}; a directory of somebody else's files is read with --foreign ID.`,
  });
}

async function readForeign(
  { bundles }: FetchBulkPorts,
  share: Share,
  { cluster, passphrase, legacy }: NonNullable<FetchBulkRequest['foreign']>,
  onStep: FetchBulkRequest['onStep'],
  skipped: string[],
): Promise<Quarantined['content']> {
  if (!isClusterFolder(cluster)) throw new Failure('usage', `${JSON.stringify(cluster)} is no cluster id`);
  const files = (await share.list('')).filter(isCertificateFile);
  const certificates = [];
  let done = 0;
  for (const file of files) {
    const type = typeOfFileName(file);
    const readable = isSharePath(file);
    const bytes = type && readable ? await share.read(file, pkcs12BytesMax) : undefined;
    onStep(++done, files.length);
    if (type === undefined || bytes === undefined) {
      skipped.push(
        readable
          ? `${printable(file)}: its name does not say what it is for: tftp, tvs, capf, tomcat or itlrecovery`
          : `${printable(file)}: rename it: letters, digits, dots, hyphens and underscores`,
      );
      continue;
    }
    const read = await naming(file, bundles.read(bytes, { passphrase, legacy }));
    if (read.hasKey)
      throw new Failure('refused', `${printable(file)} holds a private key, which is no business of ours`, {
        hint: 'Take it away, and tell its owner that the key left its place.',
      });
    certificates.push(...read.certificates.map(({ der }) => ({ file, type, der })));
  }
  if (certificates.length === 0 || certificates.length > bulkCertificatesMax)
    throw new Failure(
      'refused',
      `${share.place} holds ${certificates.length} certificates that could be taken`,
      {
        hint: skipped[0] ?? 'Name a directory with .pem and .p12 files.',
      },
    );
  return { kind: 'foreign', cluster, certificates };
}

async function naming<T>(file: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const hint =
      error.code === 'passphrase-wrong' ? 'Name its passphrase with --bundle-passphrase-file.' : error.hint;
    throw new Failure(error.code, `${printable(file)}: ${error.message}`, { hint, cause: error });
  }
}
