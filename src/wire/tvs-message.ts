/**
 * Messages of the Trust Verification Service (formats.md §4, docs/formats/tvs.md): 0x57, version 1, command, a byte
 * to ignore, session (u32), length of the body (u16), then elements.
 *
 * The head is judged by itself, so that a server knows a message that is none, or too long, by its first 10 bytes.
 * Decoding is total: any bytes give a message or an error with a code. Elements are written in the order seen of
 * phones and CUCM and read in any.
 */
import { assert } from '../base/assert.ts';
import { ByteReader, ByteWriter, concatBytes } from '../base/bytes.ts';
import { tvsMessageBytesMax } from '../base/limits-tvs.ts';
import { good, type Outcome } from '../base/outcome.ts';
import { encodeUtf8 } from '../base/text.ts';
import { codeOfRole, type Role } from './role.ts';
import { numberOf, writeText, writeTlv, writeU8, type Tlv } from './tlv.ts';
import {
  checkElements,
  deviceKind,
  deviceNameOf,
  isValidOf,
  readElements,
  rolesOf,
  textOf,
  tvsTag,
  wrong,
  type TvsElementName,
  type TvsElements,
  type TvsError,
} from './tvs-element.ts';

export { tvsRules, type TvsCode, type TvsError } from './tvs-element.ts';

export const tvsHeadBytes = 10;
const frameMark = 0x57;
const frameVersion = 1;

export const tvsCommands = ['verify-request', 'verify-response', 'query-request', 'query-response'] as const;
export type TvsCommand = (typeof tvsCommands)[number];

export interface TvsHead {
  readonly command: TvsCommand;
  /** Chosen by who asks, repeated by who answers. */
  readonly session: number;
  /** Bytes that follow the head. */
  readonly bodyLength: number;
}

/** Is this certificate to be believed, and for what? */
export interface VerifyRequest {
  readonly command: 'verify-request';
  readonly session: number;
  readonly device: string;
  /** DER. */
  readonly certificate: Uint8Array;
}

/** Which certificate is it that signed this file? */
export interface QueryRequest {
  readonly command: 'query-request';
  readonly session: number;
  readonly device: string;
  readonly subject: string;
  readonly issuer: string;
  readonly serial: Uint8Array;
}

export interface VerifyResponse {
  readonly command: 'verify-response';
  readonly session: number;
  /** Undefined: not valid. */
  readonly vouched: { readonly roles: readonly Role[]; readonly ttlSeconds: number } | undefined;
}

export interface QueryResponse {
  readonly command: 'query-response';
  readonly session: number;
  /** Undefined: not valid. */
  readonly vouched:
    | { readonly certificate: Uint8Array; readonly roles: readonly Role[]; readonly ttlSeconds: number }
    | undefined;
}

export type TvsRequest = VerifyRequest | QueryRequest;
export type TvsResponse = VerifyResponse | QueryResponse;
export type TvsMessage = TvsRequest | TvsResponse;

/** The first 10 bytes; `bytes` may hold more. */
export function decodeTvsHead(bytes: Uint8Array): Outcome<TvsHead, TvsError> {
  const reader = new ByteReader(bytes);
  const mark = reader.u8();
  if (mark !== undefined && mark !== frameMark) return wrong('not-a-frame', 0);
  const version = reader.u8();
  if (version !== undefined && version !== frameVersion) return wrong('frame-version', 1);
  const code = reader.u8();
  const command = tvsCommands[(code ?? 1) - 1];
  if (command === undefined) return wrong('frame-command', 2);
  reader.u8(); // CUCM does not initialise it: f7 in its printed answer.
  const session = reader.u32();
  const bodyLength = reader.u16();
  if (session === undefined || bodyLength === undefined) return wrong('frame-cut', bytes.length);
  if (tvsHeadBytes + bodyLength > tvsMessageBytesMax) return wrong('frame-too-long', 8);
  return good({ command, session, bodyLength });
}

/** One message, no more and no less than its head says. */
export function decodeTvsMessage(bytes: Uint8Array): Outcome<TvsMessage, TvsError> {
  const head = decodeTvsHead(bytes);
  if (!head.ok) return head;
  if (bytes.length !== tvsHeadBytes + head.value.bodyLength) return wrong('frame-length', 8);
  const elements = readElements(bytes, tvsHeadBytes);
  if (!elements.ok) return elements;
  return readers[head.value.command](head.value.session, elements.value);
}

type Reader = (session: number, elements: TvsElements) => Outcome<TvsMessage, TvsError>;

const readers: Readonly<Record<TvsCommand, Reader>> = {
  'verify-request': readVerifyRequest,
  'verify-response': (session, elements) => readResponse('verify-response', session, elements),
  'query-request': readQueryRequest,
  'query-response': (session, elements) => readResponse('query-response', session, elements),
};

function readVerifyRequest(session: number, elements: TvsElements): Outcome<VerifyRequest, TvsError> {
  const misplaced = checkElements(elements, ['deviceName', 'certificate']);
  if (misplaced) return { ok: false, error: misplaced };
  const device = deviceNameOf(element(elements, 'deviceName'));
  if (!device.ok) return device;
  const { value: certificate } = element(elements, 'certificate');
  return good({ command: 'verify-request', session, device: device.value, certificate });
}

function readQueryRequest(session: number, elements: TvsElements): Outcome<QueryRequest, TvsError> {
  const misplaced = checkElements(elements, ['deviceName', 'subject', 'issuer', 'serial']);
  if (misplaced) return { ok: false, error: misplaced };
  const device = deviceNameOf(element(elements, 'deviceName'));
  if (!device.ok) return device;
  const subject = textOf(element(elements, 'subject'));
  if (!subject.ok) return subject;
  const issuer = textOf(element(elements, 'issuer'));
  if (!issuer.ok) return issuer;
  const { value: serial } = element(elements, 'serial');
  return good({
    command: 'query-request',
    session,
    device: device.value,
    subject: subject.value,
    issuer: issuer.value,
    serial,
  });
}

/** Beside a status of "not" other elements mean nothing; who sends them is read all the same. */
function readResponse(
  command: TvsResponse['command'],
  session: number,
  elements: TvsElements,
): Outcome<TvsResponse, TvsError> {
  const telling: readonly TvsElementName[] =
    command === 'query-response' ? ['certificate', 'roles', 'ttl'] : ['roles', 'ttl'];
  const misplaced = checkElements(elements, ['status'], telling);
  if (misplaced) return { ok: false, error: misplaced };
  const valid = isValidOf(element(elements, 'status'));
  if (!valid.ok) return valid;
  if (!valid.value) return good({ command, session, vouched: undefined });
  const missing = checkElements(elements, ['status', ...telling]);
  if (missing) return { ok: false, error: missing };
  const roles = rolesOf(element(elements, 'roles'));
  if (!roles.ok) return roles;
  const said = { roles: roles.value, ttlSeconds: numberOf(element(elements, 'ttl')) };
  if (command === 'verify-response') return good({ command, session, vouched: said });
  const { value: certificate } = element(elements, 'certificate');
  return good({ command, session, vouched: { certificate, ...said } });
}

/** An element whose presence was checked. */
function element({ byName }: TvsElements, name: TvsElementName): Tlv {
  const found = byName.get(name);
  assert(found !== undefined, `element ${name} was checked`);
  return found;
}

/** The values are the program's own: what does not fit its element is a bug. */
export function encodeTvsMessage(message: TvsMessage): Uint8Array {
  const body = encodeBody(message);
  assert(tvsHeadBytes + body.length <= tvsMessageBytesMax, 'a TVS message fits its bound');
  const writer = new ByteWriter();
  writer.u8(frameMark).u8(frameVersion);
  writer.u8(tvsCommands.indexOf(message.command) + 1).u8(0);
  return writer.u32(message.session).u16(body.length).raw(body).bytes();
}

function encodeBody(message: TvsMessage): Uint8Array {
  const writer = new ByteWriter();
  switch (message.command) {
    case 'verify-request':
      writeDevice(writer, message.device);
      writeTlv(writer, tvsTag.certificate, message.certificate);
      break;
    case 'query-request':
      writeDevice(writer, message.device);
      writeText(writer, tvsTag.subject, message.subject);
      writeText(writer, tvsTag.issuer, message.issuer);
      writeTlv(writer, tvsTag.serial, message.serial);
      break;
    case 'verify-response':
    case 'query-response':
      writeResponse(writer, message);
  }
  return writer.bytes();
}

function writeDevice(writer: ByteWriter, device: string): void {
  writeTlv(writer, tvsTag.deviceName, concatBytes(Uint8Array.of(deviceKind), encodeUtf8(device)));
}

function writeResponse(writer: ByteWriter, response: TvsResponse): void {
  const { vouched } = response;
  writeU8(writer, tvsTag.status, vouched === undefined ? 1 : 0);
  if (vouched === undefined) return;
  if ('certificate' in vouched) writeTlv(writer, tvsTag.certificate, vouched.certificate);
  writeTlv(writer, tvsTag.roles, Uint8Array.from(vouched.roles, codeOfRole));
  writeTlv(writer, tvsTag.ttl, new ByteWriter().u32(vouched.ttlSeconds).bytes());
}
