/** What a person says is trusted: files of lists and certificates, read into what core judges by. */
import { Failure } from '../base/errors.ts';
import { trustListBytesMax } from '../base/limits.ts';
import type { Trust } from '../core/trust/strict.ts';
import type { Role } from '../wire/role.ts';
import type { Terminal } from './output.ts';
import { namingFile, readInput } from './read-input.ts';

export async function readLists(
  terminal: Terminal,
  files: readonly string[] = [],
): Promise<readonly Uint8Array[]> {
  const lists: Uint8Array[] = [];
  for (const file of files) lists.push(await readInput(terminal, file, trustListBytesMax));
  return lists;
}

/** Which of a phone's two lists a file is, the name inside tells. */
export async function readHeldLists(
  terminal: Terminal,
  files: readonly string[],
): Promise<{ ctl?: Uint8Array; itl?: Uint8Array }> {
  const [{ decodeSignedHeader }, { listKindOfName }] = await Promise.all([
    import('../wire/signed-header.ts'),
    import('../core/trust/name-check.ts'),
  ]);
  const held: { ctl?: Uint8Array; itl?: Uint8Array } = {};
  for (const [index, bytes] of (await readLists(terminal, files)).entries()) {
    const header = decodeSignedHeader(bytes);
    const kind = header.ok ? listKindOfName(header.value.fileName ?? '') : undefined;
    if (kind === undefined)
      throw new Failure(
        'usage',
        `${files[index]} is neither an ITL nor a CTL, and a phone holds nothing else`,
      );
    if (held[kind] !== undefined)
      throw new Failure('usage', `a phone holds one ${kind.toUpperCase()}, two were given`);
    held[kind] = bytes;
  }
  return held;
}

export async function readAnchors(
  terminal: Terminal,
  trust: readonly { readonly role: Role; readonly file: string }[] = [],
): Promise<Trust['certificates']> {
  const { readCertificateFile } = await import('../pki/certificate.ts');
  const anchors: Trust['certificates'][number][] = [];
  for (const { role, file } of trust) {
    const bytes = await readInput(terminal, file);
    const certificates = namingFile(file, () => readCertificateFile(bytes));
    anchors.push(...certificates.map((certificate) => ({ role, certificate })));
  }
  return anchors;
}
