/**
 * From device, pool, CallManager group, model and template to the bytes that are served (domain.md §4).
 * The same input gives the same bytes. The stamp is a digest of the content, so it changes when, and only when, the
 * content does; phones compare it to see that their configuration is new.
 *
 * Before any text of a user stands a comment with 128 random bits that are renewed with every change of the device:
 * who writes a label cannot prepare a second file with the same SHA-1 (security.md §3).
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';
import { encodeUtf8, toHex } from '../../base/text.ts';
import type { Device } from '../cluster/model.ts';
import { familyOf } from '../devices/family.ts';
import { defaultName, surroundingsOf, type Provisioning } from '../devices/provisioning.ts';
import type { Crypto } from '../ports.ts';
import { renderCnf, renderDefaultCnf } from './cnf-text.ts';
import { encodeDocument, fillDocument, rawText, type DeviceDocument } from './document.ts';
import { renderGateway } from './gateway.ts';
import { applyOverrides } from './override.ts';
import type { ConfigInput } from './phone-parts.ts';
import { renderSccpPhone } from './phone-sccp.ts';
import { renderSipPhone } from './phone-sip.ts';
import { renderRinglist } from './ringlist.ts';
import { element, escapeText, writeXml, type RenderProblem, type XmlElement } from './xml.ts';
import { renderXmlDefault } from './xml-default.ts';

export interface BuildSource {
  readonly device: Device;
  /** Of an imported device. */
  readonly document: DeviceDocument | undefined;
  /** 32 hex digits, new with every change of the device. */
  readonly salt: string;
}

export interface BuildContext {
  readonly provisioning: Provisioning;
  /** 32 hex digits, new with every change of the provisioning. */
  readonly salt: string;
  readonly crypto: Pick<Crypto, 'digest'>;
  /** Stands for a feature policy where none is set: who asks for it has taken this configuration (trust/marker.ts). */
  readonly marker?: ((device: string) => string) | undefined;
}

export interface BuiltFile {
  readonly bytes: Uint8Array;
  /** Undefined for files that carry none. */
  readonly versionStamp: string | undefined;
  /** SHA-256 over the file without its marker, lower-case hex: the same on every node. Undefined where none stands in it. */
  readonly sharedSha256?: string;
}

export type Built = Outcome<BuiltFile, RenderProblem>;

export function buildDeviceConfig(context: BuildContext, source: BuildSource): Built {
  const input = inputOf(context, source.device);
  if ('reason' in input) return bad(input);
  const overrides = [input.pool.overrides, input.model?.overrides ?? {}, source.device.overrides ?? {}];
  if (source.document !== undefined)
    return fillImported(context, input, source.document, Object.assign({}, ...overrides), source.salt);
  const rendered = renderDevice(input);
  if ('reason' in rendered) return bad(rendered);
  const root = applyOverrides(rendered, overrides);
  const marker = context.marker?.(source.device.name);
  return root.ok ? stampAndWrite(context, root.value, source.salt, marker) : root;
}

/** The text `.cnf` of a device; `undefined` where the policy gives it none. */
export function buildDeviceCnf(context: BuildContext, { device, salt }: BuildSource): Built | undefined {
  const { buildCnf, cnfModels } = context.provisioning;
  const wanted = buildCnf === 'all' || (buildCnf === 'selective' && cnfModels.includes(device.model));
  if (!wanted || device.protocol !== 'SIP') return undefined;
  const input = inputOf(context, device);
  return 'reason' in input ? bad(input) : asText(renderCnf(input, commentOf(context, salt)));
}

/** `undefined` where auto-registration is off: unknown phones get nothing. */
export function buildXmlDefault(context: BuildContext): Built | undefined {
  if (!context.provisioning.autoRegistration) return undefined;
  const surroundings = surroundingsOf(context.provisioning, { model: defaultName });
  if ('missing' in surroundings) return bad({ path: 'Default', reason: surroundings.missing });
  return asText(writeXml(renderXmlDefault(surroundings, context.provisioning), commentOf(context, '')));
}

export function buildDefaultCnf(context: BuildContext): Built | undefined {
  if (!context.provisioning.autoRegistration || context.provisioning.buildCnf === 'none') return undefined;
  const surroundings = surroundingsOf(context.provisioning, { model: defaultName });
  if ('missing' in surroundings) return bad({ path: 'SIPDefault', reason: surroundings.missing });
  return asText(renderDefaultCnf(surroundings, commentOf(context, '')));
}

export function buildRinglist(context: BuildContext): Built | undefined {
  const { rings } = context.provisioning;
  return rings.length === 0 ? undefined : asText(writeXml(renderRinglist(rings), commentOf(context, '')));
}

function inputOf(
  { provisioning, crypto }: BuildContext,
  device: Device,
): ConfigInput | (RenderProblem & { readonly device?: undefined }) {
  const surroundings = surroundingsOf(provisioning, device);
  if ('missing' in surroundings) return { path: device.name, reason: surroundings.missing };
  const { certificateDer, security } = device;
  const certHash =
    security === 'encrypted' && certificateDer ? toHex(crypto.digest('md5', certificateDer)) : '';
  return { ...surroundings, device, certHash };
}

function renderDevice(input: ConfigInput): XmlElement | RenderProblem {
  const { device } = input;
  const family = familyOf(device);
  if (family === 'gateway') return renderGateway(input);
  if (device.protocol === 'MGCP') return { path: device.name, reason: 'phones and adapters speak no MGCP' };
  if (family === 'ata' && device.lines.some(({ index }) => index > 2))
    return { path: device.name, reason: 'an adapter has two ports' };
  return device.protocol === 'SCCP' ? renderSccpPhone(input) : renderSipPhone(input, family);
}

/** The marker is outside of the stamp: another signer is no other configuration. */
function stampAndWrite(
  context: BuildContext,
  root: XmlElement,
  salt: string,
  marker: string | undefined,
): Built {
  const bare = writeXml(root, 'unstamped');
  if (!bare.ok) return bare;
  const versionStamp = stampOf(context, encodeUtf8(bare.value));
  const content = typeof root.content === 'string' ? [] : root.content;
  const stamped = {
    ...root,
    content: content.map((part) => {
      if (part.name === 'versionStamp') return element('versionStamp', versionStamp);
      const isFree = part.name === 'featurePolicyFile' && part.content === '';
      return isFree && marker !== undefined ? element('featurePolicyFile', marker) : part;
    }),
  };
  const text = writeXml(stamped, commentOf(context, salt));
  if (!text.ok) return text;
  const built = { bytes: encodeUtf8(text.value), versionStamp };
  if (marker === undefined || !text.value.includes(marker)) return good(built);
  const shared = encodeUtf8(text.value.replace(marker, ''));
  return good({ ...built, sharedSha256: toHex(context.crypto.digest('sha256', shared)) });
}

/** An imported file is as it came until something about it changes; then it gets a stamp of ours. */
function fillImported(
  context: BuildContext,
  { device, model }: ConfigInput,
  document: DeviceDocument,
  overrides: Readonly<Record<string, string>>,
  salt: string,
): Built {
  // Slots leave the first of its name without a number.
  const wanted = new Map(
    Object.entries(overrides).map(([path, value]) => [path.replaceAll('[1]', ''), value]),
  );
  const load = device.load ?? (rawText(document, 'loadInformation') === '' ? model?.load : undefined);
  if (load !== undefined) wanted.set('loadInformation', load);
  for (const [path, value] of wanted) if (rawText(document, path) === escapeText(value)) wanted.delete(path);
  let versionStamp = rawText(document, 'versionStamp');
  if (wanted.size > 0) {
    const bare = fillDocument(document, wanted, undefined);
    if (!bare.ok) return bare;
    versionStamp = stampOf(context, encodeUtf8(bare.value));
    wanted.set('versionStamp', versionStamp);
  }
  const text = fillDocument(document, wanted, commentOf(context, salt));
  return text.ok ? good({ bytes: encodeDocument(document.template, text.value), versionStamp }) : text;
}

function asText(text: Outcome<string, RenderProblem>): Built {
  return text.ok ? good({ bytes: encodeUtf8(text.value), versionStamp: undefined }) : text;
}

/** In the form of a UUID, as phones are used to. */
function stampOf({ crypto }: BuildContext, content: Uint8Array): string {
  const hex = toHex(crypto.digest('sha256', content));
  return [8, 12, 16, 20, 32].map((end, at) => hex.slice([0, 8, 12, 16, 20][at], end)).join('-');
}

function commentOf({ crypto, salt }: BuildContext, deviceSalt: string): string {
  return `built by tftp-pki ${toHex(crypto.digest('sha256', encodeUtf8(`${deviceSalt} ${salt}`))).slice(0, 32)}`;
}
