/**
 * A DHCP answer as bytes (RFC 2131 §2, RFC 2132) into what a device looks at: either the whole message, told by its
 * magic cookie at 236, or the options alone. Option overload (52) is followed into file and sname (RFC 2131 §4.1);
 * an option that comes in parts is joined (RFC 3396). Refuses options that run past their field, and a 150 that is
 * not a list of four-byte addresses.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { decodeLatin1, printable } from '../../base/text.ts';
import type { DhcpOffer, Offered } from './tftp-address.ts';

const cookieAt = 236;
const cookie = [99, 130, 83, 99];

interface Option {
  readonly code: number;
  readonly bytes: readonly number[];
}

export function readDhcpOffer(bytes: Uint8Array): Outcome<DhcpOffer, string> {
  const whole = cookie.every((byte, at) => bytes[cookieAt + at] === byte);
  const bare = cookie.every((byte, at) => bytes[at] === byte);
  const main = readOptions(bytes.subarray(whole ? cookieAt + 4 : bare ? 4 : 0));
  if (!main.ok) return main;
  const overload = whole ? (main.value.find(({ code }) => code === 52)?.bytes[0] ?? 0) : 0;
  const file = (overload & 1) === 0 ? good([]) : readOptions(bytes.subarray(108, cookieAt));
  if (!file.ok) return file;
  const server = (overload & 2) === 0 ? good([]) : readOptions(bytes.subarray(44, 108));
  if (!server.ok) return server;
  const offered = offeredOf(joinParts([...main.value, ...file.value, ...server.value]));
  if (!offered.ok) return offered;
  return good({
    siaddr: whole ? bytes.subarray(20, 24).join('.') : undefined,
    sname: whole && (overload & 2) === 0 ? textOf([...bytes.subarray(44, 108)]) : undefined,
    options: offered.value,
  });
}

function readOptions(field: Uint8Array): Outcome<readonly Option[], string> {
  const options: Option[] = [];
  let at = 0;
  while (at < field.length) {
    const code = field[at] ?? 255;
    if (code === 255) break;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = field[at + 1];
    if (length === undefined || at + 2 + length > field.length)
      return bad(`option ${code} at byte ${at} runs past its end`);
    options.push({ code, bytes: [...field.subarray(at + 2, at + 2 + length)] });
    at += 2 + length;
  }
  return good(options);
}

/** At the place of the first part. */
function joinParts(options: readonly Option[]): readonly Option[] {
  const joined = new Map<number, number[]>();
  for (const { code, bytes } of options) {
    const known = joined.get(code);
    if (known === undefined) joined.set(code, [...bytes]);
    else known.push(...bytes);
  }
  return [...joined].map(([code, bytes]) => ({ code, bytes }));
}

function offeredOf(options: readonly Option[]): Outcome<readonly Offered[], string> {
  const offered: Offered[] = [];
  for (const { code, bytes } of options) {
    if (code === 66) offered.push({ option: 66, value: textOf(bytes) ?? '' });
    if (code !== 150) continue;
    if (bytes.length % 4 !== 0) return bad(`option 150 has ${bytes.length} bytes, not four for each address`);
    const addresses = Array.from({ length: bytes.length / 4 }, (_, at) =>
      bytes.slice(at * 4, at * 4 + 4).join('.'),
    );
    offered.push({ option: 150, addresses });
  }
  return good(offered.filter((option) => option.option === 150 || option.value !== ''));
}

/** Up to the first NUL; some servers count it. */
function textOf(bytes: readonly number[]): string | undefined {
  const end = bytes.indexOf(0);
  const text = decodeLatin1(Uint8Array.from(end === -1 ? bytes : bytes.slice(0, end)));
  return text === '' ? undefined : printable(text);
}
