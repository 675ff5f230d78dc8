/**
 * The `signed` link: `X.sgn` is X as the links below give it, signed under the name as asked (design.md §2).
 * A stored file of exactly that name that carries the signed header already wins; firmware passes untouched.
 *
 * Refuses to sign: trust lists and names that already ask for a signature, encrypted configurations, content that
 * carries a signed header itself, content above `signedFileBytesMax`. Cold signatures are limited; who comes when
 * the queue is full is told to come back. Only headers are kept (≤ 1 KiB), bodies are read anew (design.md §5).
 */
import { assert } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { signedFileBytesMax } from '../base/limits.ts';
import { parseFileName } from '../core/files/file-name.ts';
import type { FileName, FileNameKind } from '../core/files/file-name.ts';
import type { Content } from '../core/files/resolution.ts';
import type { FileOpener } from '../core/ports.ts';
import { signFileHeader } from '../core/signing/sign-file.ts';
import { looksSigned } from '../wire/signed-header.ts';
import { notFound, note } from './link.ts';
import type { Below, Link, Lookup, Served } from './link.ts';
import { readContent } from './open-file.ts';
import { createSignatureSource, type KeptSignatures, type SignatureOptions } from './signature-source.ts';

export interface SignedOptions extends SignatureOptions {
  readonly kept: KeptSignatures;
  readonly opener: FileOpener;
}

export function createSignedLink(options: SignedOptions): Link {
  const { headers, lane } = options.kept;
  const sign = createSignatureSource(options, headers, lane);
  return {
    name: 'signed',
    async answer(lookup, below) {
      if (!lookup.name.signed) return below(lookup);
      const stored = await askForStored(options.opener, lookup, below);
      if (stored !== undefined) return stored;

      const base = signableBase(lookup.name);
      if (base === undefined) {
        note(lookup, 'signed', `nothing of that name is ever signed here`);
        return notFound;
      }
      const plain = await below({ ...lookup, name: base });
      if (plain.kind !== 'served') return plain;
      const content = await readContent(options.opener, plain.content, signedFileBytesMax);
      if (content === undefined) {
        note(
          lookup,
          'signed',
          `${base.asked} is above ${signedFileBytesMax} bytes or changes while it is read`,
        );
        return { kind: 'retry', reason: 'the content cannot be read at once' };
      }
      if (looksSigned(content)) {
        note(lookup, 'signed', `${base.asked} carries a signed header already and is not signed again`);
        return notFound;
      }
      const { name, request } = lookup;
      const file = { address: request.address, fileName: name.asked, content, dated: plain };
      const header = await sign({ ...file, make: signFileHeader });
      if (header === undefined) {
        note(lookup, 'signed', 'too many files wait for a signature');
        return { kind: 'retry', reason: 'too many files wait for a signature' };
      }
      const { fingerprint } = options.signer.certificate;
      const how = header.wasKept ? 'header kept' : `by ${fingerprint.slice(0, 16)} with ${options.hash}`;
      note(lookup, 'signed', `as ${name.asked}, ${how}`);
      return {
        ...plain,
        content: { kind: 'memory', bytes: concatBytes(header.bytes, content) },
        by: 'signed',
      };
    },
  };
}

/** A stored file must have the asked spelling: its signature is over its own name. */
async function askForStored(opener: FileOpener, lookup: Lookup, below: Below): Promise<Served | undefined> {
  const stored = await below({ ...lookup, exact: true });
  if (stored.kind !== 'served') return undefined;
  if (looksSigned(await firstBytes(opener, stored.content))) {
    note(lookup, 'signed', 'stored with its signature');
    return stored;
  }
  note(lookup, 'signed', 'the stored file of this name carries no signed header');
  return undefined;
}

async function firstBytes(opener: FileOpener, content: Content): Promise<Uint8Array> {
  if (content.kind === 'memory') return content.bytes;
  const file = await opener.open(content);
  const bytes = new Uint8Array(64);
  try {
    const length = (await file?.read(bytes, 0)) ?? 0;
    return bytes.subarray(0, length);
  } finally {
    await file?.close();
  }
}

function signableBase(name: FileName): FileName | undefined {
  const base = parseFileName(name.base);
  assert(base.ok, 'a legal name without its suffix is legal');
  return base.value.signed || neverSigned.has(name.kind) || neverSigned.has(base.value.kind)
    ? undefined
    : base.value;
}

const neverSigned: ReadonlySet<FileNameKind> = new Set<FileNameKind>([
  'encrypted-config',
  'firmware',
  'cluster-itl',
  'cluster-ctl',
  'device-itl',
  'device-ctl',
]);
