/**
 * The `clear-config` link: every configuration that would leave in clear passes here, below whoever signs it. Of a device
 * that is `encrypted-only` nothing passes but the stub (formats.md §2); of any other, secrets in it are told, once for
 * each file, or refused where `files.secretsInClear` says so. No text of an element is ever told.
 */
import { LRUCache } from 'lru-cache';
import { secretsToldMax, signedFileBytesMax } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import type { DeviceStore } from '../core/devices/device-store.ts';
import { encryptionPolicyOf } from '../core/devices/encryption-policy.ts';
import type { Provisioning } from '../core/devices/provisioning.ts';
import { parseFileName, type FileName } from '../core/files/file-name.ts';
import { secretsIn } from '../core/files/secrets.ts';
import { toHex } from '../base/text.ts';
import type { Device } from '../core/cluster/model.ts';
import type { Crypto, FileOpener } from '../core/ports.ts';
import { buildStub } from '../core/render/stub.ts';
import { decodeSignedFile } from '../wire/signed-file.ts';
import { looksSigned } from '../wire/signed-header.ts';
import { notFound, note } from './link.ts';
import type { Answer, Link, Lookup, Served } from './link.ts';
import { readContent } from './open-file.ts';

/** Which files were told of; it outlives the chain, which is made anew with every change. */
export type SecretsTold = LRUCache<string, true>;

export function createSecretsTold(): SecretsTold {
  return new LRUCache({ max: secretsToldMax });
}

export interface ClearConfigOptions {
  readonly devices: Pick<DeviceStore, 'findDevice'>;
  readonly models: Provisioning['models'];
  readonly secretsInClear: 'warn' | 'refuse';
  readonly told: SecretsTold;
  readonly crypto: Pick<Crypto, 'digest'>;
  readonly opener: FileOpener;
  readonly onEvent: EventSink;
}

export function createClearConfigLink(options: ClearConfigOptions): Link {
  return {
    name: 'clear-config',
    async answer(lookup, below) {
      const answer = await below(lookup);
      const name =
        answer.kind === 'served' && lookup.confidential !== true ? configNameOf(lookup.name) : undefined;
      if (answer.kind !== 'served' || name === undefined) return answer;
      const device = name.device === undefined ? undefined : await options.devices.findDevice(name.device);
      if (device !== undefined && encryptionPolicyOf(device, options.models) === 'encrypted-only')
        return withhold(options, lookup, answer, device);
      return scan(options, lookup, answer);
    },
  };
}

/** Of a device or the default one; also where a folder stands before it, which a rewriting rule may take away. */
function configNameOf(name: FileName): FileName | undefined {
  const isConfig = ({ kind }: FileName): boolean =>
    kind === 'config' || kind === 'default-config' || kind === 'encrypted-config';
  if (isConfig(name)) return name.kind === 'encrypted-config' ? undefined : name;
  const last = parseFileName(name.segments.at(-1) ?? '');
  return last.ok && isConfig(last.value) ? last.value : undefined;
}

async function withhold(
  { crypto, opener }: ClearConfigOptions,
  lookup: Lookup,
  answer: Served,
  device: Device,
): Promise<Answer> {
  const { name } = lookup;
  if (name.kind !== 'config' || name.signed || !name.base.toLowerCase().endsWith('.cnf.xml')) {
    note(lookup, 'clear-config', `${device.name} is encrypted-only: nothing of that name leaves`);
    return notFound;
  }
  const full = await readContent(opener, answer.content, signedFileBytesMax);
  if (full === undefined) return { kind: 'retry', reason: 'the content cannot be read at once' };
  const { sharedSha256, ...whole } = answer;
  const salt = sharedSha256 ?? toHex(crypto.digest('sha256', full));
  const stub = buildStub(crypto, full, device.certificateDer, salt);
  if (!stub.ok) {
    note(lookup, 'clear-config', `no stub can be made: ${stub.error}`);
    return { kind: 'refused', reason: 'an encrypted-only configuration does not leave in clear' };
  }
  note(lookup, 'clear-config', `${device.name} is encrypted-only: its stub`);
  return { ...whole, content: { kind: 'memory', bytes: stub.value }, by: 'clear-config' };
}

async function scan(options: ClearConfigOptions, lookup: Lookup, answer: Served): Promise<Answer> {
  const bytes = await readContent(options.opener, answer.content, signedFileBytesMax);
  if (bytes === undefined) return answer;
  const signed = looksSigned(bytes) ? decodeSignedFile(bytes) : undefined;
  const secrets = secretsIn(signed?.ok === true ? signed.value.content : bytes);
  if (secrets.length === 0) return answer;
  const refused = options.secretsInClear === 'refuse';
  const { base } = lookup.name;
  const elements = secrets.join(', ');
  const key = `${base} ${elements} ${options.secretsInClear}`;
  if (!options.told.has(key)) {
    options.told.set(key, true);
    options.onEvent({ type: 'secret-in-clear', name: base, elements, refused });
  }
  if (!refused) return answer;
  note(lookup, 'clear-config', `holds ${elements} in clear`);
  return { kind: 'refused', reason: `holds ${elements} in clear` };
}
