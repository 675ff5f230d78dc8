/** What is worth a word in a file whose signer was believed (security.md §2, "Accept" and "lint"). */
import type { SignedHeader } from '../../wire/signed-header.ts';
import { hashOfCode } from '../../wire/algorithm.ts';
import { signerRsaBitsMin } from '../../base/limits.ts';
import type { CertificateFacts } from '../ports.ts';
import { namesAttributes } from './name-text.ts';
import type { Lint } from './verdict.ts';

export function lintSigner(
  header: SignedHeader,
  timestamp: number,
  certificate: CertificateFacts,
  nowSeconds: number,
): readonly Lint[] {
  const lint: Lint[] = [];
  const add = (code: Lint['code'], detail = ''): void => {
    lint.push({ code, detail });
  };
  if (hashOfCode(header.digestCode) === 'sha1') add('lint-sha1');
  const key = certificate.publicKey;
  const bits = key.kind === 'rsa' ? key.modulusBits : signerRsaBitsMin;
  if (bits < signerRsaBitsMin) add('lint-rsa-short', `${bits} bits`);
  if (bits > signerRsaBitsMin) add('lint-rsa-large', `${bits} bits`);
  if (!namesAttributes(header.signer.name, certificate.subjectAttributes)) add('lint-signer-name');
  if (timestamp > nowSeconds) add('lint-clock-skew', `${timestamp - nowSeconds} seconds`);
  if (certificate.notAfter < nowSeconds) add('lint-signer-expired', `at ${certificate.notAfter}`);
  return lint;
}
