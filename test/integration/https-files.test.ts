import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../../src/base/assert.ts';
import { fileOpener } from '../../src/files/open-file.ts';
import { createChain } from '../../src/files/chain.ts';
import { openLocal } from '../../src/files/local.ts';
import type { LocalLink } from '../../src/files/local.ts';
import { createUnsignedOverTlsLink } from '../../src/files/unsigned-over-tls.ts';
import { startFileHttp } from '../../src/http/file-app.ts';
import type { FileHttp } from '../../src/http/file-app.ts';

const base = mkdtempSync(join(tmpdir(), 'tftp-pki-https-'));
const large = 'firmware'.repeat(400_000);
let local: LocalLink;
let modern: FileHttp;
let legacy: FileHttp;
let certPem = '';

beforeAll(async () => {
  const [key, cert] = [join(base, 'key.pem'), join(base, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', '/CN=node', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'pipe',
  });
  certPem = readFileSync(cert, 'utf8');
  const keyPem = readFileSync(key, 'utf8');
  const root = mkdtempSync(join(base, 'root-'));
  writeFileSync(join(root, 'SEP001122334455.cnf.xml'), 'configuration');
  writeFileSync(join(root, 'load.bin'), large);
  const onEvent = () => undefined;
  const rewrite = (name: string) => name;
  local = await openLocal({
    root,
    alternates: [],
    caseInsensitive: true,
    rewrite,
    onEvent,
    onChange: onEvent,
  });
  const links = { 'unsigned-over-tls': createUnsignedOverTlsLink(), local };
  const shared = { resolver: createChain({ links, onEvent }), opener: fileOpener, onEvent };
  const listen = { address: '127.0.0.1', port: 0 };
  modern = await startFileHttp({ ...shared, listen, tls: { keyPem, certPem } });
  legacy = await startFileHttp({ ...shared, listen, tls: { keyPem, certPem, minVersion: 'TLSv1' } });
});

afterAll(async () => {
  await modern.close();
  await legacy.close();
  local.close();
  rmSync(base, { recursive: true });
});

function fetchFrom(server: FileHttp, path: string, options: RequestOptions = {}) {
  return new Promise<{ status: number | undefined; body: string; protocol: string | null }>(
    (resolve, reject) => {
      const all = {
        host: '127.0.0.1',
        port: server.port,
        path,
        ca: certPem,
        agent: false,
        ...options,
      } as const;
      get(all, (response) => {
        const { socket } = response;
        assert('getProtocol' in socket && typeof socket.getProtocol === 'function', 'it came over TLS');
        const protocol = String(socket.getProtocol());
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode, body, protocol }));
        response.on('error', reject);
      }).on('error', reject);
    },
  );
}

const old: RequestOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' };

describe('HTTPS 6971', () => {
  it('answers SEP….cnf.xml.sgn with the unsigned file (formats.md §6)', async () => {
    const answer = await fetchFrom(modern, '/SEP001122334455.cnf.xml.sgn');
    expect(answer).toEqual({ status: 200, body: 'configuration', protocol: 'TLSv1.3' });
  });

  it('streams what is large, and misses what is missing', async () => {
    expect((await fetchFrom(modern, '/load.bin')).body === large).toBe(true);
    expect(await fetchFrom(modern, '/missing')).toMatchObject({ status: 404, body: 'File not found\n' });
  });

  it('speaks TLS 1.2 at least; TLS 1.0 is a listener of its own', async () => {
    await expect(fetchFrom(modern, '/missing', old)).rejects.toThrow();
    const answer = await fetchFrom(legacy, '/SEP001122334455.cnf.xml', old);
    expect(answer).toEqual({ status: 200, body: 'configuration', protocol: 'TLSv1' });
  });
});
