/**
 * The grammar of requested names (design.md §4, domain.md §3): one name in, its class or a rejection out.
 * A name that is not in the grammar is rejected as it stands and never repaired (security.md §1);
 * to the asker a rejection looks exactly like an unknown file.
 *
 * Refuses: empty or over `fileNameBytesMax`, anything but printable ASCII (a phone's names are ASCII and the
 * signed header knows no character set), `\`, `%`, absolute names, empty segments and segments that start
 * with a dot (`.`, `..`, hidden files).
 */
import { fileNameBytesMax } from '../../base/limits.ts';
import { bad, good } from '../../base/outcome.ts';
import type { Outcome } from '../../base/outcome.ts';

export type FileNameKind =
  | 'config'
  | 'encrypted-config'
  | 'device-ctl'
  | 'device-itl'
  | 'cluster-ctl'
  | 'cluster-itl'
  | 'default-config'
  | 'cluster-bound'
  | 'cosmetic'
  | 'firmware'
  | 'other';

export type NameRejection =
  | 'empty'
  | 'too-long'
  | 'control-character'
  | 'not-ascii'
  | 'backslash'
  | 'percent'
  | 'absolute'
  | 'empty-segment'
  | 'dot-segment';

export interface FileName {
  /** Exactly as asked; a signature is made for this spelling. */
  readonly asked: string;
  readonly kind: FileNameKind;
  /** Canonical device name (`SEP001122334455`) of a name that carries one. */
  readonly device: string | undefined;
  /** The name asks for a signature of ours or of home's. Never true for firmware: the maker signed it. */
  readonly signed: boolean;
  /** The name without its `.sgn` where `signed`, else as asked. */
  readonly base: string;
  readonly segments: readonly string[];
}

/** Reads one name; total over every string. */
export function parseFileName(asked: string): Outcome<FileName, NameRejection> {
  const rejection = rejectionOf(asked);
  if (rejection !== undefined) return bad(rejection);
  const segments = asked.split('/');
  if (firmwarePattern.test(asked)) {
    return good({ asked, kind: 'firmware', device: undefined, signed: false, base: asked, segments });
  }
  const signed = signedSuffix.test(asked) && asked.length > '.sgn'.length;
  const base = signed ? asked.slice(0, -'.sgn'.length) : asked;
  for (const { kind, pattern } of signed ? signedProductions : productions) {
    const match = pattern.exec(base);
    if (match) {
      return good({ asked, kind, device: canonicalDevice(match.groups?.['device']), signed, base, segments });
    }
  }
  return good({ asked, kind: 'other', device: undefined, signed, base, segments });
}

/** A miss of a device's own trust list is the normal noise of booting phones (domain.md §3): debug level. */
export function isNoiseMiss(asked: string): boolean {
  const name = parseFileName(asked);
  return name.ok && (name.value.kind === 'device-ctl' || name.value.kind === 'device-itl');
}

/** The name of a device as databases hold it (upper case), read in any case; `undefined` for anything else. */
export function parseDeviceName(text: string): string | undefined {
  return wholeDevice.test(text) ? text.toUpperCase() : undefined;
}

function rejectionOf(name: string): NameRejection | undefined {
  if (name.length === 0) return 'empty';
  if (name.length > fileNameBytesMax) return 'too-long';
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return 'control-character';
    if (code > 0x7f) return 'not-ascii';
    if (code === 0x5c) return 'backslash';
    if (code === 0x25) return 'percent';
    if (code === 0x2f && i === 0) return 'absolute';
    const segmentStart = i === 0 || name.charCodeAt(i - 1) === 0x2f;
    if (segmentStart && code === 0x2f) return 'empty-segment';
    if (segmentStart && code === 0x2e) return 'dot-segment';
  }
  return name.endsWith('/') ? 'empty-segment' : undefined;
}

/**
 * Devices named by an address: phones SEP, adapters ATA, gateways VGC and SKIGW, analogue ports AN
 * (ten digits of the address and three of the port). Soft phones carry a user's name instead.
 */
const device =
  '(?:SEP|ATA|VGC)[0-9A-F]{12}|AN[0-9A-F]{10}[0-9]{3}|SKIGW[0-9A-F]{10}|(?:CSF|TCT|BOT|TAB)[0-9A-Z._-]{1,12}';
const uuid = '[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}';
const wholeDevice = new RegExp(`^(?:${device})$`, 'i');
const signedSuffix = /\.sgn$/i;

/** Row 1 of design.md §4: loads and their parts; `.zz.sgn` and `.cop.sgn` carry the maker's signature. */
const firmwarePattern =
  /\.(?:loads|sbn|sb2|sebn|sbin|bin|zup|kxz|pkg|rwf|cop|(?:zz|cop|k3|k4|k9|bin|loads)\.sgn)$/i;

interface Production {
  readonly kind: FileNameKind;
  readonly pattern: RegExp;
}

function production(kind: FileNameKind, pattern: string): Production {
  return { kind, pattern: new RegExp(`^(?:${pattern})$`, 'i') };
}

/** Rows 2–5 of design.md §4 in the order they are tried; on a signed name they describe what stands before `.sgn`. */
const contentProductions: readonly Production[] = [
  production('default-config', '(?:XMLDefault|SEPDefault|SIPDefault)\\.cnf(?:\\.xml)?'),
  production('config', `(?<device>${device})\\.cnf(?:\\.xml)?`),
  production('config', '(?<device>SIP[0-9A-F]{12})\\.cnf'),
  production('config', '(?<device>[0-9A-Z._-]{1,64})\\.cnf\\.xml'),
  production(
    'cluster-bound',
    `(?:AppDialRules|DirLookupDialRules|DialTemplate|SoftKeys|FeaturePolicy(?:Default)?)\\.xml|[0-9A-Z_-]*dial-?plan[0-9A-Z_-]*\\.xml|(?:SK|DR|FP)${uuid}\\.xml|default(?:headset|wallpaper)config\\.json|OS79XX\\.TXT`,
  ),
  production('cosmetic', '(?:Ringlist(?:-wb)?|DistinctiveRingList)\\.xml|[^/]+\\.(?:raw|rwb)'),
  production('cosmetic', 'Desktops/(?:[^/]+/)*[^/]+|[^/]+/[^/]+\\.(?:jar|xml|dat|utf-8)'),
];

const productions: readonly Production[] = [
  production('device-ctl', `CTL(?<device>${device})\\.tlv`),
  production('device-itl', `ITL(?<device>${device})\\.tlv`),
  production('cluster-ctl', 'CTLFile\\.tlv'),
  production('cluster-itl', 'ITLFile\\.tlv'),
  ...contentProductions,
];

/** A trust list signs itself: `ITLFile.tlv.sgn` is no name that means something. */
const signedProductions: readonly Production[] = [
  production('encrypted-config', `(?<device>${device})\\.cnf\\.xml\\.enc`),
  ...contentProductions,
];

/** Hex is upper case in databases; the SIP loads of the 7940/7960 ask as `SIP<MAC>` for the device `SEP<MAC>`. */
function canonicalDevice(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (/^SIP[0-9A-F]{12}$/i.test(text)) return `SEP${text.slice(3).toUpperCase()}`;
  return parseDeviceName(text) ?? text;
}
