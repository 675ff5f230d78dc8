/**
 * The `encrypted` link: `SEP….cnf.xml.enc.sgn` is the configuration of the links below, encrypted to the device's
 * certificate and signed under that name. A stored file of that name wins.
 *
 * Only the device's own spelling is answered, so that nobody makes a signature of each way to write a name. Devices
 * without an RSA certificate, or whose policy offers none, have no such file. Who presents a certificate that names the
 * device by HTTPS may have the plain one, and nobody else gets that answer.
 */
import { signedFileBytesMax } from '../base/limits.ts';
import type { Device } from '../core/cluster/model.ts';
import type { DeviceStore } from '../core/devices/device-store.ts';
import { encryptionPolicyOf } from '../core/devices/encryption-policy.ts';
import { namesDevice, type PhoneIssuers } from '../core/devices/named-by.ts';
import type { Provisioning } from '../core/devices/provisioning.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { CertificateFacts, Crypto, Encryptor, FileOpener } from '../core/ports.ts';
import { encryptFile } from '../core/signing/encrypt-file.ts';
import { looksSigned } from '../wire/signed-header.ts';
import { notFound, note } from './link.ts';
import type { Answer, Below, Link, Lookup, Served } from './link.ts';
import { readContent } from './open-file.ts';
import { createSignatureSource, type KeptSignatures, type SignatureOptions } from './signature-source.ts';

export interface EncryptedOptions extends SignatureOptions {
  readonly devices: Pick<DeviceStore, 'findDevice'>;
  readonly models: Provisioning['models'];
  readonly phones: PhoneIssuers;
  readonly crypto: Pick<Crypto, 'digest' | 'readCertificate'>;
  readonly encryptor: Encryptor;
  readonly kept: KeptSignatures;
  readonly opener: FileOpener;
}

export function createEncryptedLink(options: EncryptedOptions): Link {
  const encrypt = createSource(options);
  return {
    name: 'encrypted',
    async answer(lookup, below) {
      const { name, request } = lookup;
      if (name.kind === 'config' && request.certificate !== undefined)
        return answerNamed(options, lookup, below);
      if (name.kind !== 'encrypted-config' || name.device === undefined) return below(lookup);
      const stored = await below(lookup);
      if (stored.kind !== 'not-found') return stored;
      const recipient = await recipientOf(options, lookup, name.device);
      if (recipient === undefined) return notFound;
      const base = parseFileName(`${name.device}.cnf.xml`);
      if (!base.ok) return notFound;
      const plain = await below({ ...lookup, name: base.value, confidential: true });
      return plain.kind === 'served' ? encrypt(lookup, plain, recipient) : plain;
    },
  };
}

/** The certificate is proof enough for this one connection (security.md §5). */
async function answerNamed(options: EncryptedOptions, lookup: Lookup, below: Below): Promise<Answer> {
  const { name, request } = lookup;
  const certificate = request.certificate && options.crypto.readCertificate(request.certificate);
  const device = name.device === undefined ? undefined : await options.devices.findDevice(name.device);
  const nowSeconds = Math.floor(options.clock.nowMs() / 1000);
  const named =
    request.transport === 'https' &&
    device !== undefined &&
    certificate !== undefined &&
    namesDevice(certificate, device, options.phones, nowSeconds);
  note(
    lookup,
    'encrypted',
    named ? 'the client certificate names the device' : 'the client certificate names another',
  );
  const answer = await below({ ...lookup, confidential: named });
  return answer.kind === 'served' ? { ...answer, freshForMs: 0 } : answer;
}

async function recipientOf(
  { devices, models, crypto }: EncryptedOptions,
  lookup: Lookup,
  wanted: string,
): Promise<CertificateFacts | undefined> {
  const device: Device | undefined = await devices.findDevice(wanted);
  if (device === undefined || lookup.name.asked !== `${wanted}.cnf.xml.enc.sgn`) return undefined;
  if (encryptionPolicyOf(device, models) === 'clear') {
    note(lookup, 'encrypted', 'the device is offered no encrypted configuration');
    return undefined;
  }
  const certificate = device.certificateDer && crypto.readCertificate(device.certificateDer);
  if (certificate?.publicKey.kind === 'rsa') return certificate;
  note(lookup, 'encrypted', 'the device has no RSA certificate to encrypt to');
  return undefined;
}

function createSource(options: EncryptedOptions) {
  const { crypto, encryptor, kept, opener } = options;
  const sign = createSignatureSource(options, kept.encrypted, kept.lane);

  return async (lookup: Lookup, plain: Served, recipient: CertificateFacts): Promise<Answer> => {
    const content = await readContent(opener, plain.content, signedFileBytesMax);
    if (content === undefined) return { kind: 'retry', reason: 'the content cannot be read at once' };
    if (looksSigned(content)) {
      note(lookup, 'encrypted', 'the stored configuration carries a signed header and is not encrypted');
      return notFound;
    }
    const encrypted = await sign({
      address: lookup.request.address,
      fileName: lookup.name.asked,
      content,
      dated: plain,
      variant: recipient.fingerprint,
      make: (timed) => encryptFile({ ...timed, recipient, encryptor, crypto }),
    });
    if (encrypted === undefined) return { kind: 'retry', reason: 'too many files wait for a signature' };
    note(lookup, 'encrypted', `to the certificate ${recipient.fingerprint.slice(0, 16)}`);
    return { ...plain, content: { kind: 'memory', bytes: encrypted.bytes }, by: 'encrypted' };
  };
}
