/** Against ssh-keygen: its fingerprints, and the hosts that it hashed. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  formatHostKey,
  judgeHostKey,
  keyTypeOf,
  knownKeyTypes,
  parseHostKeyPin,
} from '../../../../src/core/bulk/host-key.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';

const crypto = createVerifier();
let folder: string;
interface HostKey {
  readonly line: string;
  readonly blob: Uint8Array;
  readonly shown: string;
}

let blobs: Record<'a' | 'b' | 'c', HostKey>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-pki-hosts-'));
  const make = (name: string, ...type: readonly string[]) => {
    const path = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-N', '', '-f', path, ...type]);
    const line = readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
    const shown = execFileSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' }).split(' ')[1] ?? '';
    return { line, blob: Uint8Array.from(Buffer.from(line.split(' ')[1] ?? '', 'base64')), shown };
  };
  blobs = { a: make('a', '-t', 'ed25519'), b: make('b', '-t', 'ed25519'), c: make('c', '-t', 'ecdsa') };
});
afterAll(() => rmSync(folder, { recursive: true }));

const judged = (knownHosts: string, key: 'a' | 'b' | 'c', host = 'files.example', port = 22): string =>
  judgeHostKey(crypto, { pins: [], knownHosts }, { host, port }, blobs[key].blob);

describe('pins', () => {
  it('are read as ssh-keygen prints them, or as hex', () => {
    const { shown, blob } = blobs.a;
    const hex = Buffer.from(crypto.digest('sha256', blob)).toString('hex');
    expect(formatHostKey(crypto, blob)).toBe(shown);
    expect(parseHostKeyPin(shown)).toBe(hex);
    expect(parseHostKeyPin(`SHA256:${hex}`)).toBe(hex);
    for (const text of ['', 'MD5:00', 'SHA256:', 'SHA256:abc', shown.slice(7), `${shown}x`])
      expect(parseHostKeyPin(text)).toBeUndefined();
    expect(judgeHostKey(crypto, { pins: [hex], knownHosts: '' }, { host: 'h', port: 22 }, blob)).toBe(
      'trusted',
    );
  });

  it('decide alone', () => {
    const trust = { pins: ['0'.repeat(64)], knownHosts: `files.example ${blobs.a.line}\n` };
    expect(judgeHostKey(crypto, trust, { host: 'files.example', port: 22 }, blobs.a.blob)).toBe('changed');
  });
});

describe('known_hosts', () => {
  it('names hosts, ports and patterns', () => {
    const { line } = blobs.a;
    expect(judged(`files.example,10.0.0.1 ${line}`, 'a')).toBe('trusted');
    expect(judged(`# ${line}\n\n*.example ${line} a comment`, 'a')).toBe('trusted');
    expect(judged(`*.example,!files.example ${line}`, 'a')).toBe('unknown');
    expect(judged(`file?.example ${line}`, 'a')).toBe('trusted');
    expect(judged(`files.example ${line}`, 'a', 'files.example', 2222)).toBe('unknown');
    expect(judged(`[files.example]:2222 ${line}`, 'a', 'files.example', 2222)).toBe('trusted');
    expect(judged(`other.example ${line}`, 'a')).toBe('unknown');
    expect(judged('', 'a')).toBe('unknown');
  });

  it('tells a changed key from a new kind of key, and a revoked one from both', () => {
    const { line } = blobs.a;
    expect(judged(`files.example ${line}`, 'b')).toBe('changed');
    expect(judged(`files.example ${line}`, 'c')).toBe('unknown');
    expect(judged(`files.example ${line}\n@revoked * ${line}`, 'a')).toBe('revoked');
    expect(judged(`@cert-authority *.example ${line}`, 'a')).toBe('unknown');
    const known = `files.example ${line}\nfiles.example ${blobs.c.line}`;
    const types = knownKeyTypes(crypto, known, { host: 'files.example', port: 22 });
    expect(types).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256']);
    expect(keyTypeOf(new Uint8Array())).toBe('');
  });

  it('reads what ssh-keygen -H hashed', () => {
    const file = join(folder, 'hashed');
    writeFileSync(file, `files.example ${blobs.a.line}\n[files.example]:2222 ${blobs.b.line}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^\|1\|/);
    expect(judged(text, 'a')).toBe('trusted');
    expect(judged(text, 'b', 'files.example', 2222)).toBe('trusted');
    expect(judged(text, 'a', 'else.example')).toBe('unknown');
  });
});
