/**
 * The secrets of a configuration that would leave in clear (domain.md §9: SeeYouCM-Thief and iCULeak read them by TFTP):
 * names of elements with a text, never the text. A file that is not well-formed is searched all the same, because a
 * phone may be as careless as a thief.
 */
import { decodeLatin1, decodeUtf8 } from '../../base/text.ts';
import { scanElements } from '../phone/config-scan.ts';

const elements = ['sshPassword', 'adminPassword', 'phonePassword', 'userId', 'authPassword'];
const wanted: ReadonlySet<string> = new Set(elements);

/** An element of a secret's name that is followed by anything but its end: cheap, and never too few. */
const suspicious = new RegExp(`<(${elements.join('|')})(?:\\s[^<>]*)?>(?!\\s*</)`, 'g');

/** `phone_password: "x"` and `line1_password: "x"` of a text configuration. */
const textSecret = /^\s*(phone_password|line\d+_password)\s*:\s*"?[^"\s]/gm;

/** In the order of the file, each once. */
export function secretsIn(content: Uint8Array): readonly string[] {
  const text = (decodeUtf8(content) ?? decodeLatin1(content)).replaceAll('\0', '');
  const inText = Array.from(text.matchAll(textSecret), ([, name = '']) => name);
  const suspects = Array.from(text.matchAll(suspicious), ([, name = '']) => name);
  if (suspects.length === 0) return [...new Set(inText)];
  const found = scanElements(text, wanted);
  return [...new Set(found === undefined ? suspects : found.keys())];
}
