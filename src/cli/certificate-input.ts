/** Certificates from the files that a person names: any form, their number and source kept for the provenance. */
import { basename } from 'node:path';
import { Failure } from '../base/errors.ts';
import { pkcs12BytesMax } from '../base/limits.ts';
import type { OpenNode } from '../node/open-node.ts';
import type { BundleEntry } from '../pki/certificate-bundle.ts';
import type { CommandContext, OptionDefinition } from './command.ts';
import { namingFileAsync, readInput } from './read-input.ts';

export interface CertificateInputOptions {
  readonly importPassphraseFile?: string;
  readonly legacy?: boolean;
}

export const certificateInputOptions: readonly OptionDefinition[] = [
  {
    flags: '--import-passphrase-file <FILE>',
    description: 'file whose first line opens a PKCS#12 (default: the empty passphrase)',
  },
  { flags: '--legacy', description: 'read a PKCS#12 of an old program too (RC2, 3DES)' },
];

/** Every certificate of every file, in order. Failure `format` names the file. */
export async function readCertificates(
  { terminal }: CommandContext,
  node: OpenNode,
  files: readonly string[],
  { importPassphraseFile, legacy = false }: CertificateInputOptions,
): Promise<readonly BundleEntry[]> {
  const { readPassphraseFile } = await import('../node/passphrase.ts');
  const filePassphrase = (): string =>
    importPassphraseFile === undefined ? '' : readPassphraseFile(importPassphraseFile);
  const entries: BundleEntry[] = [];
  for (const file of files) {
    const bytes = await readInput(terminal, file, pkcs12BytesMax);
    entries.push(...(await namingFileAsync(file, () => node.readBundle(bytes, { filePassphrase, legacy }))));
  }
  if (entries.length === 0) throw new Failure('format', 'the files hold no certificate');
  return entries;
}

/** For provenance: which files, without where they lay. */
export function sourceOf(files: readonly string[]): string {
  return files.map((file) => (file === '-' ? 'stdin' : basename(file))).join(', ');
}
