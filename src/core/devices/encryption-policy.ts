/**
 * Who gets an encrypted configuration, and whose plain one never leaves (security.md §5). A device of security mode
 * `encrypted` with an RSA certificate is offered one beside the plain file; `encrypted-only`, said of a device or of its
 * model, leaves nothing but the stub in clear, certificate or not: a phone without one enrols by the CAPF it names.
 */
import type { Device } from '../cluster/model.ts';
import type { Provisioning } from './provisioning.ts';

export type EncryptionPolicy = 'clear' | 'offered' | 'encrypted-only';

export function encryptionPolicyOf(device: Device, models: Provisioning['models']): EncryptionPolicy {
  const model = Object.hasOwn(models, device.model) ? models[device.model] : undefined;
  if (device.encryptedOnly === true || model?.encryptedOnly === true) return 'encrypted-only';
  return device.security === 'encrypted' && device.certificateDer !== undefined ? 'offered' : 'clear';
}
