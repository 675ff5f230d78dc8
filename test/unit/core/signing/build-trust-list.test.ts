import { createVerify, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CertificateFacts } from '../../../../src/core/ports.ts';
import { buildTrustList, type TrustListRequest } from '../../../../src/core/signing/build-trust-list.ts';
import { checkInvariants, viewOfList, viewOfPlan } from '../../../../src/core/trust/invariants.ts';
import type { PlannedRecord } from '../../../../src/core/trust/trust-plan.ts';
import type { Role } from '../../../../src/wire/role.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { decodeTrustList } from '../../../../src/wire/trust-list.ts';
import { cutSignedFile } from '../../../helpers/crypto-signed-bytes.ts';
import { openToolCertificate, openToolSigner } from '../../../helpers/open-tool-signers.ts';

const recovery = openToolSigner('itlrecovery');
const callManager = openToolCertificate('callmanager');

function planned(
  role: Role,
  certificate: CertificateFacts | undefined,
  dnsName = 'cucm-a.example',
): PlannedRecord {
  return { role, certificate, dnsName };
}

const records = [
  planned('SAST', recovery.certificate),
  { ...planned('TFTP', callManager), ipAddress: Uint8Array.of(10, 0, 0, 1) },
  planned('SAST', callManager),
  planned('TVS', openToolCertificate('tvs')),
  planned('CAPF', openToolCertificate('capf')),
  planned('TFTP', openToolCertificate('callmanager-ec')),
];

const request: TrustListRequest = {
  kind: 'itl',
  records,
  fileName: 'ITLFile.tlv',
  timestamp: 1_795_252_211,
  hash: 'sha1',
  signer: recovery,
};

describe('buildTrustList', () => {
  it('writes every record with its own certificate, in order', async () => {
    const list = decodeTrustList(await buildTrustList(request));
    if (!list.ok) throw new Error(list.error.message);
    expect(list.value.header).toMatchObject({
      kind: 'trust-list',
      version: { major: 1, minor: 2 },
      fileName: 'ITLFile.tlv',
      signerVersion: undefined,
    });
    expect(list.value.records).toHaveLength(records.length);
    for (const [index, record] of list.value.records.entries()) {
      const wanted = records[index];
      const certificate = new X509Certificate(record.certificateDer ?? new Uint8Array());
      expect(record.role).toBe(wanted?.role);
      expect(record.dnsName).toBe('cucm-a.example');
      expect(record.ipAddress).toEqual(wanted?.ipAddress);
      expect(record.subject).toBe(wanted?.certificate?.subject);
      expect(
        Buffer.from(record.serial ?? [])
          .toString('hex')
          .toUpperCase(),
      ).toBe(certificate.serialNumber);
      // The certificate ends with its signature; its SPKI holds the public key as the record has it.
      const signature = record.signature ?? new Uint8Array();
      expect(Buffer.from(certificate.raw.subarray(-signature.length)).equals(signature)).toBe(true);
      const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
      expect(
        spki.subarray(-(record.publicKey?.length ?? 0)).equals(record.publicKey ?? new Uint8Array()),
      ).toBe(true);
    }
  });

  it.each(['sha1', 'sha512'] as const)('signs with %s; anybody verifies the cut bytes', async (hash) => {
    const { signed, signature } = cutSignedFile(await buildTrustList({ ...request, hash }));
    const verify = createVerify(hash);
    for (const part of signed) verify.update(part);
    expect(verify.verify(new X509Certificate(recovery.certificate.der).publicKey, signature)).toBe(true);
  });

  it('writes 33-byte records for the servers of a nonsecure cluster (formats.md §3)', async () => {
    const bare = {
      role: 'CCM+TFTP',
      certificate: undefined,
      dnsName: '10.48.47.153',
      ipAddress: Uint8Array.of(10, 48, 47, 153),
    } as const;
    const sasts = [planned('SAST', recovery.certificate), planned('SAST', callManager)];
    const bytes = await buildTrustList({
      ...request,
      kind: 'ctl',
      fileName: 'CTLFile.tlv',
      records: [...sasts, bare],
    });
    const list = decodeTrustList(bytes);
    expect(list.ok && list.value.records.map(({ length }) => length).at(-1)).toBe(33);
  });

  it('says of itself what its plan says: the invariants judge both alike (design.md §5)', async () => {
    const plan = { kind: 'itl', records, signer: recovery.certificate } as const;
    const list = decodeTrustList(await buildTrustList(request));
    if (!list.ok) throw new Error(list.error.message);
    const view = viewOfList(createVerifier(), list.value, recovery.certificate.fingerprint);
    expect(view).toEqual(viewOfPlan(plan));
    const keys = { fileSigner: callManager.fingerprint, nextSigners: [callManager.fingerprint] };
    expect(checkInvariants(view, undefined, keys)).toEqual([]);
  });

  it.each(['ITLFile.tlv', 'ITLSEP001122334455.tlv'])('takes the name %s', async (fileName) => {
    expect(decodeTrustList(await buildTrustList({ ...request, fileName }))).toMatchObject({
      ok: true,
      value: { header: { fileName } },
    });
  });
});

describe('a builder refuses (security.md §2)', () => {
  const [recoverySast, tftp, callManagerSast] = records;
  if (!recoverySast || !tftp || !callManagerSast) throw new Error('three records');
  // 6 KB of address-less SAST with a certificate of its own each: a list outgrows 64 KB with 40 of them.
  const foreign = Array.from({ length: 40 }, (_, index) =>
    planned('SAST', { ...recovery.certificate, fingerprint: `foreign ${index}` }),
  );

  it.each<[string, Partial<TrustListRequest>, string]>([
    ['a list without TFTP or CCM+TFTP record', { records: [recoverySast, callManagerSast] }, 'without TFTP'],
    ['fewer than two SAST', { records: [recoverySast, tftp] }, '2 SAST'],
    ['one SAST twice', { records: [recoverySast, recoverySast, tftp] }, '2 SAST'],
    ['more than 64 KB', { records: [...records, ...foreign] }, '65536 bytes'],
    ['a signer that is no SAST of the list', { signer: openToolSigner('tvs') }, 'no SAST'],
    [
      'a signer that is TFTP only',
      {
        records: [recoverySast, tftp, planned('SAST', openToolCertificate('tvs'))],
        signer: openToolSigner('callmanager'),
      },
      'no SAST',
    ],
    ['a record twice', { records: [...records, tftp] }, 'twice'],
    [
      'a SAST without certificate',
      { records: [...records, planned('SAST', undefined)] },
      'without certificate',
    ],
    ['the name of the other kind', { fileName: 'CTLFile.tlv' }, 'not the name'],
    ['the name of a file', { fileName: 'Ringlist.xml.sgn' }, 'not the name'],
    [
      'RSA-4096 without asking',
      {
        records: [...records, planned('SAST', openToolCertificate('proxy4096'))],
        signer: openToolSigner('proxy4096'),
      },
      'RSA-4096',
    ],
  ])('%s', async (_name, change, words) => {
    await expect(buildTrustList({ ...request, ...change })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(words),
    });
  });

  it('signs with RSA-4096 when asked', async () => {
    const signer = openToolSigner('proxy4096');
    const all = [...records, planned('SAST', signer.certificate)];
    const bytes = await buildTrustList({ ...request, records: all, signer, allowRsa4096: true });
    expect(decodeTrustList(bytes)).toMatchObject({ ok: true, value: { header: { modulusCode: 3 } } });
  });
});
