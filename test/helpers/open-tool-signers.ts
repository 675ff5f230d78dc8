import { readFileSync } from 'node:fs';
import type { CertificateFacts, Signer } from '../../src/core/ports.ts';
import { readPrivateKeyPem } from '../../src/pki/signer.ts';
import { openTool } from './crypto-signed-bytes.ts';

/** The throw-away keys of the open tool's files, as signers. */
export function openToolSigner(
  name: 'callmanager' | 'itlrecovery' | 'tvs' | 'capf' | 'phone' | 'proxy4096' | 'callmanager-ec',
): Signer {
  return readPrivateKeyPem(readFileSync(new URL(`${name}.pem`, openTool), 'latin1'));
}

export function openToolCertificate(name: Parameters<typeof openToolSigner>[0]): CertificateFacts {
  return openToolSigner(name).certificate;
}
