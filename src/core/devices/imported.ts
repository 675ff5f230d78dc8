/**
 * What an imported file or row says of its device. A file keeps all it holds in its document; what the database must
 * know of it (protocol, security, load, lines) is read from its slots.
 *
 * Refuses names that no device has: `SEPMAC`, eleven digits, a host name on a phone's file.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import type { Device, DeviceLine, DeviceProtocol, DeviceSecurity } from '../cluster/model.ts';
import { parseDeviceName } from '../files/file-name.ts';
import { rawText, type DeviceDocument, type DocumentTemplate } from '../render/document.ts';
import { parseElementPath } from '../render/override.ts';
import { familyOf } from './family.ts';
import type { CsvRow } from './csv.ts';

/** The device of `SEP001122334455.cnf.xml`. */
export function deviceNameOfFile(file: string): Outcome<string, string> {
  const stem = file.replace(/\.cnf\.xml$/i, '');
  const name = parseDeviceName(stem);
  if (name !== undefined) return good(name);
  return bad('is not named after a device: SEP or ATA and the 12 hexadecimal digits of its MAC address');
}

export function deviceOfDocument(
  name: string,
  template: DocumentTemplate,
  given: { readonly model: string; readonly pool: string | undefined; readonly addedMs: number },
): Device {
  const document: DeviceDocument = { template, values: {} };
  const plain = (path: string): string | undefined => {
    const raw = rawText(document, path);
    // What needs unescaping stays in the document alone.
    return raw === undefined || raw === '' || /[&<]/.test(raw) ? undefined : raw;
  };
  return {
    name,
    model: given.model,
    protocol: protocols.get(plain('deviceProtocol') ?? '') ?? 'SIP',
    security: securities.get(plain('deviceSecurityMode') ?? '') ?? 'none',
    lines: linesOf(template, plain),
    certificateDer: undefined,
    pool: given.pool,
    load: plain('loadInformation'),
    addedMs: given.addedMs,
  };
}

const protocols: ReadonlyMap<string, DeviceProtocol> = new Map<string, DeviceProtocol>([
  ['SIP', 'SIP'],
  ['SCCP', 'SCCP'],
  ['MGCP', 'MGCP'],
]);
const securities: ReadonlyMap<string, DeviceSecurity> = new Map<string, DeviceSecurity>([
  ['1', 'none'],
  ['2', 'authenticated'],
  ['3', 'encrypted'],
]);

/** Feature 9 is a line; the n-th of them is line n. Passwords stay in the document. */
function linesOf(template: DocumentTemplate, plain: (path: string) => string | undefined): DeviceLine[] {
  return template.slots
    .filter(({ path }) => /^sipProfile\/sipLines\/line(?:\[\d+\])?\/featureID$/.test(path))
    .map(({ path }) => path.slice(0, -'/featureID'.length))
    .flatMap((line) => {
      const extension = plain(`${line}/name`);
      if (plain(`${line}/featureID`) !== '9' || extension === undefined) return [];
      return [{ extension, label: plain(`${line}/featureLabel`), displayName: plain(`${line}/displayName`) }];
    })
    .map((line, at) => ({ index: at + 1, ...line }));
}

export const csvColumns =
  'name, model, protocol, security, pool, load, line1 …, label1 …, set:ELEMENT/PATH …';

/** Undefined for a header that has all it needs, else why not. */
export function refuseCsvHeader(header: CsvRow): string | undefined {
  const missing = ['name', 'model', 'protocol'].find((column) => !header.fields.includes(column));
  if (missing !== undefined) return `has no column ${missing}; its first line names ${csvColumns}`;
  const twice = header.fields.find((column, at) => header.fields.indexOf(column) !== at);
  if (twice !== undefined) return `has the column ${twice} twice`;
  const wrong = header.fields.find((column) => !knownColumn(column));
  return wrong === undefined ? undefined : `has a column ${wrong}; known are ${csvColumns}`;
}

function knownColumn(column: string): boolean {
  if (column.startsWith('set:')) return parseElementPath(column.slice('set:'.length)) !== undefined;
  return /^(?:name|model|protocol|security|pool|load|(?:line|label)[1-9]\d?)$/.test(column);
}

export function deviceOfRow(header: CsvRow, row: CsvRow, addedMs: number): Outcome<Device, string> {
  if (row.fields.length !== header.fields.length)
    return bad(`has ${row.fields.length} fields where the first line has ${header.fields.length}`);
  const values = new Map(header.fields.map((column, at) => [column, row.fields[at]?.trim() ?? '']));
  const field = (column: string): string | undefined => values.get(column) || undefined;
  const given = field('name') ?? '';
  const model = field('model') ?? '';
  const name = parseDeviceName(given);
  if (name === undefined) return bad(`${JSON.stringify(given)} is not a device name`);
  if (!modelPattern.test(model)) return bad(`${JSON.stringify(model)} is not a model name`);
  const protocol = protocols.get(field('protocol') ?? '');
  if (protocol === undefined) return bad('protocol is one of SIP, SCCP, MGCP');
  if (protocol === 'MGCP' && familyOf({ name, model }) !== 'gateway') return bad('phones speak no MGCP');
  const security = field('security') ?? 'none';
  if (!isSecurity(security)) return bad('security is one of none, authenticated, encrypted');
  const lines = header.fields.flatMap((column): DeviceLine[] => {
    const index = /^line(\d+)$/.exec(column)?.[1];
    const extension = field(column);
    if (index === undefined || extension === undefined) return [];
    return [{ index: Number(index), extension, label: field(`label${index}`) }];
  });
  const overrides = Object.fromEntries(
    [...values].flatMap(([column, value]) =>
      column.startsWith('set:') && value !== '' ? [[column.slice('set:'.length), value]] : [],
    ),
  );
  return good({
    name,
    model,
    protocol,
    security,
    lines,
    certificateDer: undefined,
    pool: field('pool'),
    load: field('load'),
    overrides: Object.keys(overrides).length === 0 ? undefined : overrides,
    addedMs,
  });
}

export const modelPattern = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;

function isSecurity(text: string): text is DeviceSecurity {
  return text === 'none' || text === 'authenticated' || text === 'encrypted';
}
