/** Encrypted configurations, their stubs, and what never leaves in clear (formats.md §2, security.md §5). */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/base/events.ts';
import type { Device } from '../../../src/core/cluster/model.ts';
import type { Provisioning } from '../../../src/core/devices/provisioning.ts';
import type { FileRequest, Resolution } from '../../../src/core/files/resolution.ts';
import { secretsIn } from '../../../src/core/files/secrets.ts';
import { scanElements } from '../../../src/core/phone/config-scan.ts';
import type { CertificateFacts } from '../../../src/core/ports.ts';
import { buildStub } from '../../../src/core/render/stub.ts';
import { verifyStrict } from '../../../src/core/trust/strict.ts';
import { createByteCache } from '../../../src/files/byte-cache.ts';
import { createChain } from '../../../src/files/chain.ts';
import { createClearConfigLink, createSecretsTold } from '../../../src/files/clear-config.ts';
import { createEncryptedLink } from '../../../src/files/encrypted.ts';
import { notFound, type Link } from '../../../src/files/link.ts';
import { fileOpener } from '../../../src/files/open-file.ts';
import { createKeptSignatures } from '../../../src/files/signature-source.ts';
import { createSignedLink } from '../../../src/files/signed.ts';
import { createUnsignedOverTlsLink } from '../../../src/files/unsigned-over-tls.ts';
import { readCertificateFile } from '../../../src/pki/certificate.ts';
import { createEncryptor } from '../../../src/pki/encryptor.ts';
import { readPrivateKeyPem } from '../../../src/pki/signer.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { decodeSignedFile } from '../../../src/wire/signed-file.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';
import { opensslDecrypt } from '../../helpers/openssl-decrypt.ts';
import { party, type Party } from '../../helpers/trust-builder.ts';
import { deviceOf } from '../core/render/golden-pair.ts';

const crypto = createVerifier();
const nowMs = 1_795_255_200_000;
const text = (name: string): string => Buffer.from(openToolFile(name)).toString();
const signer = readPrivateKeyPem(text('callmanager.pem'));
const [phone] = readCertificateFile(openToolFile('phone.pem')) as [CertificateFacts];
const [ec] = readCertificateFile(openToolFile('callmanager-ec.pem')) as [CertificateFacts];
const capf = party({ key: 'sast-b', subject: [['CN', 'CAPF-1']], serial: '01' });
const name = 'SEP001122334455';
const secret = 'hunter2';
const plain = Buffer.from(
  `<device><loadInformation>sip88xx.14</loadInformation><sshPassword>${secret}</sshPassword></device>\n`,
);
const encryptedOnly = deviceOf({ name, certificateDer: phone.der, encryptedOnly: true });

interface World {
  readonly device?: Device;
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly models?: Provisioning['models'];
  readonly secretsInClear?: 'warn' | 'refuse';
}

function world({ device, files = {}, models = {}, secretsInClear = 'warn' }: World) {
  const events: Event[] = [];
  const devices = {
    findDevice: async (wanted: string) => (wanted === device?.name ? device : undefined),
  };
  const stored = new Map(Object.entries({ [`${name}.cnf.xml`]: plain, ...files }));
  const local: Link = {
    name: 'local',
    async answer({ name: asked }) {
      const bytes = stored.get(asked.asked);
      if (bytes === undefined) return notFound;
      const content = { kind: 'memory', bytes: Uint8Array.from(bytes) } as const;
      return { kind: 'served', content, by: 'local', freshForMs: 1_000, modifiedMs: nowMs - 5_000 };
    },
  };
  const shared = {
    devices,
    models,
    crypto,
    signer,
    hash: 'sha1',
    timestamps: { signedTimestamp: async () => nowMs / 1000 - 5, timestampFloor: async () => 0 },
    clock: { nowMs: () => nowMs },
    kept: createKeptSignatures(),
    opener: fileOpener,
    onEvent: (event: Event) => void events.push(event),
  } as const;
  const phones = {
    issuers: [crypto.readCertificate(Uint8Array.from(capf.der))].flatMap((known) => known ?? []),
    isIssuedBy: (leaf: CertificateFacts, issuer: CertificateFacts) => leaf.issuer === issuer.subject,
  };
  const chain = createChain({
    links: {
      encrypted: createEncryptedLink({ ...shared, phones, encryptor: createEncryptor() }),
      'unsigned-over-tls': createUnsignedOverTlsLink(),
      signed: createSignedLink(shared),
      'clear-config': createClearConfigLink({ ...shared, secretsInClear, told: createSecretsTold() }),
      local,
    },
    onEvent: shared.onEvent,
  });
  const ask = (asked: string, more: Partial<FileRequest> = {}): Promise<Resolution> =>
    chain.resolve({ name: asked, transport: 'tftp', address: '192.0.2.1', port: 1, ...more });
  return { ask, chain, events };
}

function bytesOf(resolution: Resolution): Buffer {
  if (resolution.kind !== 'served' || resolution.content.kind !== 'memory')
    throw new Error(`${resolution.kind}: ${JSON.stringify(resolution.trace)}`);
  return Buffer.from(resolution.content.bytes);
}

const stubOf = (bytes: Buffer) =>
  scanElements(bytes.toString(), new Set(['fullConfig', 'encrConfig', 'certHash', 'loadInformation']));

describe('.enc.sgn', () => {
  it('is the plain file encrypted to the device, as openssl opens it, and signed under its name', async () => {
    const { ask } = world({ device: encryptedOnly });
    const resolution = await ask(`${name}.cnf.xml.enc.sgn`);
    expect(resolution).toMatchObject({ by: 'encrypted' });
    const bytes = bytesOf(resolution);
    expect(opensslDecrypt(bytes, text('phone.pem'))).toEqual(plain);
    const trust = { lists: [], certificates: [{ role: 'TFTP' as const, certificate: signer.certificate }] };
    const asked = { bytes, name: `${name}.cnf.xml.enc.sgn`, trust, nowSeconds: nowMs / 1000 };
    expect(verifyStrict(crypto, asked).accepted).toBe(true);
    expect(bytesOf(await ask(`${name}.cnf.xml.enc.sgn`))).toEqual(bytes);
  });

  it('many who ask at once get one file', async () => {
    const { ask } = world({ device: encryptedOnly });
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(`${name}.cnf.xml.enc.sgn`)));
    expect(new Set(answers.map((answer) => bytesOf(answer).toString('hex'))).size).toBe(1);
  });

  it.each([
    ['of nobody', {}],
    ['without a certificate', { device: deviceOf({ name, encryptedOnly: true }) }],
    ['with an EC certificate', { device: deviceOf({ name, encryptedOnly: true, certificateDer: ec.der }) }],
    ['that is offered none', { device: deviceOf({ name, certificateDer: phone.der }) }],
  ] as const)('of a device %s is not found', async (_name, given) => {
    expect((await world(given).ask(`${name}.cnf.xml.enc.sgn`)).kind).toBe('not-found');
  });

  it('in another spelling is not found: each would be a signature', async () => {
    const { ask } = world({ device: encryptedOnly });
    expect((await ask(`${name.toLowerCase()}.cnf.xml.enc.sgn`)).kind).toBe('not-found');
  });

  it('is offered beside the plain file in security mode encrypted; a stored one wins', async () => {
    const device = deviceOf({ name, certificateDer: phone.der, security: 'encrypted' });
    const { ask } = world({ device });
    expect(opensslDecrypt(bytesOf(await ask(`${name}.cnf.xml.enc.sgn`)), text('phone.pem'))).toEqual(plain);
    expect(bytesOf(await ask(`${name}.cnf.xml`))).toEqual(plain);
    const own = openToolFile('enc1/SEP001122334455.cnf.xml.enc.sgn');
    const files = { [`${name}.cnf.xml.enc.sgn`]: own };
    expect(bytesOf(await world({ device, files }).ask(`${name}.cnf.xml.enc.sgn`))).toEqual(Buffer.from(own));
  });
});

describe('encrypted-only', () => {
  const hash = '571caac23b716940e8d9386d69936550';

  it.each(['tftp', 'http'] as const)(
    'leaves its stub in clear, plain and signed, by %s',
    async (transport) => {
      const { ask } = world({ device: encryptedOnly });
      const stub = bytesOf(await ask(`${name}.cnf.xml`, { transport }));
      expect(stub.includes(secret)).toBe(false);
      expect(Object.fromEntries(stubOf(stub) ?? [])).toEqual({
        fullConfig: ['false'],
        loadInformation: ['sip88xx.14'],
        certHash: [hash],
        encrConfig: ['true'],
      });
      const signed = decodeSignedFile(bytesOf(await ask(`${name}.cnf.xml.sgn`, { transport })));
      expect(signed.ok && Buffer.from(signed.value.content)).toEqual(stub);
    },
  );

  it('by its model, and without a certificate: a stub that lets the phone enrol', async () => {
    const device = deviceOf({ name });
    const models = { [device.model]: { load: '', overrides: {}, encryptedOnly: true } };
    const stub = stubOf(bytesOf(await world({ device, models }).ask(`${name}.cnf.xml`)));
    expect([stub?.get('encrConfig'), stub?.get('certHash')]).toEqual([['true'], undefined]);
  });

  it('gives nothing by other names: text, folder, a stored signature, a broken file', async () => {
    const signedByHand = openToolFile('enc1/SEP001122334455.cnf.xml.sgn');
    const files = {
      [`${name}.cnf`]: plain,
      [`x/${name}.cnf.xml`]: plain,
      [`${name}.cnf.xml.sgn`]: signedByHand,
    };
    const { ask } = world({ device: encryptedOnly, files });
    for (const asked of [`${name}.cnf`, `x/${name}.cnf.xml`, `${name}.cnf.sgn`])
      expect((await ask(asked)).kind, asked).toBe('not-found');
    expect(bytesOf(await ask(`${name}.cnf.xml.sgn`))).not.toEqual(Buffer.from(signedByHand));
    const broken = world({ device: encryptedOnly, files: { [`${name}.cnf.xml`]: Buffer.from('<device>') } });
    expect((await broken.ask(`${name}.cnf.xml`)).kind).toBe('refused');
  });

  it('the stub of the open tool has the same elements', () => {
    const stub = buildStub(crypto, openToolFile('enc1/plain.xml'), phone.der, 'ab'.repeat(32));
    const theirs = decodeSignedFile(openToolFile('enc1/SEP001122334455.cnf.xml.sgn'));
    const tags = (xml: Uint8Array): string[] =>
      Buffer.from(xml)
        .toString()
        .match(/<[a-z][^>]*>[^<\n]*/gi) ?? [];
    expect(tags(stub.ok ? stub.value : new Uint8Array())).toEqual(
      tags(theirs.ok ? theirs.value.content : plain),
    );
  });
});

describe('6971', () => {
  const lsc = (common: string, more: object = {}): Party =>
    party({
      key: 'stranger',
      subject: [['CN', common]],
      issuer: [['CN', 'CAPF-1']],
      issuerKey: 'sast-b',
      serial: '07',
      ...more,
    });
  const by = (certificate: Uint8Array | undefined): Partial<FileRequest> => ({
    transport: 'https',
    ...(certificate && { certificate: Uint8Array.from(certificate) }),
  });

  it.each([
    ['the certificate that was imported for it', phone.der],
    ['an LSC of our CAPF that names it', lsc(`CP-8861-${name}`).der],
  ])('gives the whole file to %s, and to nobody from memory', async (_name, certificate) => {
    const { ask, chain } = world({ device: encryptedOnly });
    const whole = await ask(`${name}.cnf.xml.sgn`, by(certificate));
    expect(bytesOf(whole)).toEqual(plain);
    expect(whole).toMatchObject({ freshForMs: 0 });
    const cache = createByteCache({ resolver: chain });
    const request = { name: `${name}.cnf.xml`, address: '192.0.2.1', port: 1, transport: 'https' } as const;
    const [mine, theirs] = await Promise.all([
      cache.resolve({ ...request, certificate: Uint8Array.from(certificate) }),
      cache.resolve(request),
    ]);
    expect(bytesOf(mine)).toEqual(plain);
    expect(bytesOf(theirs).includes(secret)).toBe(false);
    expect(bytesOf(await cache.resolve(request)).includes(secret)).toBe(false);
  });

  it.each([
    ['nobody', undefined],
    ['an LSC of another phone', lsc('CP-8861-SEPAABBCCDDEEFF').der],
    [
      'a certificate by an unknown issuer',
      party({ key: 'stranger', subject: [['CN', `CP-8861-${name}`]], serial: '08' }).der,
    ],
    ['an expired LSC', lsc(`CP-8861-${name}`, { notAfter: nowMs / 1000 - 60 }).der],
    ['bytes that are no certificate', Uint8Array.of(1, 2, 3)],
  ])('gives the stub to %s', async (_name, certificate) => {
    const { ask } = world({ device: encryptedOnly });
    expect(bytesOf(await ask(`${name}.cnf.xml.sgn`, by(certificate))).includes(secret)).toBe(false);
  });

  it('a certificate counts by HTTPS only', async () => {
    const { ask } = world({ device: encryptedOnly });
    const answer = await ask(`${name}.cnf.xml`, { transport: 'http', certificate: phone.der });
    expect(bytesOf(answer).includes(secret)).toBe(false);
  });
});

describe('secrets in clear', () => {
  it('are told once per file, by the names of their elements and nothing else', async () => {
    const { ask, events } = world({ device: deviceOf({ name }) });
    for (const asked of [`${name}.cnf.xml`, `${name}.cnf.xml`, `${name}.cnf.xml.sgn`])
      expect((await ask(asked)).kind).toBe('served');
    expect(events).toEqual([
      { type: 'secret-in-clear', name: `${name}.cnf.xml`, elements: 'sshPassword', refused: false },
    ]);
  });

  it('are refused where the setting says so: plain, signed, stored signed, the default file', async () => {
    const files = { 'XMLDefault.cnf.xml': plain, 'SEP00112233AABB.cnf.xml': Buffer.from('<device/>') };
    const { ask, events } = world({ device: deviceOf({ name }), secretsInClear: 'refuse', files });
    for (const asked of [`${name}.cnf.xml`, `${name}.cnf.xml.sgn`, 'XMLDefault.cnf.xml'])
      expect((await ask(asked)).kind, asked).toBe('refused');
    expect((await ask('SEP00112233AABB.cnf.xml')).kind).toBe('served');
    expect(JSON.stringify(events)).not.toContain(secret);
  });

  it('no event and no trace of an encrypted configuration holds one', async () => {
    const { ask, events } = world({ device: encryptedOnly });
    const traces: unknown[] = [];
    for (const asked of ['.enc.sgn', '.sgn', '']) traces.push((await ask(`${name}.cnf.xml${asked}`)).trace);
    expect(JSON.stringify([events, traces])).not.toContain(secret);
    expect(events).toEqual([]);
  });

  it.each([
    ['<device><sshPassword>a</sshPassword><userId>b</userId></device>', ['sshPassword', 'userId']],
    ['<device><commonProfile><phonePassword>x</phonePassword></commonProfile></device>', ['phonePassword']],
    ['<device><adminPassword><![CDATA[x]]></adminPassword></device>', ['adminPassword']],
    ['<device><sshPassword></sshPassword><userId/><adminPassword> </adminPassword></device>', []],
    ['<device><!-- <sshPassword>x</sshPassword> --><sshUserId>a</sshUserId></device>', []],
    ['<device><sshPassword>never closed', ['sshPassword']],
    ['<!DOCTYPE a><device><userId a="b">x</userId></device>', ['userId']],
    ['phone_password: "cisco"\nline1_password: ""\n', ['phone_password']],
  ])('are found in %s', (xml, elements) => {
    expect(secretsIn(Buffer.from(xml))).toEqual(elements);
  });

  it('searching ends whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(secretsIn(bytes).length).toBeLessThanOrEqual(8);
      }),
      { numRuns: 200, seed: 11 },
    );
  });
});
