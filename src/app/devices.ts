/** Operations on the device database. A device's name decides its home, so names are stored in upper case only. */
import { Failure } from '../base/errors.ts';
import type { Device, DeviceLine, DeviceProtocol, DeviceSecurity } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { modelPattern } from '../core/devices/imported.ts';
import { buildDeviceConfig, type BuildSource } from '../core/render/build.ts';
import { parseDeviceName } from '../core/files/file-name.ts';
import { readProvisioning } from './provisioning.ts';

export interface DeviceRequest {
  readonly name: string;
  readonly model: string;
  readonly protocol: DeviceProtocol;
  readonly security: DeviceSecurity;
  readonly lines: readonly DeviceLine[];
  readonly certificateDer?: Uint8Array;
  readonly encryptedOnly?: boolean | undefined;
  readonly pool?: string | undefined;
  readonly load?: string | undefined;
  readonly overrides?: Readonly<Record<string, string>> | undefined;
}

/** What of a device changes; what is undefined stays. */
export interface DeviceChange {
  readonly model?: string | undefined;
  readonly pool?: string | undefined;
  /** Empty: the model's load again. */
  readonly load?: string | undefined;
  readonly security?: DeviceSecurity | undefined;
  readonly certificateDer?: Uint8Array | undefined;
  readonly encryptedOnly?: boolean | undefined;
  readonly lines?: readonly DeviceLine[] | undefined;
  /** Added to those it has. */
  readonly set?: Readonly<Record<string, string>> | undefined;
  /** Paths whose override goes. */
  readonly unset?: readonly string[] | undefined;
}

/** Refuses a name no phone could ask for, a certificate that is not one, and a device that exists. */
export async function addDevice(
  ports: { readonly store: Store; readonly crypto: Crypto; readonly clock: WallClock },
  request: DeviceRequest,
): Promise<Device> {
  const name = request.protocol === 'MGCP' ? knownGatewayName(request.name) : knownDeviceName(request.name);
  requireModel(request.model);
  if (request.certificateDer) requireRsa(ports.crypto.readCertificate(request.certificateDer));
  const device: Device = {
    name,
    model: request.model,
    protocol: request.protocol,
    security: request.security,
    lines: request.lines,
    certificateDer: request.certificateDer,
    ...(request.encryptedOnly === true && { encryptedOnly: true }),
    pool: request.pool,
    load: request.load,
    overrides: request.overrides,
    addedMs: ports.clock.nowMs(),
  };
  await requireBuildable(ports, { device, document: undefined, salt: '' });
  await ports.store.addDevice(device);
  return device;
}

/** Refuses a device that is not there and a change after which its configuration could not be built. */
export async function changeDevice(
  ports: { readonly store: Store; readonly crypto: Crypto; readonly clock: WallClock },
  given: string,
  change: DeviceChange,
): Promise<Device> {
  const source =
    (await ports.store.findBuildSource(given)) ?? (await ports.store.findBuildSource(knownDeviceName(given)));
  if (source === undefined) throw new Failure('not-found', `there is no device ${given}`);
  const { device: known } = source;
  if (change.model !== undefined) requireModel(change.model);
  if (change.certificateDer) requireRsa(ports.crypto.readCertificate(change.certificateDer));
  const overrides = { ...known.overrides, ...change.set };
  for (const path of change.unset ?? []) delete overrides[path];
  const device: Device = {
    ...known,
    model: change.model ?? known.model,
    security: change.security ?? known.security,
    certificateDer: change.certificateDer ?? known.certificateDer,
    encryptedOnly: change.encryptedOnly ?? known.encryptedOnly,
    lines: change.lines ?? known.lines,
    pool: change.pool ?? known.pool,
    load: change.load === undefined ? known.load : change.load === '' ? undefined : change.load,
    overrides: Object.keys(overrides).length === 0 ? undefined : overrides,
  };
  await requireBuildable(ports, { ...source, device });
  await ports.store.changeDevice(device, ports.clock.nowMs());
  return device;
}

export async function removeDevice(store: Store, name: string): Promise<void> {
  await store.removeDevice(parseDeviceName(name) ?? knownGatewayName(name));
}

function knownDeviceName(name: string): string {
  const device = parseDeviceName(name);
  if (device === undefined)
    throw new Failure('usage', `${JSON.stringify(name)} is not a device name`, {
      hint: 'Phones are SEP and 12 hexadecimal digits of the MAC address, for example SEP001122334455.',
    });
  return device;
}

/** Gateways on MGCP are called by their host name. */
function knownGatewayName(name: string): string {
  if (parseDeviceName(name) === undefined && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new Failure('usage', `${JSON.stringify(name)} is not the host name of a gateway`);
}

function requireModel(model: string): void {
  if (modelPattern.test(model)) return;
  throw new Failure('usage', `model ${JSON.stringify(model)} is not a model name`, {
    hint: 'Write the model as the phone calls itself, for example CP-8851.',
  });
}

/** What cannot be built would leave the device without a configuration. */
async function requireBuildable(
  ports: { readonly store: Store; readonly crypto: Crypto },
  source: BuildSource,
): Promise<void> {
  const provisioning = await readProvisioning(ports.store);
  const built = buildDeviceConfig({ provisioning, salt: '', crypto: ports.crypto }, source);
  if (!built.ok)
    throw new Failure(
      'refused',
      `the configuration of ${source.device.name} cannot be built: ${built.error.path} ${built.error.reason}`,
    );
}

function requireRsa(certificate: CertificateFacts | undefined): void {
  if (certificate === undefined)
    throw new Failure('format', 'the phone certificate is not an X.509 certificate');
  if (certificate.publicKey.kind !== 'rsa')
    throw new Failure(
      'refused',
      'the phone certificate has no RSA key, so no configuration can be encrypted to it',
    );
}
