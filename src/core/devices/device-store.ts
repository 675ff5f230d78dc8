/** What the database holds of devices, as the operations on them see it; a part of `Store` (core/ports.ts). */
import type { Device } from '../cluster/model.ts';
import type { BuildSource } from '../render/build.ts';
import type { DocumentTemplate } from '../render/document.ts';
import type { Provisioning } from './provisioning.ts';

export interface StoredProvisioning {
  /** Undefined until an administrator has said something. */
  readonly provisioning: Provisioning | undefined;
  /** 32 hex digits, new with every change. */
  readonly salt: string;
  readonly changedMs: number;
}

export interface StoredSource extends BuildSource {
  readonly changedMs: number;
}

/** One file or row of an import. */
export interface ImportedDevice {
  readonly device: Device;
  readonly document: DocumentTemplate | undefined;
  /** SHA-256 over what it was read from, so that a repeated import knows it again. */
  readonly sourceSha256: string;
}

/** `same`: it came from the very same source before. */
export type ImportOutcome = 'added' | 'same' | 'exists';

export interface DeviceStore {
  listDevices(): Promise<readonly Device[]>;
  /** In no order. */
  listDeviceNames(): Promise<readonly string[]>;
  /** Name and model of each, in no order. */
  listDeviceModels(): Promise<readonly Pick<Device, 'name' | 'model'>[]>;
  countDevices(): Promise<number>;
  findDevice(name: string): Promise<Device | undefined>;
  /** Refused when a device of that name exists. */
  addDevice(device: Device): Promise<void>;
  /** Replaces all but its document; refused with `not-found` when there is none. */
  changeDevice(device: Device, atMs: number): Promise<void>;
  /** Refused with `not-found` when there is none. */
  removeDevice(name: string): Promise<void>;
  /** All that a configuration is built from. */
  findBuildSource(name: string): Promise<StoredSource | undefined>;
  readProvisioning(): Promise<StoredProvisioning>;
  /** Marks the devices it touches as to be reset, in short transactions, and then is in force. */
  writeProvisioning(provisioning: Provisioning, touched: TouchedDevices, atMs: number): Promise<void>;
  /** One short transaction; servers hear of it with `announceDevices`. */
  importDevices(batch: readonly ImportedDevice[]): Promise<readonly ImportOutcome[]>;
  announceDevices(): Promise<void>;
  /** In the order of change; nothing that is committed later stands before what was given already. */
  devicesChangedAfter(after: ChangedDevice, limit: number): Promise<readonly ChangedDevice[]>;
  lastChangedDevice(): Promise<ChangedDevice>;
  /** Names of devices that run on an older configuration than the one served. */
  devicesToReset(): Promise<readonly string[]>;
  markReset(names: readonly string[], atMs: number): Promise<void>;
}

/** A place in the order of changes. */
export interface ChangedDevice {
  readonly mark: number;
  readonly name: string;
}

/** By pool or by model; `all` when both are not enough to tell. */
export interface TouchedDevices {
  readonly pools: readonly string[];
  readonly models: readonly string[];
}
