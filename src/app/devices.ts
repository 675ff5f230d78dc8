/** Operations on the device database. A device's name decides its home, so names are stored in upper case only. */
import { Failure } from '../base/errors.ts';
import type { Device, DeviceLine, DeviceProtocol, DeviceSecurity } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, Store, WallClock } from '../core/ports.ts';
import { parseDeviceName } from '../core/files/file-name.ts';

export interface DeviceRequest {
  readonly name: string;
  readonly model: string;
  readonly protocol: DeviceProtocol;
  readonly security: DeviceSecurity;
  readonly lines: readonly DeviceLine[];
  readonly certificateDer?: Uint8Array;
}

/** Refuses a name no phone could ask for, a certificate that is not one, and a device that exists. */
export async function addDevice(
  ports: { readonly store: Store; readonly crypto: Crypto; readonly clock: WallClock },
  request: DeviceRequest,
): Promise<Device> {
  const name = knownDeviceName(request.name);
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(request.model))
    throw new Failure('usage', `model ${JSON.stringify(request.model)} is not a model name`, {
      hint: 'Write the model as the phone calls itself, for example CP-8851.',
    });
  if (request.certificateDer) requireRsa(ports.crypto.readCertificate(request.certificateDer));
  const device: Device = {
    name,
    model: request.model,
    protocol: request.protocol,
    security: request.security,
    lines: request.lines,
    certificateDer: request.certificateDer,
    addedMs: ports.clock.nowMs(),
  };
  await ports.store.addDevice(device);
  return device;
}

export async function removeDevice(store: Store, name: string): Promise<void> {
  await store.removeDevice(knownDeviceName(name));
}

function knownDeviceName(name: string): string {
  const device = parseDeviceName(name);
  if (device === undefined)
    throw new Failure('usage', `${JSON.stringify(name)} is not a device name`, {
      hint: 'Phones are SEP and 12 hexadecimal digits of the MAC address, for example SEP001122334455.',
    });
  return device;
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
