/**
 * `import-devices`: a folder of `SEP<MAC>.cnf.xml`, or a CSV file, into the database. Batch after batch, each a short
 * transaction, so that a server beside it goes on signing; servers hear of the devices once, at the end. Interrupted,
 * the same call goes on where it stopped: a file that was taken before is known by its hash.
 *
 * Each file comes in wholly or not at all. Refused, with one reason each: what src/files/read-document.ts refuses,
 * names that are no device's, links and whatever is no regular file.
 */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { devicesPerTransactionMax, importedCsvBytesMax, importedFileBytesMax } from '../base/limits.ts';
import { bad, good, type Outcome } from '../base/outcome.ts';
import { decodeUtf8, encodeUtf8, toHex } from '../base/text.ts';
import { parseCsv } from '../core/devices/csv.ts';
import type { ImportedDevice, ImportOutcome } from '../core/devices/device-store.ts';
import {
  deviceNameOfFile,
  deviceOfDocument,
  deviceOfRow,
  refuseCsvHeader,
} from '../core/devices/imported.ts';
import { openFlags } from '../files/open-file.ts';
import { readDocument } from '../files/read-document.ts';
import type { OpenNode } from './open-node.ts';

export interface ImportLine {
  /** File name, or `line N` of a CSV. */
  readonly source: string;
  readonly outcome: ImportOutcome | 'refused';
  readonly device: string | undefined;
  readonly reason: string | undefined;
}

export interface ImportOptions {
  readonly path: string;
  /** For files: what they do not say. */
  readonly model: string;
  readonly pool: string | undefined;
  readonly onLine: (line: ImportLine) => void;
  /** Sources in all, before the first line. */
  readonly onTotal: (total: number) => void;
  /** True ends the import after the batch at hand. */
  readonly stopped: () => boolean;
}

type Ports = Pick<OpenNode, 'store' | 'crypto' | 'clock'>;

interface Source {
  readonly name: string;
  read(): Promise<Outcome<ImportedDevice, string>>;
}

export async function importDevices(ports: Ports, options: ImportOptions): Promise<void> {
  const sources = await sourcesAt(ports, options);
  options.onTotal(sources.length);
  let changed = false;
  try {
    for (let at = 0; at < sources.length && !options.stopped(); at += devicesPerTransactionMax)
      changed =
        (await importSome(ports, options, sources.slice(at, at + devicesPerTransactionMax))) || changed;
  } finally {
    if (changed) await ports.store.announceDevices();
  }
}

/** Whether anything was added. */
async function importSome(
  { store }: Ports,
  { onLine }: ImportOptions,
  sources: readonly Source[],
): Promise<boolean> {
  const read = await Promise.all(sources.map(async (source) => ({ source, found: await source.read() })));
  const good = read.flatMap(({ found }) => (found.ok ? [found.value] : []));
  const outcomes = (await store.importDevices(good)).values();
  let added = false;
  for (const { source, found } of read) {
    const outcome = found.ok ? (outcomes.next().value ?? 'same') : 'refused';
    added ||= outcome === 'added';
    const taken = outcome === 'exists' ? 'there is a device of that name from another source' : undefined;
    onLine({
      source: source.name,
      outcome,
      device: found.ok ? found.value.device.name : undefined,
      reason: found.ok ? taken : found.error,
    });
  }
  return added;
}

async function sourcesAt(ports: Ports, options: ImportOptions): Promise<readonly Source[]> {
  const entries = await readdir(options.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw new Failure('storage-unreadable', `cannot read ${options.path}: ${error.message}`, {
      cause: error,
    });
  });
  if (entries === undefined) return rowsOf(ports, options);
  const files = entries.filter((name) => /\.cnf\.xml$/i.test(name) && !/^xmldefault\./i.test(name)).sort();
  if (files.length === 0)
    throw new Failure('not-found', `there is no SEP….cnf.xml in ${options.path}`, {
      hint: 'Name the folder of an existing TFTP server, or a CSV file.',
    });
  return files.map((name) => ({ name, read: () => readConfigFile(ports, options, name) }));
}

async function readConfigFile(
  { crypto, clock }: Ports,
  { path, model, pool }: ImportOptions,
  file: string,
): Promise<Outcome<ImportedDevice, string>> {
  const name = deviceNameOfFile(file);
  if (!name.ok) return name;
  const bytes = await readRegularFile(join(path, file), importedFileBytesMax);
  if (!bytes.ok) return bytes;
  const document = readDocument(bytes.value, crypto);
  if (!document.ok) return document;
  return good({
    device: deviceOfDocument(name.value, document.value, { model, pool, addedMs: clock.nowMs() }),
    document: document.value,
    sourceSha256: toHex(crypto.digest('sha256', bytes.value)),
  });
}

/** The rows of a CSV file; Failure `format` when it is none. */
async function rowsOf({ crypto, clock }: Ports, { path }: ImportOptions): Promise<readonly Source[]> {
  const bytes = await readRegularFile(path, importedCsvBytesMax);
  if (!bytes.ok) throw new Failure('format', `${path} ${bytes.error}`);
  const text = decodeUtf8(bytes.value);
  if (text === undefined) throw new Failure('format', `${path} is not UTF-8`);
  const rows = parseCsv(text);
  if (!rows.ok) throw new Failure('format', `${path}: ${rows.error}`);
  const [header, ...devices] = rows.value;
  if (header === undefined) throw new Failure('format', `${path} is empty`);
  const wrong = refuseCsvHeader(header);
  if (wrong !== undefined) throw new Failure('format', `${path} ${wrong}`);
  return devices.map((row) => ({
    name: `line ${row.line}`,
    async read() {
      const device = deviceOfRow(header, row, clock.nowMs());
      if (!device.ok) return device;
      const source = JSON.stringify([header.fields, row.fields]);
      return good({
        device: device.value,
        document: undefined,
        sourceSha256: toHex(crypto.digest('sha256', encodeUtf8(source))),
      });
    },
  }));
}

async function readRegularFile(path: string, bytesMax: number): Promise<Outcome<Uint8Array, string>> {
  let handle;
  try {
    handle = await open(path, openFlags);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return bad(code === 'ELOOP' ? 'is a link' : `cannot be read: ${code}`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return bad('is no regular file');
    if (stats.size > bytesMax) return bad(`is larger than ${bytesMax} bytes`);
    return good(Uint8Array.from(await handle.readFile()));
  } finally {
    await handle.close();
  }
}
