import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import {
  memoryFileBytesMax,
  signingConcurrentMax,
  signingPerAddressMax,
  signingQueueBytesMax,
} from '../../../src/base/limits.ts';
import { decodeLatin1, encodeLatin1 } from '../../../src/base/text.ts';
import { filesBook } from '../../../src/core/signing/sign-file.ts';
import type { PublishedList } from '../../../src/core/cluster/model.ts';
import type { FileRequest, Resolution } from '../../../src/core/files/resolution.ts';
import type { Resolver, Signer } from '../../../src/core/ports.ts';
import { createChain } from '../../../src/files/chain.ts';
import { openLocal } from '../../../src/files/local.ts';
import type { LocalLink } from '../../../src/files/local.ts';
import { fileOpener } from '../../../src/files/open-file.ts';
import { createKeptSignatures } from '../../../src/files/signature-source.ts';
import { createSignedLink } from '../../../src/files/signed.ts';
import { createTrustListLink } from '../../../src/files/trust-list.ts';
import { createUnsignedOverTlsLink } from '../../../src/files/unsigned-over-tls.ts';
import { readPrivateKeyPem } from '../../../src/pki/signer.ts';
import { createVerifier } from '../../../src/pki/verifier.ts';
import { decodeSignedHeader, toBeSigned } from '../../../src/wire/signed-header.ts';
import { openToolFile } from '../../helpers/crypto-signed-bytes.ts';

const crypto = createVerifier();
const signer = readPrivateKeyPem(decodeLatin1(openToolFile('callmanager.pem')));
const largestBytes = 15 * 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'tftp-pki-signed-'));
const nowMs = 1_900_000_000_000;
const open: LocalLink[] = [];

let signatures = 0;
let trouble: Error | undefined;
/** Signatures that were begun wait for it. */
let held: Promise<void> | undefined;

/** The `index`th way to write a name: a bit says the case of a letter. */
function spelling(name: string, index: number): string {
  return Array.from(name, (letter, at) => ((index >> at) & 1 ? letter.toUpperCase() : letter)).join('');
}
const countingSigner: Signer = {
  certificate: signer.certificate,
  async sign(hash, parts) {
    signatures++;
    if (trouble !== undefined) throw trouble;
    await held;
    return signer.sign(hash, parts);
  },
};

interface Asked {
  readonly name: string;
  readonly signer: string;
  readonly least: number;
}
const asked: Asked[] = [];
/** The database's promise in its simplest form: one timestamp per name and content. */
const timestamps = {
  timestampFloor: async () => 0,
  async signedTimestamp(name: string, by: string, _sha256: string, least: number) {
    asked.push({ name, signer: by, least });
    return least;
  },
};

const itl = list('itl', 'node-a', 'itl bytes');
const lists = [itl, list('itl', 'node-b', 'other node'), list('ctl', 'node-b', 'ctl bytes')];

function list(kind: 'itl' | 'ctl', node: string, text: string): PublishedList {
  return {
    generation: 3,
    kind,
    node,
    bytes: encodeLatin1(text),
    signer: '',
    sha256: '',
    timestamp: 1,
    publishedMs: 1_000,
  };
}

async function chain(published: readonly PublishedList[] = lists, forDevices = false): Promise<Resolver> {
  const onEvent = () => undefined;
  const rewrite = (name: string) => name;
  const local = await openLocal({
    root,
    alternates: [],
    caseInsensitive: true,
    rewrite,
    onEvent,
    onChange: onEvent,
  });
  open.push(local);
  const signed = createSignedLink({
    signer: countingSigner,
    hash: 'sha512',
    crypto,
    timestamps,
    clock: { nowMs: () => nowMs },
    kept: createKeptSignatures(),
    opener: fileOpener,
  });
  const trustList = createTrustListLink({
    lists: { currentLists: () => Promise.resolve(published) },
    node: 'node-a',
    forDevices,
  });
  const links = {
    'trust-list': trustList,
    'unsigned-over-tls': createUnsignedOverTlsLink(),
    signed,
    local,
  };
  return createChain({ links, onEvent });
}

function ask(
  resolver: Resolver,
  name: string,
  transport: FileRequest['transport'] = 'tftp',
  address = '127.0.0.1',
): Promise<Resolution> {
  return resolver.resolve({ name, transport, address, port: 4000 });
}

function bytesOf(resolution: Resolution): Uint8Array {
  assert(resolution.kind === 'served' && resolution.content.kind === 'memory', 'it is served from memory');
  return resolution.content.bytes;
}

/** Name and content of a file whose signature verifies with our signer's key. */
function readSigned(resolution: Resolution): {
  readonly fileName: string | undefined;
  readonly content: string;
} {
  const bytes = bytesOf(resolution);
  const header = decodeSignedHeader(bytes);
  assert(header.ok, 'the header reads');
  const { spki } = signer.certificate.publicKey;
  const verified = crypto.verifyRsa(spki, 'sha512', toBeSigned(bytes, header.value), header.value.signature);
  expect(verified).toBe(true);
  return {
    fileName: header.value.fileName,
    content: decodeLatin1(bytes.subarray(header.value.headerLength)),
  };
}

beforeAll(() => {
  mkdirSync(join(root, 'Desktops'));
  writeFileSync(join(root, 'Ringlist.xml'), 'rings');
  writeFileSync(join(root, 'SEP001122334455.cnf.xml'), 'configuration');
  writeFileSync(join(root, 'stored.xml'), 'never seen');
  writeFileSync(join(root, 'stored.xml.sgn'), openToolFile('Ringlist-sha1.xml.sgn'));
  writeFileSync(join(root, 'abcdefghijklm.xml'), 'many spellings');
  writeFileSync(join(root, 'largest.txt'), new Uint8Array(largestBytes));
  writeFileSync(join(root, 'odd.xml'), 'plain');
  writeFileSync(join(root, 'odd.xml.sgn'), 'not a signed file');
  writeFileSync(join(root, 'inner.xml'), openToolFile('Ringlist-sha1.xml.sgn'));
  writeFileSync(join(root, 'sip88xx.loads'), 'maker');
  writeFileSync(join(root, 'sip9971.zz.sgn'), 'maker');
  writeFileSync(join(root, 'ITLFile.tlv'), 'dropped here by somebody');
  writeFileSync(join(root, 'SEP001122334455.cnf.xml.enc'), 'no key was ever near this');
  writeFileSync(join(root, 'large.txt'), 'a'.repeat(memoryFileBytesMax + 1));
});

beforeEach(() => {
  signatures = 0;
  asked.length = 0;
  trouble = undefined;
  held = undefined;
});

afterEach(() => {
  for (const local of open.splice(0)) local.close();
});

afterAll(() => rmSync(root, { recursive: true }));

describe('X.sgn is X, signed under the name as asked', () => {
  it.each([
    ['Ringlist.xml.sgn', 'rings'],
    ['RINGLIST.XML.sgn', 'rings'],
    ['ringlist.xml.SGN', 'rings'],
    ['SEP001122334455.cnf.xml.sgn', 'configuration'],
    ['odd.xml.sgn', 'plain'],
  ])('%s', async (name, content) => {
    const resolution = await ask(await chain(), name);
    expect(readSigned(resolution)).toEqual({ fileName: name, content });
    expect(resolution).toMatchObject({ by: 'signed' });
  });

  it('also where X is above memory size', async () => {
    const resolution = await ask(await chain(), 'large.txt.sgn');
    expect(readSigned(resolution).content).toHaveLength(memoryFileBytesMax + 1);
  });

  it('a stored file of exactly that name that carries a header wins', async () => {
    const resolver = await chain();
    expect(bytesOf(await ask(resolver, 'stored.xml.sgn'))).toEqual(
      new Uint8Array(openToolFile('Ringlist-sha1.xml.sgn')),
    );
    expect(signatures).toBe(0);
    // In another spelling its signature would not hold for the asker.
    expect(readSigned(await ask(resolver, 'STORED.xml.sgn')).content).toBe('never seen');
  });

  it.each([
    ['missing.xml.sgn'],
    ['Ringlist.xml.sgn.sgn'],
    ['inner.xml.sgn'],
    ['ITLFile.tlv.sgn'],
    ['CTLSEP001122334455.tlv.sgn'],
    ['SEP001122334455.cnf.xml.enc.sgn'],
    ['sip88xx.loads.sgn'],
  ])('%s is never signed', async (name) => {
    expect((await ask(await chain(), name)).kind).toBe('not-found');
    expect(signatures).toBe(0);
  });

  it('firmware passes as it is', async () => {
    const resolver = await chain();
    expect(decodeLatin1(bytesOf(await ask(resolver, 'sip88xx.loads')))).toBe('maker');
    expect(decodeLatin1(bytesOf(await ask(resolver, 'sip9971.zz.sgn')))).toBe('maker');
    expect(signatures).toBe(0);
  });
});

describe('what a signature costs', () => {
  it('one per name and content; the body is read anew', async () => {
    const resolver = await chain();
    const first = bytesOf(await ask(resolver, 'Ringlist.xml.sgn'));
    expect(bytesOf(await ask(resolver, 'Ringlist.xml.sgn'))).toEqual(first);
    expect(signatures).toBe(1);
    await ask(resolver, 'ringlist.xml.sgn');
    expect(signatures).toBe(2);
    writeFileSync(join(root, 'Ringlist.xml'), 'other rings');
    expect(readSigned(await ask(resolver, 'Ringlist.xml.sgn')).content).toBe('other rings');
    expect(signatures).toBe(3);
    writeFileSync(join(root, 'Ringlist.xml'), 'rings');
  });

  it('many who ask at once share it', async () => {
    const resolver = await chain();
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(resolver, 'Ringlist.xml.sgn')));
    expect(new Set(answers.map((answer) => decodeLatin1(bytesOf(answer)))).size).toBe(1);
    expect(signatures).toBe(1);
  });

  it('one address cannot fill the queue with spellings of a name', async () => {
    const resolver = await chain();
    let release = () => undefined as void;
    held = new Promise((resolve) => (release = resolve));
    let retries = 0;
    const flood = Array.from({ length: signingPerAddressMax + 64 }, async (_, index) => {
      const { kind } = await ask(resolver, `${spelling('abcdefghijklm.xml', index)}.sgn`);
      if (kind === 'retry') retries++;
      return kind;
    });
    await vi.waitFor(() => expect(retries).toBe(64), { timeout: 15_000 });
    expect(signatures).toBe(signingConcurrentMax);
    const other = ask(resolver, 'Ringlist.xml.sgn', 'tftp', '127.0.0.2');
    release();
    expect((await other).kind).toBe('served');
    const kinds = await Promise.all(flood);
    expect(kinds.filter((kind) => kind === 'served')).toHaveLength(signingPerAddressMax);
  });

  it('content that waits for a signature is bounded by bytes', async () => {
    const resolver = await chain();
    let release = () => undefined as void;
    held = new Promise((resolve) => (release = resolve));
    const fitting = Math.floor(signingQueueBytesMax / largestBytes);
    let retries = 0;
    const many = Array.from({ length: fitting + 2 }, async (_, index) => {
      const { kind } = await ask(resolver, `${spelling('largest.txt', index)}.sgn`);
      if (kind === 'retry') retries++;
    });
    await vi.waitFor(() => expect(retries).toBe(2), { timeout: 15_000 });
    release();
    await Promise.all(many);
    expect(signatures).toBe(fitting);
  });

  it('a failing signer is a retry, not an unsigned file', async () => {
    const resolver = await chain();
    trouble = new Error('the token is gone');
    const resolution = await ask(resolver, 'Ringlist.xml.sgn');
    expect(resolution).toMatchObject({ kind: 'retry' });
    trouble = undefined;
    expect((await ask(resolver, 'Ringlist.xml.sgn')).kind).toBe('served');
  });

  it('its time is never before the content or the signer, and never in the future', async () => {
    const resolver = await chain();
    const { notBefore } = signer.certificate;
    await ask(resolver, 'Ringlist.xml.sgn');
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ name: 'Ringlist.xml.sgn', signer: filesBook });
    expect(asked[0]?.least).toBeGreaterThanOrEqual(notBefore);
    expect(asked[0]?.least).toBeLessThanOrEqual(nowMs / 1000);
  });
});

describe('on 6971 the configuration is unsigned (formats.md §6)', () => {
  it('SEP….cnf.xml.sgn answers the unsigned file', async () => {
    const resolution = await ask(await chain(), 'SEP001122334455.cnf.xml.sgn', 'https');
    expect(decodeLatin1(bytesOf(resolution))).toBe('configuration');
  });

  it('other names are what they are elsewhere', async () => {
    const resolver = await chain();
    expect(readSigned(await ask(resolver, 'Ringlist.xml.sgn', 'https')).content).toBe('rings');
    expect(readSigned(await ask(resolver, 'SEP001122334455.cnf.xml.sgn', 'http')).content).toBe(
      'configuration',
    );
  });
});

describe('trust lists are the published ones (design.md §4 row 3)', () => {
  it('the ITL is this node’s, the CTL the cluster’s', async () => {
    const resolver = await chain();
    expect(decodeLatin1(bytesOf(await ask(resolver, 'ITLFile.tlv')))).toBe('itl bytes');
    expect(decodeLatin1(bytesOf(await ask(resolver, 'itlfile.tlv')))).toBe('itl bytes');
    expect(decodeLatin1(bytesOf(await ask(resolver, 'CTLFile.tlv')))).toBe('ctl bytes');
  });

  it('a file that lies in the folder is never taken for one', async () => {
    expect((await ask(await chain([]), 'ITLFile.tlv')).kind).toBe('not-found');
    expect((await ask(await chain([list('itl', 'node-b', 'x')]), 'ITLFile.tlv')).kind).toBe('not-found');
  });

  it('a device has no list of its own, unless the setting says that it gets the node’s', async () => {
    const name = 'ITLSEP001122334455.tlv';
    expect((await ask(await chain(), name)).kind).toBe('not-found');
    expect(decodeLatin1(bytesOf(await ask(await chain(lists, true), name)))).toBe('itl bytes');
    expect(decodeLatin1(bytesOf(await ask(await chain(lists, true), 'CTLSEP001122334455.tlv')))).toBe(
      'ctl bytes',
    );
  });
});
