/**
 * The pipe between back and TVS. The TVS is told what to answer from and under which key to speak; it tells who asked for
 * unknown signers, whom it vouched to for known ones, and which phones named themselves to it. It is exposed to the
 * network and believed nothing else: `readTvsMessage` refuses the rest.
 */
import { tvsAskersPerMessageMax, tvsReportedDevicesMax } from '../base/limits-tvs.ts';
import type { Config } from '../config/schema.ts';
import { parseDeviceName } from '../core/files/file-name.ts';
import type { SeenHandshake } from '../core/trust/seen-handshake.ts';
import type { TvsAsker } from '../core/tvs/asker.ts';
import type { UnknownSigner } from '../core/tvs/unknown-signers.ts';
import type { ListeningAt, LogStream } from './edge.ts';
import { readHandshakes } from './handshakes.ts';
import type { TvsMoment, TvsSettings } from './tvs.ts';

export type BackToTvs =
  | {
      readonly type: 'start';
      readonly settings: TvsSettings;
      readonly log: Config['log'];
      readonly logTo: LogStream;
    }
  | { readonly type: 'moment'; readonly moment: TvsMoment }
  | { readonly type: 'reconfigure'; readonly log: Config['log'] }
  | { readonly type: 'stop' };

export type TvsToBack =
  | { readonly type: 'started'; readonly listening: readonly ListeningAt[] }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | { readonly type: 'unknown-signers'; readonly devices: readonly UnknownSigner[] }
  | { readonly type: 'handshakes'; readonly seen: readonly SeenHandshake[] }
  | { readonly type: 'vouched'; readonly askers: readonly TvsAsker[] };

/** `undefined` for anything the protocol does not know, however it is made. */
export function readTvsMessage(message: unknown): TvsToBack | undefined {
  if (!isRecord(message)) return undefined;
  switch (message['type']) {
    case 'started': {
      const listening = readAll(message['listening'], 64, readListening);
      return listening && { type: 'started', listening };
    }
    case 'failed': {
      const { code, message: text, hint } = message;
      if (typeof code !== 'string' || typeof text !== 'string') return undefined;
      const shown = typeof hint === 'string' ? hint.slice(0, 1_024) : undefined;
      return { type: 'failed', code, message: text.slice(0, 1_024), hint: shown };
    }
    case 'unknown-signers': {
      const devices = readAll(message['devices'], tvsReportedDevicesMax, readUnknownSigner);
      return devices && { type: 'unknown-signers', devices };
    }
    case 'handshakes': {
      const seen = readHandshakes(message['seen'], 'tvs');
      return seen && { type: 'handshakes', seen };
    }
    case 'vouched': {
      const askers = readAll(message['askers'], tvsAskersPerMessageMax, readAsker);
      return askers && { type: 'vouched', askers };
    }
    default:
      return undefined;
  }
}

function readAsker(value: unknown): TvsAsker | undefined {
  if (!isRecord(value)) return undefined;
  const { address, device } = value;
  if (typeof address !== 'string' || address === '' || address.length > 64) return undefined;
  if (device === undefined) return { address, device };
  return typeof device === 'string' && parseDeviceName(device) === device ? { address, device } : undefined;
}

/** Also what stands in the file of the last report. */
export function readUnknownSigner(value: unknown): UnknownSigner | undefined {
  if (!isRecord(value)) return undefined;
  const { device, count, lastMs, signer } = value;
  if (typeof device !== 'string' || parseDeviceName(device) !== device) return undefined;
  if (!isCount(count) || !isCount(lastMs)) return undefined;
  if (signer === undefined || signer === null) return { device, count, lastMs, signer: undefined };
  if (!isRecord(signer)) return undefined;
  const { issuer, serial } = signer;
  if (typeof issuer !== 'string' || issuer.length > 2_048) return undefined;
  if (typeof serial !== 'string' || !/^[0-9a-f:]{0,200}$/.test(serial)) return undefined;
  return { device, count, lastMs, signer: { issuer, serial } };
}

function readListening(value: unknown): ListeningAt | undefined {
  if (!isRecord(value)) return undefined;
  const { service, address, port } = value;
  if (service !== 'tvs' && service !== 'tvs-metrics') return undefined;
  if (typeof address !== 'string' || address.length > 64 || !isCount(port) || port > 65_535) return undefined;
  return { service, address, port };
}

export function readAll<T>(
  value: unknown,
  max: number,
  read: (item: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > max) return undefined;
  const items = value.map(read);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
