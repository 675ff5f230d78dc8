/**
 * Adoption with the keys that an old cluster happens to have: one of RSA-4096, which no profile of ours makes, goes on
 * signing what its phones ask for; where no key can be had, the certificates that have to be loaded first are named.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPhone } from '../../src/core/phone/phone-state.ts';
import { buildTrustList } from '../../src/core/signing/build-trust-list.ts';
import type { Role } from '../../src/wire/role.ts';
import { bootFrom } from '../faults/examined-folder.ts';
import { openTool } from '../helpers/crypto-signed-bytes.ts';
import { Enterprise, fileIn } from '../helpers/enterprise.ts';
import { openToolCertificate, openToolSigner } from '../helpers/open-tool-signers.ts';

const phone = 'SEP001122330001';
const given = (file: string): string => new URL(file, openTool).pathname;
let enterprise: Enterprise;
/** As the old cluster made it: files signed by RSA-4096, lists by RSA-2048. */
let itl: Uint8Array;

beforeAll(async () => {
  enterprise = new Enterprise();
  const record = (role: Role, name: Parameters<typeof openToolCertificate>[0]) => ({
    role,
    certificate: openToolCertificate(name),
    dnsName: 'cucm-a.example',
  });
  itl = await buildTrustList({
    kind: 'itl',
    fileName: 'ITLFile.tlv',
    timestamp: 1_750_000_000,
    hash: 'sha1',
    signer: openToolSigner('itlrecovery'),
    records: [
      record('SAST', 'itlrecovery'),
      record('SAST', 'proxy4096'),
      record('CCM+TFTP', 'proxy4096'),
      record('TVS', 'tvs'),
      record('CAPF', 'capf'),
    ],
  });
  fileIn(enterprise, 'ITLFile.tlv', itl);
  fileIn(enterprise, `files/${phone}.cnf.xml`, `<device><deviceName>${phone}</deviceName></device>\n`);
  fileIn(enterprise, 'files/Ringlist.xml', '<CiscoIPPhoneRingList/>\n');
  fileIn(enterprise, 'files/AppDialRules.xml', '<DialRules/>\n');
}, 60_000);
afterAll(() => enterprise.remove());

const inWorld = (name: string): string => `${enterprise.world}/${name}`;

describe('a CallManager key of RSA-4096', () => {
  it.each([['itlrecovery'], []])(
    'signs files that the old phones take, with another signer of lists and alone: %s',
    async (...others) => {
      const member = enterprise.cluster(`long-${others.length}`);
      const sasts = ['proxy4096', ...others];
      const { said, status } = await member.run(
        'adopt',
        ...sasts.flatMap((name) => ['--sast', given(`${name}.pem`)]),
        '--itl',
        inWorld('ITLFile.tlv'),
        '--files',
        inWorld('files'),
      );
      expect([status, said]).toEqual([0, expect.stringContaining('the callmanager key is RSA-4096')]);
      const held = { ...newPhone(phone), itl: Buffer.from(itl).toString('hex') };
      const boot = await bootFrom(member.data, held);
      expect([boot.refused, boot.ok]).toEqual([[], true]);
      // By hand too, under the same key.
      const signed = await member.sign('Ringlist.xml.sgn', '<CiscoIPPhoneRingList/>\n');
      expect(Buffer.from(signed).includes('CN=proxy.example')).toBe(true);
    },
    60_000,
  );
});

describe('keys that cannot be had', () => {
  const lists = ['--itl', given('ITL-sha1.tlv'), '--ctl', given('CTL-sha1.tlv')];

  it('says which certificates would have to be loaded where first, and writes nothing', async () => {
    const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(
      readFileSync(given('itlrecovery.pem'), 'latin1'),
    )?.[0];
    const keyless = fileIn(enterprise, 'keyless.pem', certificate ?? '');
    const member = enterprise.cluster('keyless');
    const { status, said } = await member.run('adopt', '--sast', keyless, ...lists);
    expect(status).toBe(1);
    for (const line of [
      'phones that hold these lists take no list signed by a key that was given',
      'no private key came with CN=ITLRECOVERY_cucm-a.example',
      'they take one from:',
      '  CN=cucm-a.example;OU=Voice;O=Example;L=Riga;ST=LV;C=LV (serial 22:89:21:96',
      'load certificates at the old cluster first:',
      '1. the certificate of an RSA-2048 key of yours into its phone-sast-trust, then update its CTL and ITL',
      '2. reset the phones',
      '3. fetch the new lists with tftp-pki get, and adopt them with that key as --sast',
    ])
      expect(said).toContain(line);
    await expect(member.with(({ store }) => store.readCluster())).rejects.toThrow('no');
  });

  it('refuses a list that none of its SASTs signed', async () => {
    const bytes = Uint8Array.from(readFileSync(given('ITL-sha1.tlv')));
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    const list = fileIn(enterprise, 'changed.tlv', bytes);
    const { status, said } = await enterprise
      .cluster('changed')
      .run('adopt', '--sast', given('itlrecovery.pem'), '--itl', list);
    expect([status, said]).toEqual([1, expect.stringMatching(/SAST/)]);
  });
});
