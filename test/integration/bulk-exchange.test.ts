/**
 * Four clusters and a real OpenSSH server: everybody exports, one merges, everybody imports, the CTLs are made anew, and
 * phones of all of them take the proxy's ring list, and never a trust list of its.
 */
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readClusterView, trustInputOf } from '../../src/app/cluster-view.ts';
import { bundlePassphraseDefault } from '../../src/core/bulk/bundles.ts';
import { buildTrustList } from '../../src/core/signing/build-trust-list.ts';
import { judgeFile } from '../../src/core/trust/judge.ts';
import { planCtl } from '../../src/core/trust/plan-ctl.ts';
import { planItl } from '../../src/core/trust/plan-itl.ts';
import { inUse, withoutRepeats } from '../../src/core/trust/trust-plan.ts';
import type { PhoneState } from '../../src/core/phone/phone-state.ts';
import { DerReader, derTag } from '../../src/pki/der.ts';
import { readPassphraseFile } from '../../src/node/passphrase.ts';
import { readPkcs12Certificates } from '../../src/pki/pkcs12-read.ts';
import { writePem } from '../../src/pki/pem.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { Enterprise, fileIn, type Member } from '../helpers/enterprise.ts';
import { findSecrets, secretKey, type Secret } from '../helpers/secrets.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';
import { party } from '../helpers/trust-builder.ts';

const lifeMs = 240_000;
const crypto = createVerifier();
const ids = ['hub', 'alpha', 'beta', 'gamma'] as const;
type Id = (typeof ids)[number];

let sshd: Sshd;
let enterprise: Enterprise;
let members: Record<Id, Member>;
/** Of each cluster's ITLRecovery, as its people read it out on the telephone. */
const told = {} as Record<Id, string>;
const phones = {} as Record<Id, PhoneState>;

beforeAll(async () => {
  sshd = await startSshd();
  enterprise = new Enterprise();
  members = Object.fromEntries(ids.map((id) => [id, enterprise.cluster(id)])) as Record<Id, Member>;
  for (const id of ids) await members[id].init(id === 'gamma' ? 'nonsecure' : 'mixed');
}, lifeMs);
afterAll(async () => {
  enterprise.remove();
  await sshd.stop();
});

const share = (): readonly string[] => ['--host-key', sshd.hostKey, '--identity', sshd.identity];
const accept = (...which: readonly Id[]): readonly string[] =>
  which.flatMap((id) => ['--accept', `${id}=${told[id]}`]);

function importing(id: Id, purpose: string, ...more: readonly string[]) {
  return members[id].done('import-bulk', '--from', sshd.address(), '--purpose', purpose, ...more, ...share());
}

describe('an enterprise', () => {
  it('before the exchange: no phone takes the proxy’s ring list', { timeout: lifeMs }, async () => {
    for (const id of ['alpha', 'beta', 'gamma'] as const) {
      // The first boot takes the lists, the second asks for signed files.
      const first = await members[id].boot(members.hub);
      const { state, ringlist } = await members[id].boot(members.hub, first.state);
      phones[id] = state;
      expect({ id, outcome: ringlist?.outcome }).toEqual({ id, outcome: 'refused' });
    }
  });

  it('everybody exports, one merges', { timeout: lifeMs }, async () => {
    for (const [at, id] of ids.entries()) {
      const { der } = party({
        key: at % 2 === 0 ? 'callmanager-a' : 'callmanager-b',
        subject: [['CN', `${id}.example`]],
        serial: `70ca${at}0`,
      });
      const tomcat = fileIn(enterprise, `${id}-tomcat.pem`, writePem('CERTIFICATE', der));
      const exported = await members[id].done(
        'export-bulk',
        '--to',
        sshd.address(),
        '--pem',
        '--with',
        `tomcat=${tomcat}`,
        ...share(),
      );
      expect(exported).toMatchObject({ cluster: id, signer: expect.stringMatching(/^SHA256:[0-9a-f]{64}$/) });
      expect(exported['files']).toEqual(readdirSync(join(sshd.share, id)).toSorted());
      told[id] = String(exported['signer']);
    }
    const words = ['export-bulk', '--to', sshd.address(), ...share()];
    const fewer = await members.gamma.run(...words, '--types', 'tftp,tvs');
    expect(fewer.said).toContain(
      'had capf and tomcat and itlrecovery too: whoever imports this one retires them',
    );
    const tomcat = join(enterprise.world, 'gamma-tomcat.pem');
    const all = await members.gamma.run(...words, '--pem', '--with', `tomcat=${tomcat}`);
    expect(all.said).not.toContain('retires');
    const at = ['consolidate-bulk', '--at', sshd.address(), ...share()];
    const unknown = await members.hub.run(...at);
    expect(unknown.status).toBe(1);
    expect(unknown.said).toContain(`--accept alpha=${told.alpha}`);
    await members.hub.done(...at, ...accept('alpha', 'beta', 'gamma'));
    const again = await members.hub.done(...at);
    expect(again).toMatchObject({ changed: false, changes: [], refused: [] });
    expect((again['clusters'] as { cluster: string }[]).map(({ cluster }) => cluster)).toEqual(
      ids.toSorted(),
    );
  });

  it('holds no key material, bag or byte', { timeout: lifeMs }, async () => {
    const files = readdirSync(sshd.share, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(40);
    const secrets = (await Promise.all(ids.map(keysOf))).flat();
    expect(secrets.length).toBeGreaterThanOrEqual(4 * 5);
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      const bytes = readFileSync(path);
      const shown = [bytes, ...base64In(bytes)];
      // The bags' identifiers (RFC 7292 §4.2), in the clear; certificates lie encrypted beside them.
      for (const oid of ['060b2a864886f70d010c0a0101', '060b2a864886f70d010c0a0102'])
        expect(bytes.includes(Buffer.from(oid, 'hex'))).toBe(false);
      if (file.name.endsWith('.p12')) {
        expect(contentsOf(bytes)).toBe(1);
        expect(await readPkcs12Certificates(bytes, bundlePassphraseDefault)).toMatchObject({ keys: 0 });
        const pass = `pass:${bundlePassphraseDefault}`;
        shown.push(
          execFileSync('openssl', ['pkcs12', '-in', path, '-passin', pass, '-nodes'], { stdio: 'pipe' }),
        );
      }
      for (const each of shown) {
        expect(each.includes('PRIVATE KEY')).toBe(false);
        expect(findSecrets(each, secrets)).toEqual([]);
      }
    }
  });

  it('imports for its purposes, after somebody looked', { timeout: lifeMs }, async () => {
    for (const id of ['alpha', 'beta', 'gamma'] as const) {
      const shown = await importing(id, 'proxy', '--cluster', 'hub', ...accept('hub'));
      expect(shown).toMatchObject({
        applied: false,
        certificates: [{ store: 'phone-tftp-trust', state: 'new' }],
      });
      expect(shown['power']).toEqual([
        expect.stringContaining('could sign the files of 0 phones, no trust list'),
      ]);
      expect(await storesOf(id)).toEqual([]);
      expect(await importing(id, 'proxy', '--apply', '--yes')).toMatchObject({ applied: true });
      expect(await storesOf(id)).toEqual(['hub proxy phone-tftp-trust']);
    }
    for (const [id, other] of [
      ['alpha', 'beta'],
      ['beta', 'alpha'],
    ] as const) {
      await importing(id, 'emcc', '--cluster', other, ...accept(other));
      await importing(id, 'emcc', '--apply', '--yes');
      expect(await storesOf(id)).toEqual([
        `${other} emcc phone-sast-trust`,
        `${other} emcc tomcat-trust`,
        'hub proxy phone-tftp-trust',
      ]);
    }
    await importing('hub', 'migrate', '--cluster', 'gamma', ...accept('gamma'));
    await importing('hub', 'migrate', '--apply', '--yes');
    expect(new Set(await storesOf('hub'))).toEqual(
      new Set(
        ['phone-sast-trust', 'callmanager-trust', 'tvs-trust', 'tomcat-trust'].map(
          (s) => `gamma migrate ${s}`,
        ),
      ),
    );
    const ends = await members.hub.with(({ store }) => store.listCertificates());
    const landed = ends.flatMap(({ landed }) => landed ?? []);
    expect(landed.every(({ untilMs = 0 }) => untilMs > Date.now())).toBe(true);
  });

  it(
    'says that the CTL is out of date and why, shows the change, and publishes it',
    { timeout: lifeMs },
    async () => {
      for (const id of ['alpha', 'beta'] as const) {
        const before = await members[id].run('status');
        expect(before.said).toContain('the CTL is out of date');
        expect(before.said).toMatch(/because [0-9a-f]{16} in phone-tftp-trust \(import-bulk proxy of hub/);
        const planned = await members[id].done('update-ctl', '--dry-run');
        const ctl = (planned['lists'] as { kind: string; changes: string[] }[]).find(
          ({ kind }) => kind === 'ctl',
        );
        expect(ctl?.changes.map((line) => line.replace(/;.*/, ''))).toEqual(
          expect.arrayContaining(['+ TFTP CN=hub-tftp.example']),
        );
        await members[id].done('update-ctl', '--yes');
        expect((await members[id].run('status')).said).not.toContain('out of date');
      }
    },
  );

  it('afterwards every phone takes the proxy’s ring list', { timeout: lifeMs }, async () => {
    for (const id of ['alpha', 'beta', 'gamma'] as const) {
      const { state, ringlist } = await members[id].boot(members.hub, phones[id]);
      phones[id] = state;
      expect({ id, outcome: ringlist?.outcome }).toEqual({ id, outcome: 'accepted' });
    }
  });

  it(
    'and no trust list that the proxy could sign, with either of its keys',
    { timeout: lifeMs },
    async () => {
      const judged = async (id: Id, kind: 'itl' | 'ctl', bytes: Uint8Array): Promise<string> => {
        const { itl, ctl } = phones[id];
        const held = (hex: string | null) =>
          hex === null ? undefined : Uint8Array.from(Buffer.from(hex, 'hex'));
        const phone = { itl: held(itl), ctl: held(ctl), tvs: await members[id].tvs() };
        const name = kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv';
        return judgeFile(crypto, phone, { name, bytes }, Math.floor(Date.now() / 1000)).phone;
      };
      const all = async (): Promise<readonly string[]> => {
        const verdicts = [];
        for (const id of ['alpha', 'beta', 'gamma'] as const)
          for (const kind of ['itl', 'ctl'] as const)
            verdicts.push(await judged(id, kind, (await members.hub.lists())[kind] ?? new Uint8Array()));
        return verdicts;
      };
      expect(await all()).toEqual(Array<string>(6).fill('reject'));
      // The key that the phones take files from.
      await members.hub.done('reset-itl', 'localkey', '--yes');
      await members.hub.done('reset-ctl', 'localkey', '--yes');
      expect(await all()).toEqual(Array<string>(6).fill('reject'));
      // Nor lists of theirs with itself added; their own ITLRecovery could.
      for (const id of ['alpha', 'beta', 'gamma'] as const)
        for (const kind of id === 'gamma' ? (['itl'] as const) : (['itl', 'ctl'] as const)) {
          const verdict = async (...by: readonly [Id, 'callmanager' | 'itlrecovery']): Promise<string> =>
            `${id} ${kind} by ${by.join(' ')}: ${await judged(id, kind, await forged(id, kind, ...by))}`;
          for (const purpose of ['callmanager', 'itlrecovery'] as const)
            expect(await verdict('hub', purpose)).toMatch(/: reject$/);
          expect(await verdict(id, 'itlrecovery')).toMatch(/: accept$/);
        }
    },
  );
});

/** Every private key of a cluster, in the forms in which it could leak; found in its own PEM. */
function keysOf(id: Id): Promise<readonly Secret[]> {
  return members[id].with(async ({ store, keyFiles, folder }) => {
    const passphrase = readPassphraseFile(folder.passphraseFile);
    const secrets: Secret[] = [];
    for (const { fingerprint, purpose } of await store.listCertificates()) {
      const pem = await keyFiles.find(fingerprint);
      if (pem === undefined) continue;
      const key = createPrivateKey({ key: pem, passphrase });
      const secret = secretKey(`${id} ${purpose}`, key);
      const clear = Buffer.from(key.export({ type: 'pkcs8', format: 'pem' }));
      expect(findSecrets(clear, [secret])).toHaveLength(1);
      expect(base64In(clear).flatMap((bytes) => findSecrets(bytes, [secret]))).toHaveLength(1);
      secrets.push(secret);
    }
    return secrets;
  });
}

/** What stands in base64, lines joined: PEM blocks, and the texts of a JSON file. */
function base64In(bytes: Buffer): readonly Buffer[] {
  const runs = bytes.toString('latin1').match(/[A-Za-z0-9+/]{60}(?:[A-Za-z0-9+/]|\r?\n)*={0,2}/g) ?? [];
  return runs.map((run) => Buffer.from(run, 'base64'));
}

/** The lists of `id` as they would be made next, and with them a SAST of `signs`, who signs them. */
async function forged(id: Id, kind: 'itl' | 'ctl', signs: Id, purpose: 'callmanager' | 'itlrecovery') {
  const planned = await members[id].with(async ({ store, crypto: verifier }) => {
    const input = trustInputOf(await readClusterView(store, verifier));
    return kind === 'itl' ? planItl(input) : planCtl(input);
  });
  return members[signs].with(async (node) => {
    const input = trustInputOf(await readClusterView(node.store, node.crypto));
    const certificate = inUse(input, purpose, purpose === 'callmanager' ? input.thisNode : undefined);
    return buildTrustList({
      kind,
      records: withoutRepeats([...planned.records, { role: 'SAST', certificate, dnsName: '' }]),
      fileName: kind === 'itl' ? 'ITLFile.tlv' : 'CTLFile.tlv',
      timestamp: Math.floor(Date.now() / 1000),
      hash: 'sha1',
      signer: await node.signers.open(certificate, await node.keyFiles.read(certificate.fingerprint)),
    });
  });
}

async function storesOf(id: Id): Promise<readonly string[]> {
  const rows = await members[id].with(({ store }) => store.listCertificates());
  return rows
    .flatMap(({ store, landed }) => (landed ? [`${landed.cluster} ${landed.purpose} ${store}`] : []))
    .sort();
}

/** ContentInfos in the authenticated safe: keys would stand in one of their own. */
function contentsOf(pkcs12: Uint8Array): number {
  const pfx = new DerReader(pkcs12).sequence();
  pfx.any();
  const info = pfx.sequence();
  info.any();
  const octets = new DerReader(info.any().content).expect(derTag.octetString).content;
  const safe = new DerReader(octets).sequence();
  let count = 0;
  while (!safe.done) {
    safe.any();
    count++;
  }
  return count;
}
