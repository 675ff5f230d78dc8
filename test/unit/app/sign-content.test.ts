import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signContent } from '../../../src/app/sign-content.ts';
import { encodeUtf8 } from '../../../src/base/text.ts';
import { createNode, openNode, type OpenNode } from '../../../src/node/open-node.ts';
import { decodeSignedFile } from '../../../src/wire/signed-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-sign-'));
const options = { dataDir: join(folder, 'node'), passphraseFile: undefined };
let node: OpenNode;

beforeAll(async () => {
  const request = { clusterId: 'lab', nodeName: 'tftp.lab', mode: 'mixed', hash: 'sha512' } as const;
  await createNode(options, { ...request, by: 'a test', filesRoot: undefined });
  node = await openNode(options);
});

afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true });
});

const first = { fileName: 'Ringlist.xml.sgn', content: encodeUtf8('<one/>'), contentSeconds: 2_000_000_000 };

describe("signing with the cluster's key", () => {
  it('keeps content, name and the hash of the cluster', async () => {
    const { bytes, hash } = await signContent(node, first);
    const decoded = decodeSignedFile(bytes);
    expect(hash).toBe('sha512');
    expect(decoded).toMatchObject({
      ok: true,
      value: { content: first.content, header: { fileName: 'Ringlist.xml.sgn', timestamp: 2_000_000_000 } },
    });
  });

  it('design.md §5: the timestamp never goes back for a name', async () => {
    const again = await signContent(node, first);
    expect(again.timestamp).toBe(2_000_000_000);
    const older = { ...first, content: encodeUtf8('<two/>'), contentSeconds: 1_900_000_000 };
    expect((await signContent(node, older)).timestamp).toBeGreaterThan(2_000_000_000);
    const another = { ...older, fileName: 'Ringlist-wb.xml.sgn' };
    expect((await signContent(node, another)).timestamp).toBe(1_900_000_000);
  });

  it('is never before the certificate', async () => {
    const old = { ...first, fileName: 'old.xml.sgn', contentSeconds: 0 };
    const [callManager] = (await node.store.listCertificates()).filter(
      ({ purpose }) => purpose === 'callmanager',
    );
    const facts = node.crypto.readCertificate(callManager?.der ?? new Uint8Array());
    expect((await signContent(node, old)).timestamp).toBe(facts?.notBefore);
  });

  it.each([
    ['no .sgn', 'Ringlist.xml'],
    ['a trust list', 'ITLFile.tlv'],
    ['a trust list with .sgn', 'CTLSEP001122334455.tlv.sgn'],
    ['firmware', 'sip88xx.14-1-1.zz.sgn'],
    ['an encrypted configuration', 'SEP001122334455.cnf.xml.enc.sgn'],
    ['a path out', '../Ringlist.xml.sgn'],
    ['nothing', ''],
  ])('refuses a name: %s', async (_, fileName) => {
    await expect(signContent(node, { ...first, fileName })).rejects.toMatchObject({ code: 'refused' });
  });

  it('refuses what is signed already', async () => {
    const { bytes: content } = await signContent(node, first);
    await expect(signContent(node, { ...first, content })).rejects.toMatchObject({ code: 'refused' });
  });
});
