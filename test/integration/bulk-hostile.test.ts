/**
 * What may lie on a share that anybody writes to: each ends with one clear line and the next step, and nothing is
 * imported. And what other programs wrote, which is.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { writePem } from '../../src/pki/pem.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { Enterprise, fileIn, type Member, type Ran } from '../helpers/enterprise.ts';
import { mountMemory, startSshd } from '../helpers/sshd.ts';
import { day, keysFolder, now, party, type CertificateOptions } from '../helpers/trust-builder.ts';

const lifeMs = 240_000;
const crypto = createVerifier();
let enterprise: Enterprise;
let alpha: Member;
let beta: Member;
let share: string;
let told: string;
/** beta's folder on the share as its first export left it. */
let first: string;

beforeAll(async () => {
  enterprise = new Enterprise();
  [alpha, beta] = [enterprise.cluster('alpha'), enterprise.cluster('beta')];
  await alpha.init('mixed');
  await beta.init('mixed');
  share = join(enterprise.world, 'share');
  first = join(enterprise.world, 'first');
  mkdirSync(share);
  told = String((await beta.done('export-bulk', '--to', share))['signer']);
  cpSync(share, first, { recursive: true });
}, lifeMs);
afterAll(() => enterprise.remove());

/** Puts beta's first export back, lets somebody spoil it, and merges. */
async function merged(spoil: () => void, ...more: readonly string[]): Promise<Ran> {
  rmSync(join(share, 'beta'), { recursive: true, force: true });
  cpSync(first, share, { recursive: true });
  spoil();
  return alpha.run('consolidate-bulk', '--at', share, ...more);
}

/** One line that says what is wrong and one with the next step; no certificate came. */
async function expectRefused({ status, said }: Ran, reason: RegExp): Promise<void> {
  expect(status).toBeGreaterThan(0);
  expect(said).toMatch(reason);
  expect(said).toMatch(/hint: /);
  expect(said).not.toMatch(/\n\s+at /);
  const rows = await alpha.with(({ store }) => store.listCertificates());
  expect(rows.filter(({ store }) => store !== 'own')).toEqual([]);
}

const inBeta = (name: string): string => join(share, 'beta', name);
const bundle = (type: string): string =>
  readdirSync(join(share, 'beta')).find((name) => name.includes(`${type}.`)) ?? '';
const facts = (options: Partial<CertificateOptions> & { readonly serial: string }) => {
  const made = party({ key: 'callmanager-b', subject: [['CN', 'hostile.example']], ...options });
  const certificate = crypto.readCertificate(Uint8Array.from(made.der));
  if (certificate === undefined) throw new Error('the test made no certificate');
  return certificate;
};

describe('a manifest', () => {
  it(
    'of a stranger, of another cluster, changed, cut, replayed: nothing of it is merged',
    { timeout: lifeMs },
    async () => {
      await expectRefused(
        await merged(() => undefined),
        /beta: nobody accepted its ITLRecovery yet: SHA256:[0-9a-f]{64}/,
      );
      const wrong = `beta=SHA256:${'0'.repeat(64)}`;
      await expectRefused(
        await merged(() => undefined, '--accept', wrong),
        /another ITLRecovery than the accepted one signs for it/,
      );
      const accept = ['--accept', `beta=${told}`];
      const manifest = (): Buffer => readFileSync(inBeta('manifest.json.sgn'));
      const write = (bytes: Uint8Array): void => writeFileSync(inBeta('manifest.json.sgn'), bytes);
      await expectRefused(
        await merged(
          () =>
            write(
              Buffer.from(manifest().toString('latin1').replace('"counter": 1', '"counter": 9'), 'latin1'),
            ),
          ...accept,
        ),
        /beta: its manifest is not believed: /,
      );
      await expectRefused(
        await merged(() => write(manifest().subarray(0, 700)), ...accept),
        /is not believed/,
      );
      await expectRefused(await merged(() => write(Buffer.from('{}')), ...accept), /is not believed/);
      await expectRefused(
        await merged(
          () => cpSync(join(share, 'beta'), join(share, 'gamma'), { recursive: true }),
          '--accept',
          `gamma=${told}`,
        ).finally(() => rmSync(join(share, 'gamma'), { recursive: true })),
        /gamma is left out: its manifest is not believed: it is the manifest of beta/,
      );
      // Its own second export was seen: the first one, put back, is a replay.
      await beta.done('export-bulk', '--to', share);
      expect((await alpha.run('consolidate-bulk', '--at', share)).status).toBe(0);
      await expectRefused(
        await merged(() => undefined),
        /its manifest 1 is older than manifest 2, which was seen before/,
      );
      cpSync(share, first, { recursive: true });
    },
  );
});

describe('a PKCS#12', () => {
  it(
    'cut, missing, with a key, a stranger in it, a bomb, another passphrase',
    { timeout: lifeMs },
    async () => {
      await beta.done('export-bulk', '--to', share);
      rmSync(first, { recursive: true });
      cpSync(share, first, { recursive: true });
      rmSync(join(first, 'consolidated.json'), { force: true });
      const file = (): string => inBeta(bundle('tftp'));
      const spoil = async (bytes: () => Uint8Array, reason: RegExp): Promise<void> =>
        expectRefused(await merged(() => writeFileSync(file(), bytes())), reason);
      await spoil(
        () => readFileSync(file()).subarray(0, 300),
        /its file beta-tftp\.example\.tftp\.[0-9a-f]+\.p12: no certificate found/,
      );
      await spoil(() => Buffer.from('nothing'), /its file .*: /);
      await expectRefused(await merged(() => rmSync(file())), /its file .* is not there/);
      const stranger = facts({ serial: '66' });
      await spoil(
        () => writePkcs12([{ certificate: stranger, friendlyName: 'x' }], 'tftp-pki-bulk', 1),
        /did not come with it/,
      );
      await spoil(
        () => writePkcs12([{ certificate: stranger, friendlyName: 'x' }], 'another', 1),
        /the passphrase does not open/,
      );
      const pem = join(enterprise.world, 'hostile.pem');
      writeFileSync(pem, writePem('CERTIFICATE', stranger.der));
      const made = join(enterprise.world, 'made.p12');
      const openssl = (...more: readonly string[]): Buffer => {
        const key = new URL('callmanager-b.pem', keysFolder).pathname;
        execFileSync('openssl', [
          'pkcs12',
          '-export',
          '-in',
          pem,
          '-out',
          made,
          '-passout',
          'pass:tftp-pki-bulk',
          '-inkey',
          key,
          ...more,
        ]);
        return readFileSync(made);
      };
      await spoil(() => openssl(), /holds a private key/);
      await spoil(() => openssl('-iter', '1000001'), /1000001 iterations/);
    },
  );
});

describe('a directory of somebody else’s files', () => {
  const foreign = (): string => mkdtempSync(join(enterprise.world, 'foreign-'));
  const look = (from: string, ...more: readonly string[]) =>
    alpha.run('import-bulk', '--from', from, '--purpose', 'proxy', '--foreign', 'west', ...more);

  it('with what is expired, weak or of no use to phones gives nothing', { timeout: lifeMs }, async () => {
    const cases: readonly [Partial<CertificateOptions>, RegExp][] = [
      [{ notBefore: now - 900 * day, notAfter: now - 500 * day }, /is left out: it expired on 20/],
      [{ key: 'short' }, /is left out: its key is weak: RSA-1024/],
      [{ key: 'curve' }, /phones can check nothing that an EC key signed/],
    ];
    for (const [options, reason] of cases) {
      const from = foreign();
      writeFileSync(
        join(from, 'CallManager.pem'),
        writePem('CERTIFICATE', facts({ serial: '77', ...options }).der),
      );
      await expectRefused(await look(from), reason);
    }
    const empty = foreign();
    writeFileSync(join(empty, 'unnamed.pem'), 'x');
    await expectRefused(await look(empty), /holds 0 certificates that could be taken/);
    await expectRefused(
      await alpha.run('import-bulk', '--from', empty, '--purpose', 'proxy'),
      /holds no consolidation/,
    );
    await expectRefused(
      await alpha.run('import-bulk', '--from', empty, '--purpose', 'migrate', '--apply'),
      /nothing was fetched/,
    );
  });

  it(
    'imports what openssl and node-forge wrote, when somebody vouched for all of it',
    { timeout: lifeMs },
    async () => {
      const from = foreign();
      const vectors = join(import.meta.dirname, '../vectors/import');
      const certificate = facts({ serial: '88', subject: [['CN', 'west.example']] });
      const pem = fileIn(enterprise, 'west.pem', writePem('CERTIFICATE', certificate.der));
      const passphrase = fileIn(enterprise, 'west.pass', 'west\n');
      const export12 = (name: string, ...more: readonly string[]): void => {
        execFileSync('openssl', [
          'pkcs12',
          '-export',
          '-nokeys',
          '-in',
          pem,
          '-out',
          join(from, name),
          '-passout',
          'pass:west',
          ...more,
        ]);
      };
      export12('CallManager-default.p12');
      export12('CallManager-legacy.p12', '-legacy', '-certpbe', 'PBE-SHA1-RC2-40', '-macalg', 'sha1');
      copyFileSync(pem, join(from, 'CallManager.pem'));
      const forge = await import('node-forge');
      const forged = forge.default.pkcs12.toPkcs12Asn1(
        null,
        forge.default.pki.certificateFromPem(readFileSync(pem, 'utf8')),
        'west',
        { algorithm: '3des' },
      );
      writeFileSync(join(from, 'TFTP-forge.p12'), forge.default.asn1.toDer(forged).getBytes(), 'latin1');
      expect(readdirSync(vectors).length).toBeGreaterThan(0);
      await expectRefused(await look(from, '--bundle-passphrase-file', passphrase), /--legacy|not with AES/);
      const shown = await look(from, '--bundle-passphrase-file', passphrase, '--legacy');
      expect(`${shown.status} ${shown.said}`).toMatch(/^0 /);
      const { fingerprint } = shown.json['directory'] as { fingerprint: string };
      const apply = ['import-bulk', '--from', from, '--purpose', 'proxy', '--apply', '--yes'];
      await expectRefused(await alpha.run(...apply), /nobody vouched for the files/);
      await alpha.done(...apply, '--accept', `west=${fingerprint}`);
      const rows = await alpha.with(({ store }) => store.listCertificates());
      expect(
        rows.filter(({ store }) => store !== 'own').map((row) => `${row.store} ${row.fingerprint}`),
      ).toEqual([`phone-tftp-trust ${certificate.fingerprint}`]);
    },
  );
});

describe('what we write', () => {
  it('is listed by openssl, keytool and GnuTLS', { timeout: lifeMs }, () => {
    for (const type of ['tftp', 'tvs', 'capf', 'itlrecovery']) {
      const path = join(
        first,
        'beta',
        readdirSync(join(first, 'beta')).find((name) => name.includes(`${type}.`)) ?? '',
      );
      const run = (program: string, ...args: readonly string[]): string =>
        execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      expect(run('openssl', 'pkcs12', '-in', path, '-passin', 'pass:tftp-pki-bulk', '-nokeys')).toContain(
        'BEGIN CERTIFICATE',
      );
      const listed = run(
        'keytool',
        '-list',
        '-keystore',
        path,
        '-storetype',
        'PKCS12',
        '-storepass',
        'tftp-pki-bulk',
      );
      expect(listed).toContain('trustedCertEntry');
      expect(
        run('certtool', '--inder', '--p12-info', '--infile', path, '--password', 'tftp-pki-bulk'),
      ).toContain('BEGIN CERTIFICATE');
    }
  });
});

describe('a full share', () => {
  /** Room for nothing more. */
  const fill = (folder: string): void => {
    for (let room = 65_536; room > 0;)
      try {
        writeFileSync(join(folder, `filler-${room}-${readdirSync(folder).length}`), Buffer.alloc(room));
      } catch {
        room = Math.floor(room / 2);
      }
  };

  /** Export and merge, then the same with no room: what was there is there, and nothing else that anybody sees. */
  async function full(small: string, to: string, says: RegExp, ...more: readonly string[]): Promise<void> {
    await beta.done('export-bulk', '--to', to, ...more);
    const everything = (): readonly string[] =>
      readdirSync(small, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/^filler-|^\./.test(entry.name))
        .map(({ parentPath, name }) => {
          const path = join(parentPath, name);
          return `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
        })
        .toSorted();
    const before = everything();
    fill(small);
    for (const [member, words] of [
      [beta, ['export-bulk', '--to', to, '--pem']],
      [alpha, ['consolidate-bulk', '--at', to, '--accept', `beta=${told}`]],
    ] as const) {
      const { status, said } = await member.run(...words, ...more);
      expect([words[0], status]).toEqual([words[0], 5]);
      expect(said).toMatch(says);
      expect(said.match(/error: /g)).toHaveLength(1);
      expect(said).toMatch(/hint: Make room on the share/);
      expect(everything()).toEqual(before);
    }
    for (const name of readdirSync(small)) if (name.startsWith('filler-')) rmSync(join(small, name));
    await beta.done('export-bulk', '--to', to, ...more);
    await alpha.done('consolidate-bulk', '--at', to, ...more);
  }

  it('that is a directory keeps what is on it and says so', { timeout: lifeMs }, async () => {
    const small = mkdtempSync(join(enterprise.world, 'small-'));
    if (!mountMemory(small, 64)) throw new Error('this test mounts a file system, as root may');
    try {
      await full(small, small, /ENOSPC/);
    } finally {
      execFileSync('umount', ['--lazy', small]);
    }
  });

  it('that is an SFTP server too', { timeout: lifeMs }, async () => {
    const sshd = await startSshd({ sizeKiB: 128 });
    try {
      const login = ['--host-key', sshd.hostKey, '--identity', sshd.identity];
      await full(sshd.share, sshd.address(), /sftp:\/\/root@127\.0\.0\.1:\d+\/share is full/, ...login);
    } finally {
      await sshd.stop();
    }
  });
});

describe('a directory that somebody else writes to', () => {
  it(
    'leads no export elsewhere by a link, and a file of another shape into nothing',
    { timeout: lifeMs },
    async () => {
      const [to, elsewhere] = ['led-', 'elsewhere-'].map((name) => mkdtempSync(join(enterprise.world, name)));
      if (to === undefined || elsewhere === undefined) throw new Error('no folder');
      symlinkSync(elsewhere, join(to, 'beta'));
      const { status, said } = await beta.run('export-bulk', '--to', to);
      expect(`${status} ${said}`).toMatch(/^[1-9][\s\S]*beta is a link\n[\s\S]*hint: /);
      expect(readdirSync(elsewhere)).toEqual([]);
      rmSync(join(to, 'beta'));
      await beta.done('export-bulk', '--to', to);
      rmSync(join(to, 'beta/manifest.json.sgn'));
      symlinkSync('/dev/zero', join(to, 'beta/manifest.json.sgn'));
      const merge = await alpha.run('consolidate-bulk', '--at', to);
      expect(merge.status).toBeGreaterThan(0);
      expect(merge.said).toMatch(/error: /);
    },
  );
});

describe('a cluster that was set up anew', () => {
  it(
    'begins at 1 when its new ITLRecovery was accepted, and the old one’s exports are over',
    { timeout: lifeMs },
    async () => {
      const later = new Enterprise();
      try {
        const anew = later.cluster('beta');
        await anew.init('mixed');
        const to = mkdtempSync(join(enterprise.world, 'anew-'));
        await beta.done('export-bulk', '--to', to);
        await alpha.done('consolidate-bulk', '--at', to, '--accept', `beta=${told}`);
        cpSync(join(to, 'beta'), join(to, '.old'), { recursive: true });
        rmSync(join(to, 'beta'), { recursive: true });
        const exported = await anew.done('export-bulk', '--to', to);
        expect(exported['counter']).toBe(1);
        const merge = ['consolidate-bulk', '--at', to];
        expect((await alpha.run(...merge)).said).toMatch(
          /another ITLRecovery than the accepted one signs for it/,
        );
        await alpha.done(...merge, '--accept', `beta=${String(exported['signer'])}`);
        rmSync(join(to, 'beta'), { recursive: true });
        cpSync(join(to, '.old'), join(to, 'beta'), { recursive: true });
        expect((await alpha.run(...merge)).said).toMatch(
          /another ITLRecovery than the accepted one signs for it/,
        );
      } finally {
        later.remove();
      }
    },
  );
});
