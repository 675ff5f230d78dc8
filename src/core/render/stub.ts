/**
 * The stub that stands beside an encrypted configuration (formats.md §2): what a phone needs to know before it can read
 * the whole one, and nothing else: its load, how to enrol for a certificate, and whose certificate opens the other.
 * Refuses a configuration that is not well-formed.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { decodeLatin1, decodeUtf8, encodeUtf8, toHex } from '../../base/text.ts';
import { scanElements } from '../phone/config-scan.ts';
import type { Crypto } from '../ports.ts';
import { element, writeXml } from './xml.ts';

const wanted = new Set(['ipAddressMode', 'loadInformation', 'capfAuthMode', 'phonePort', 'processNodeName']);

/**
 * `full` is the plain configuration; `certificateDer` undefined: the phone has none yet and enrols. `salt`: hex, of bits
 * that nobody can foresee, the same on every node.
 */
export function buildStub(
  crypto: Pick<Crypto, 'digest'>,
  full: Uint8Array,
  certificateDer: Uint8Array | undefined,
  salt: string,
): Outcome<Uint8Array, string> {
  const text = (decodeUtf8(full) ?? decodeLatin1(full)).replace('\ufeff', '');
  const whole = scanElements(text, wanted);
  const capfList = /<capfList>[^]*?<\/capfList>/.exec(text.replace(/<!--[^]*?-->/g, ''))?.[0] ?? '';
  const capf = scanElements(capfList, wanted);
  if (whole === undefined || capf === undefined) return bad('the configuration is not well-formed');
  const first = (name: string) => {
    const value = whole.get(name)?.[0];
    return value === undefined ? [] : [element(name, value)];
  };
  const ports = capf.get('phonePort') ?? [];
  const names = capf.get('processNodeName') ?? [];
  const root = element('device', [
    element('fullConfig', false),
    ...first('ipAddressMode'),
    ...first('loadInformation'),
    ...first('capfAuthMode'),
    element(
      'capfList',
      names.map((name, index) =>
        element('capf', [element('phonePort', ports[index] ?? '3804'), element('processNodeName', name)]),
      ),
    ),
    element('certHash', certificateDer === undefined ? '' : toHex(crypto.digest('md5', certificateDer))),
    element('encrConfig', true),
  ]);
  // As before every text of a user: bits that nobody can foresee, for signatures with SHA-1 (security.md §3).
  const written = writeXml(root, `stub ${salt.slice(0, 32)}`);
  return written.ok ? good(encodeUtf8(written.value)) : bad(written.error.reason);
}
