/** The certificate of a phone, MIC or LSC, that a person names by a file. */
import type { Terminal } from './output.ts';
import { namingFile, readInput } from './read-input.ts';

/** DER of the first certificate; undefined when no file is named. */
export async function readPhoneCertificate(
  terminal: Terminal,
  file: string | undefined,
): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  const { readCertificateFile } = await import('../pki/certificate.ts');
  const bytes = await readInput(terminal, file);
  return namingFile(file, () => readCertificateFile(bytes))[0]?.der;
}
