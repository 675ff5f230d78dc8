/**
 * A single byte range of a `Range` header (RFC 9110 §14). Several ranges, another unit and a broken header are
 * ignored, as §14.2 allows: the whole file is served. A range that holds no byte of the file is `unsatisfiable`.
 */
export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export function readRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  const [first, last] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (first === '' && last === '') return 'whole';
  if (first === '') {
    // §14.1.2: a suffix longer than the file means the whole file.
    const start = Math.max(0, size - Number(last));
    return start < size ? { start, end: size } : 'unsatisfiable';
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole'; // §14.1.1: invalid, so ignored
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}
