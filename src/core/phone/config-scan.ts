/**
 * What a phone's configuration names, read without an XML library (the pure rooms have none): the text of a few
 * elements wherever they stand. Well-formed enough or nothing: a tag that does not close, a doctype, an entity other
 * than XML's own five, nesting beyond 64 give `undefined`. Attributes are skipped, comments and CDATA understood.
 */

const depthMax = 64;

/** Text of each wanted element in the order of the file, empty ones left out. */
export function scanElements(
  xml: string,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> | undefined {
  const found = new Map<string, string[]>();
  const open: { name: string; text: string }[] = [];
  let at = 0;
  while (at < xml.length) {
    const markup = xml.indexOf('<', at);
    const text = unescape(xml.slice(at, markup === -1 ? xml.length : markup));
    if (text === undefined) return undefined;
    const inner = open.at(-1);
    if (inner) inner.text += text;
    else if (text.replace('\ufeff', '').trim() !== '') return undefined;
    if (markup === -1) break;
    const token = readMarkup(xml, markup);
    if (token === undefined) return undefined;
    at = token.end;
    if (token.kind === 'cdata' && inner) inner.text += token.text;
    if (token.kind === 'open') open.push({ name: token.name, text: '' });
    if (open.length > depthMax) return undefined;
    if (token.kind !== 'close') continue;
    const closed = open.pop();
    if (closed?.name !== token.name) return undefined;
    const value = closed.text.trim();
    if (wanted.has(closed.name) && value !== '')
      found.set(closed.name, [...(found.get(closed.name) ?? []), value]);
  }
  return open.length === 0 ? found : undefined;
}

type Markup = { readonly end: number } & (
  | { readonly kind: 'open' | 'close'; readonly name: string }
  | { readonly kind: 'cdata'; readonly text: string }
  | { readonly kind: 'skip' }
);

const spans = [
  { start: '<!--', stop: '-->', kind: 'skip' },
  { start: '<![CDATA[', stop: ']]>', kind: 'cdata' },
  { start: '<?', stop: '?>', kind: 'skip' },
] as const;

/** One piece of markup at `at`; a doctype is none. */
function readMarkup(xml: string, at: number): Markup | undefined {
  for (const { start, stop, kind } of spans) {
    if (!xml.startsWith(start, at)) continue;
    const end = xml.indexOf(stop, at + start.length);
    if (end === -1) return undefined;
    return { kind, text: xml.slice(at + start.length, end), end: end + stop.length };
  }
  tagPattern.lastIndex = at;
  const tag = tagPattern.exec(xml);
  const name = tag?.groups?.['name'];
  if (!tag || name === undefined) return undefined;
  const end = at + tag[0].length;
  if (tag.groups?.['empty'] !== undefined) return { kind: 'skip', end };
  return { kind: tag.groups?.['close'] === undefined ? 'open' : 'close', name, end };
}

/** A start, end or empty tag; attribute values may hold `>`. */
const tagPattern =
  /<(?<close>\/)?(?<name>[A-Za-z_][\w:.-]*)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(?<empty>\/)?>/y;

const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function unescape(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let known = true;
  const plain = text.replace(/&([^;&]*)(;?)/g, (_, name: string, end: string) => {
    const char = end === ';' ? (entities.get(name) ?? characterOf(name)) : undefined;
    known &&= char !== undefined;
    return char ?? '';
  });
  return known ? plain : undefined;
}

function characterOf(reference: string): string | undefined {
  const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference);
  if (!match) return undefined;
  const point = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}
