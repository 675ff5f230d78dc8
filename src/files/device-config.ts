/**
 * The `device-config` link: configurations that are built from the database (core/render), where no file of the
 * provisioning directory has that name: what an administrator put there wins, and the trace says so.
 *
 * A device whose configuration cannot be built is told to come back: an older file, or the default one, would be a
 * wrong answer. Names of other files, and names that ask for a signature, pass.
 */
import type { EventSink } from '../base/events.ts';
import { freshUnwatchedMs } from '../base/limits.ts';
import type { DeviceStore, StoredProvisioning } from '../core/devices/device-store.ts';
import { defaultProvisioning } from '../core/devices/provisioning.ts';
import type { Crypto } from '../core/ports.ts';
import { markerContent } from '../core/trust/marker.ts';
import {
  buildDefaultCnf,
  buildDeviceCnf,
  buildDeviceConfig,
  buildRinglist,
  buildXmlDefault,
  type BuildContext,
  type Built,
} from '../core/render/build.ts';
import { notFound, note } from './link.ts';
import type { Answer, Link, Lookup } from './link.ts';

export interface DeviceConfigOptions {
  readonly devices: Pick<DeviceStore, 'findBuildSource'>;
  readonly provisioning: StoredProvisioning;
  /** Names of the cluster's nodes: the CallManagers until an administrator names others. */
  readonly nodes: readonly string[];
  readonly crypto: Pick<Crypto, 'digest'>;
  readonly markers?: Markers | undefined;
  readonly onEvent: EventSink;
}

/** The files by which phones show what they took (core/trust/marker.ts). */
export interface Markers {
  readonly of: (device: string) => string;
  readonly is: (base: string) => boolean;
}

interface Found {
  readonly built: Built;
  readonly changedMs: number;
}

export function createDeviceConfigLink(options: DeviceConfigOptions): Link {
  const { devices, nodes, crypto, markers, onEvent } = options;
  const { salt, changedMs, provisioning = defaultProvisioning(nodes) } = options.provisioning;
  const context: BuildContext = { provisioning, salt, crypto, marker: markers?.of };

  const build = async ({ name }: Lookup): Promise<Found | undefined> => {
    const isText = name.base.toLowerCase().endsWith('.cnf');
    if (name.kind === 'config' && name.device !== undefined) {
      const source = await devices.findBuildSource(name.device);
      if (source === undefined) return undefined;
      const built = isText ? buildDeviceCnf(context, source) : buildDeviceConfig(context, source);
      return built && { built, changedMs: Math.max(source.changedMs, changedMs) };
    }
    const built = buildShared(context, name.base.toLowerCase());
    return built && { built, changedMs };
  };

  return {
    name: 'device-config',
    async answer(lookup, below) {
      const isMarker = markers?.is(lookup.name.base) === true;
      if (lookup.name.signed || lookup.exact || !(isMarker || mayBuild(lookup))) return below(lookup);
      const stored = await below(lookup);
      if (stored.kind !== 'not-found') {
        note(lookup, 'device-config', 'a file of the provisioning directory wins over the built one');
        return stored;
      }
      if (isMarker) return answerMarker(lookup);
      const found = await build(lookup);
      if (found === undefined) {
        note(lookup, 'device-config', 'nothing of that name is built');
        return notFound;
      }
      return answerOf(lookup, found, onEvent);
    },
  };
}

function answerMarker(lookup: Lookup): Answer {
  note(lookup, 'device-config', 'the marker of a configuration: a feature policy of no feature');
  return {
    kind: 'served',
    content: { kind: 'memory', bytes: markerContent },
    by: 'device-config',
    freshForMs: freshUnwatchedMs,
    modifiedMs: 0,
    unchanging: true,
  };
}

function mayBuild({ name }: Lookup): boolean {
  return name.kind === 'config' || name.kind === 'default-config' || /^ringlist\.xml$/i.test(name.base);
}

function buildShared(context: BuildContext, name: string): Built | undefined {
  if (name === 'xmldefault.cnf.xml') return buildXmlDefault(context);
  if (name === 'sipdefault.cnf') return buildDefaultCnf(context);
  return name === 'ringlist.xml' ? buildRinglist(context) : undefined;
}

function answerOf(lookup: Lookup, { built, changedMs }: Found, onEvent: EventSink): Answer {
  if (!built.ok) {
    const reason = `${built.error.path}: ${built.error.reason}`;
    onEvent({ type: 'link-failed', link: 'device-config', name: lookup.name.asked, reason });
    note(lookup, 'device-config', `cannot be built: ${reason}`);
    return { kind: 'retry', reason: 'the configuration cannot be built' };
  }
  const { bytes, versionStamp, sharedSha256 } = built.value;
  note(lookup, 'device-config', versionStamp === undefined ? 'built' : `built, version ${versionStamp}`);
  return {
    kind: 'served',
    content: { kind: 'memory', bytes },
    by: 'device-config',
    freshForMs: freshUnwatchedMs,
    modifiedMs: changedMs,
    ...(sharedSha256 !== undefined && { sharedSha256 }),
  };
}
