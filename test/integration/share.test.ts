/** The share port on a directory and on a real OpenSSH server: one suite for both, and what only SSH can get wrong. */
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { shareEntriesMax } from '../../src/base/limits.ts';
import { parseHostKeyPin } from '../../src/core/bulk/host-key.ts';
import type { Share } from '../../src/core/bulk/share.ts';
import { openShare, type ShareRequest } from '../../src/node/open-share.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { startSshd, type Sshd } from '../helpers/sshd.ts';

const crypto = createVerifier();
let sshd: Sshd;
let scratch: string;

beforeAll(async () => {
  sshd = await startSshd();
  scratch = mkdtempSync(join(tmpdir(), 'tftp-pki-share-'));
});
afterAll(async () => {
  await sshd.stop();
  rmSync(scratch, { recursive: true });
});

function sftp(more: Partial<ShareRequest> = {}): ShareRequest {
  const pin = parseHostKeyPin(sshd.hostKey) ?? '';
  return { address: sshd.address(), hostKeys: [pin], identityFile: sshd.identity, ...more };
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Failure)) throw new Error(`not refused: ${String(thrown)}`);
  return thrown;
}

const kinds = [
  { kind: 'directory', request: (): ShareRequest => ({ address: scratch, hostKeys: [] }), at: () => scratch },
  { kind: 'sftp', request: () => sftp(), at: () => sshd.share },
];

describe.each(kinds)('a share: $kind', ({ request, at }) => {
  const using = async (work: (share: Share) => Promise<void>): Promise<void> => {
    const share = await openShare(crypto, request());
    try {
      await work(share);
    } finally {
      await share.close();
    }
  };

  it('keeps bytes, replaces them whole and hides what is unfinished', () =>
    using(async (share) => {
      const large = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31) & 0xff);
      await share.write('alpha/a.p12', Uint8Array.of(1, 2, 3));
      await share.write('alpha/a.p12', large);
      expect(Buffer.from(large).equals((await share.read('alpha/a.p12', 1_000_000)) ?? Buffer.of())).toBe(
        true,
      );
      expect(readFileSync(join(at(), 'alpha/a.p12')).equals(large)).toBe(true);
      writeFileSync(join(at(), 'alpha/.b.p12.1.unfinished'), 'half');
      expect(await share.list('alpha')).toEqual(['a.p12']);
      await share.tidy('alpha');
      expect(readdirSync(join(at(), 'alpha'))).toEqual(['a.p12']);
    }));

  it('leaves a lock to whoever took it over', () =>
    using(async (share) => {
      const lock = await share.lock('late', 'alpha on a');
      const path = join(at(), '.late.lock');
      writeFileSync(path, 'beta on b\n1\nanother\n');
      await lock.release();
      expect(readFileSync(path, 'utf8')).toContain('beta');
      rmSync(path);
    }));

  it('tells absence from failure', () =>
    using(async (share) => {
      expect(await share.list('nobody')).toEqual([]);
      expect(await share.read('nobody/manifest', 10)).toBeUndefined();
      await share.remove('nobody');
      await share.write('long', new Uint8Array(11));
      expect((await failureOf(share.read('long', 10))).code).toBe('format');
      for (const path of ['../x', '/etc/passwd', '.hidden', 'a//b', 'a/.lock', 'a\nb', ''])
        expect((await failureOf(share.read(path, 10))).code).toBe('refused');
    }));

  it('has one holder of a lock; a cut holder takes it over again, an old one is forgotten', () =>
    using(async (share) => {
      const lock = await share.lock('merge', 'alpha on one');
      const refused = await failureOf(share.lock('merge', 'alpha on one'));
      expect(refused.message).toContain('alpha on one');
      expect((await failureOf(share.lock('merge', 'beta on two'))).code).toBe('refused');
      await lock.release();
      await (await share.lock('merge', 'beta on two')).release();
      const path = join(at(), '.merge.lock');
      // No process has this number: pid_max is below it.
      writeFileSync(path, 'alpha on one\n99999999\nforgotten\n');
      expect((await failureOf(share.lock('merge', 'beta on two'))).code).toBe('refused');
      await (await share.lock('merge', 'alpha on one')).release();
      writeFileSync(path, 'gamma on three\n1\nforgotten\n');
      utimesSync(path, Date.now() / 1000 - 3_600, Date.now() / 1000 - 3_600);
      await (await share.lock('merge', 'beta on two')).release();
      expect(readdirSync(at()).filter((name) => name.startsWith('.'))).toEqual([]);
    }));
});

describe('an SFTP share', () => {
  it('believes a pin, the known_hosts file, and nothing else', async () => {
    for (const trust of [{}, { hostKeys: [], knownHostsFile: sshd.knownHosts }])
      await (await openShare(crypto, sftp(trust))).close();
    const other = await failureOf(openShare(crypto, sftp({ hostKeys: ['0'.repeat(64)] })));
    expect(other).toMatchObject({ code: 'refused', hint: expect.stringContaining('--host-key') as string });
    expect(other.message).toContain(sshd.hostKey);
    const empty = join(scratch, 'known_hosts');
    writeFileSync(empty, '');
    const unknown = await failureOf(openShare(crypto, sftp({ hostKeys: [], knownHostsFile: empty })));
    expect(unknown.message).toMatch(/^nobody vouched for the host key of 127\.0\.0\.1: SHA256:/);
  });

  it('says who was not let in, and how', async () => {
    const passwordFile = join(scratch, 'password');
    writeFileSync(passwordFile, 'not the password\n');
    const byKey = await failureOf(openShare(crypto, sftp({ identityFile: sshd.stranger })));
    expect(byKey).toMatchObject({ code: 'permission-denied' });
    expect(byKey.message).toContain('does not let root in with this key');
    const byPassword = await failureOf(openShare(crypto, sftp({ identityFile: undefined, passwordFile })));
    expect(byPassword.message).toContain('does not let root in with this password');
    expect((await failureOf(openShare(crypto, sftp({ identityFile: undefined })))).code).toBe(
      'permission-denied',
    );
  });

  it('says what is not there', async () => {
    expect((await failureOf(openShare(crypto, sftp({ address: sshd.address('/none') })))).message).toContain(
      'is no directory on its server',
    );
    const closed = sshd.address().replace(`:${sshd.port}`, ':1');
    expect((await failureOf(openShare(crypto, sftp({ address: closed })))).code).toBe('unreachable');
    const secret = await failureOf(openShare(crypto, sftp({ address: 'sftp://a:geheim@host/' })));
    expect(secret.code).toBe('usage');
    expect(secret.message).not.toContain('geheim');
  });

  it('fails what is on its way when the session is killed', async () => {
    const share = await openShare(crypto, sftp());
    await share.write('before', Uint8Array.of(1));
    sshd.killSessions();
    expect((await failureOf(share.write('after', new Uint8Array(100_000)))).code).toBe('unreachable');
    await share.close();
    expect(readdirSync(sshd.share)).not.toContain('after');
  });

  it('is a directory of its own: more names than an exchange has are refused', async () => {
    const many = join(sshd.share, 'many');
    mkdirSync(many);
    for (let name = 0; name <= shareEntriesMax; name++) writeFileSync(join(many, `${name}`), '');
    const share = await openShare(crypto, sftp());
    try {
      const { code, hint } = await failureOf(share.list('many'));
      expect([code, hint]).toEqual(['refused', 'Give the exchange a directory of its own.']);
      rmSync(join(many, '0'));
      expect(await share.list('many')).toHaveLength(shareEntriesMax);
    } finally {
      await share.close();
      rmSync(many, { recursive: true });
    }
  });

  it('says that a server has no SFTP, and holds no connection to it', async () => {
    const closed: Promise<unknown>[] = [];
    const server = new ssh2.Server({ hostKeys: [readFileSync(join(sshd.folder, 'host'))] }, (client) => {
      closed.push(once(client, 'close'));
      client.on('authentication', (context) => context.accept());
      client.on('ready', () => client.on('session', (accept) => void accept()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const failure = await failureOf(
      openShare(crypto, sftp({ address: `sftp://root@127.0.0.1:${port}/share` })),
    );
    expect(failure.code).toBe('peer-error');
    expect(failure.message).toMatch(/ offers no SFTP: /);
    expect(failure.hint).toContain('sftp subsystem');
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
    server.close();
  });
});
