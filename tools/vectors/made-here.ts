/**
 * Files as this program makes them, with the committed keys of the open tool's vectors: what docs/formats shows byte by
 * byte. `npx tsx tools/vectors/made-here.ts` writes them; RSA PKCS#1 v1.5 is deterministic, so they come out the same.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildTrustList } from '../../src/core/signing/build-trust-list.ts';
import { signFile } from '../../src/core/signing/sign-file.ts';
import { planCtl } from '../../src/core/trust/plan-ctl.ts';
import { planItl } from '../../src/core/trust/plan-itl.ts';
import type { OwnCertificate, TrustInput, TrustPlan } from '../../src/core/trust/trust-plan.ts';
import type { CertificatePurpose } from '../../src/core/cluster/model.ts';
import { readPrivateKeyPem } from '../../src/pki/signer.ts';

export const madeHereFolder = new URL('../../test/vectors/made-here/', import.meta.url);
const keys = new URL('../../test/vectors/open-tool/', import.meta.url);

/** 2026-11-21T10:00:00Z. */
const timestamp = 1_795_255_200;
const node = 'cucm-a.example';

function signerOf(name: string) {
  return readPrivateKeyPem(readFileSync(new URL(`${name}.pem`, keys), 'latin1'));
}

const own = (purpose: CertificatePurpose, name: string, of: string | undefined): OwnCertificate => ({
  purpose,
  node: of,
  certificate: signerOf(name).certificate,
});

/** A cluster in mixed mode with one node. */
const cluster: TrustInput = {
  thisNode: node,
  mode: 'mixed',
  nodes: [{ name: node, ipAddress: Uint8Array.of(192, 0, 2, 10) }],
  own: [
    own('itlrecovery', 'itlrecovery', undefined),
    own('callmanager', 'callmanager', node),
    own('tvs', 'tvs', node),
    own('capf', 'capf', undefined),
    own('tftp-ec', 'callmanager-ec', node),
  ],
  foreignSasts: [],
  foreignFileSigners: [],
};

function listOf({ kind, records }: TrustPlan, hash: 'sha1' | 'sha512'): Promise<Uint8Array> {
  const fileName = `${kind.toUpperCase()}File.tlv`;
  return buildTrustList({ kind, records, fileName, timestamp, hash, signer: signerOf('itlrecovery') });
}

/** By file name. */
export async function filesMadeHere(): Promise<Readonly<Record<string, Uint8Array>>> {
  const content = Uint8Array.from(Buffer.from('<CiscoIPPhoneRingList/>\n'));
  const request = { content, fileName: 'Ringlist.xml.sgn', timestamp, hash: 'sha512' } as const;
  return {
    'Ringlist.xml.sgn': await signFile({ ...request, signer: signerOf('callmanager') }),
    'ITLFile.tlv': await listOf(planItl(cluster), 'sha1'),
    'CTLFile.tlv': await listOf(planCtl(cluster), 'sha512'),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(madeHereFolder, { recursive: true });
  for (const [name, bytes] of Object.entries(await filesMadeHere()))
    writeFileSync(new URL(name, madeHereFolder), bytes);
}
