/**
 * The writer of every XML file that is built here (XML 1.0, UTF-8): deterministic, two blanks per level, `<a></a>` for
 * nothing as CUCM writes it. Element names are ours and asserted; text is anybody's and escaped.
 *
 * Refuses text that XML 1.0 §2.2 has no character for: controls but tab and line ends, lone surrogates, U+FFFE/FFFF.
 */
import { assert } from '../../base/assert.ts';
import { bad, good, type Outcome } from '../../base/outcome.ts';

export interface XmlElement {
  readonly name: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly content: string | readonly XmlElement[];
}

export interface RenderProblem {
  /** Elements from the root down, as `device/sipProfile`. */
  readonly path: string;
  readonly reason: string;
}

export function element(
  name: string,
  content: string | number | boolean | readonly XmlElement[] = '',
  attributes: Readonly<Record<string, string>> = {},
): XmlElement {
  return {
    name,
    attributes: Object.entries(attributes),
    content: typeof content === 'object' ? content : String(content),
  };
}

/** `comment` stands before the root, so before any text of a user. */
export function writeXml(root: XmlElement, comment: string): Outcome<string, RenderProblem> {
  assert(!comment.includes('--') && illegalCharacter(comment) === undefined, 'comments are ours');
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<!-- ${comment} -->`];
  const problem = writeElement(root, '', '', lines);
  return problem === undefined ? good(`${lines.join('\n')}\n`) : bad(problem);
}

/** Names the first character that no XML 1.0 file may hold, or gives `undefined`. */
export function illegalCharacter(text: string): string | undefined {
  const found = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(text)?.[0];
  if (found === undefined) return undefined;
  return `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

export function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (char) => escapes[char] ?? char);
}

export const elementNamePattern = /^[A-Za-z_][\w.-]*$/;

/** A carriage return that stood as it is would come back as a line feed (XML 1.0 §2.11). */
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

function writeElement(
  { name, attributes, content }: XmlElement,
  indent: string,
  parent: string,
  lines: string[],
): RenderProblem | undefined {
  assert(elementNamePattern.test(name), 'element names are checked before');
  const path = parent === '' ? name : `${parent}/${name}`;
  for (const [attribute, value] of attributes) {
    const illegal = illegalCharacter(value);
    if (illegal !== undefined) return { path: `${path}/@${attribute}`, reason: `holds ${illegal}` };
  }
  const start = `${indent}<${name}${attributes.map(writeAttribute).join('')}>`;
  if (typeof content === 'string') {
    const illegal = illegalCharacter(content);
    if (illegal !== undefined) return { path, reason: `holds ${illegal}, which XML has no place for` };
    lines.push(`${start}${escapeText(content)}</${name}>`);
    return undefined;
  }
  if (content.length === 0) {
    lines.push(`${start}</${name}>`);
    return undefined;
  }
  lines.push(start);
  for (const child of content) {
    const problem = writeElement(child, `${indent}  `, path, lines);
    if (problem !== undefined) return problem;
  }
  lines.push(`${indent}</${name}>`);
  return undefined;
}

function writeAttribute([name, value]: readonly [string, string]): string {
  return ` ${name}="${value.replace(/[&<>"\t\n\r]/g, (char) => escapes[char] ?? char)}"`;
}
