/**
 * Comma-separated values (RFC 4180): quoted fields may hold commas, line ends and doubled quotes; CRLF or LF.
 * Refuses a quote inside a bare field and one that never ends.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';

export interface CsvRow {
  /** Of the line where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** Empty lines are left out. */
export function parseCsv(text: string): Outcome<readonly CsvRow[], string> {
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let line = 1;
  let began = 1;
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const token = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  while (token.lastIndex < source.length) {
    const match = token.exec(source);
    if (match === null) return bad(`line ${line}: a quote that does not fit`);
    const [whole, quoted, bare = '', end] = match;
    fields.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    line += whole.split('\n').length - 1;
    if (end === ',') {
      // A comma at the very end stands before an empty field.
      if (token.lastIndex < source.length) continue;
      fields.push('');
    }
    if (fields.length > 1 || fields[0] !== '') rows.push({ line: began, fields });
    fields = [];
    began = line;
  }
  return good(rows);
}
