/** A company's CA as openssl makes one: a root, an issuing CA under it, and answers to requests. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CorporateCa {
  readonly rootPem: string;
  readonly issuingPem: string;
  /** Signs a PKCS#10 as it asks, or with other extensions (lines of an openssl extension file). */
  answer(requestPem: string, extensions?: readonly string[]): string;
}

export function makeCorporateCa(folder: string): CorporateCa {
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: readonly (readonly string[])[]): string =>
    execFileSync('openssl', args.flat(), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
  const extra = authority.flatMap((line) => ['-addext', line]);
  openssl(
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-subj', '/CN=Example Root/O=Example'],
    ['-keyout', path('root.key'), '-out', path('root.pem'), ...extra],
  );
  openssl(
    ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Example Issuing/O=Example'],
    ['-keyout', path('issuing.key'), '-out', path('issuing.csr')],
  );
  const sign = (
    request: string,
    by: string,
    out: string,
    extensions: readonly string[] | undefined,
  ): string => {
    if (extensions) writeFileSync(path('extensions'), extensions.join('\n'));
    openssl(
      ['x509', '-req', '-in', path(request), '-CA', path(`${by}.pem`), '-CAkey', path(`${by}.key`)],
      ['-CAcreateserial', '-days', '1000', '-sha256', '-out', path(out)],
      extensions ? ['-extfile', path('extensions')] : ['-copy_extensions', 'copyall'],
    );
    return readFileSync(path(out), 'utf8');
  };
  const issuingPem = sign('issuing.csr', 'root', 'issuing.pem', authority);
  return {
    rootPem: readFileSync(path('root.pem'), 'utf8'),
    issuingPem,
    answer(requestPem, extensions) {
      writeFileSync(path('request.csr'), requestPem);
      return sign('request.csr', 'issuing', 'answer.pem', extensions);
    },
  };
}
