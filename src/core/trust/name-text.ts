/**
 * Names of certificates as the text of TLV items, compared as sets of attributes: CUCM writes
 * `CN=…;OU=…` in a fixed order, the open tools `CN=…,OU=…` in the certificate's (formats.md §1).
 * Values are not escaped by CUCM (`O=Cisco Systems, Inc.`), so a separator counts only before `TYPE=`.
 */
import type { NameAttributes } from '../ports.ts';

/** One comparable text for every order and separator; also of what is no name at all. */
export function canonicalNameText(text: string): string {
  const parts = text.split(/(?<!\\)[,;+]\s*(?=[A-Za-z][A-Za-z0-9-]*=|\d+(?:\.\d+)+=)/);
  return canonical(
    parts.map((part) => {
      const at = part.indexOf('=');
      return at === -1 ? ['', part] : [part.slice(0, at), part.slice(at + 1).replace(/\\(.)/g, '$1')];
    }),
  );
}

/**
 * Is this the name of these attributes? CUCM leaves out what is not in its own six: the issuer `CN=…, DC=…, DC=…`
 * of a Windows CA stands as `CN=…` alone (the TVS query of Cisco technote 213407).
 */
export function namesAttributes(text: string, attributes: NameAttributes): boolean {
  return isNameOf(canonicalNameText(text), attributes);
}

/** As `namesAttributes`, of a name that is canonical already. */
export function isNameOf(name: string, attributes: NameAttributes): boolean {
  const { whole, printed } = textsOf(attributes);
  return name === whole || (printed !== '' && name === printed);
}

interface AttributeTexts {
  readonly whole: string;
  /** '' where none of its types is printed. */
  readonly printed: string;
}

/** A value of its argument and nothing else: a cluster's lists name the same few certificates again and again. */
const remembered = new WeakMap<NameAttributes, AttributeTexts>();

function textsOf(attributes: NameAttributes): AttributeTexts {
  const known = remembered.get(attributes);
  if (known !== undefined) return known;
  const printed = attributes.filter(([type]) => printedTypes.has(type.toUpperCase()));
  const texts = { whole: canonical(attributes), printed: canonical(printed) };
  remembered.set(attributes, texts);
  return texts;
}

const printedTypes: ReadonlySet<string> = new Set(['CN', 'OU', 'O', 'L', 'ST', 'C']);

/** Short names that writers use for one type. */
const aliases = new Map([
  ['S', 'ST'],
  ['E', 'EMAILADDRESS'],
]);

function canonical(attributes: readonly (readonly string[])[]): string {
  return attributes
    .map(([type = '', value = '']) => {
      const upper = type.trim().toUpperCase();
      return `${aliases.get(upper) ?? upper}=${value.trim()}`;
    })
    .sort()
    .join('\n');
}
