/**
 * What no program of ours may say: passphrases that a command line names by their file, and private keys. Where tests
 * run the program in their own process (run-program.ts) or as one of its own (overhear.ts) it is looked through, so that
 * the whole suite watches. Keys that are made while tests run are looked for in secrets.test.ts.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface Secret {
  readonly name: string;
  /** How it may look where it leaks. */
  readonly forms: readonly Buffer[];
}

const vectors = join(import.meta.dirname, '../vectors');
/** Passphrases of other tests are words that also stand elsewhere; shorter ones prove nothing. */
const markedCharactersMin = 8;

const noted = new Map<string, Secret>();

export function secretText(name: string, text: string): Secret {
  const bytes = Buffer.from(text);
  return { name, forms: [bytes, Buffer.from(bytes.toString('base64')), Buffer.from(bytes.toString('hex'))] };
}

/** Each number that is not public, as bytes, base64, base64url, hex and, for RSA, decimal. */
export function secretKey(name: string, key: KeyObject): Secret {
  const jwk = key.export({ format: 'jwk' });
  const numbers = [jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq].flatMap((part) =>
    part === undefined ? [] : [Buffer.from(part, 'base64url')],
  );
  const forms = numbers.flatMap((bytes) => [
    bytes,
    ...[
      bytes.toString('base64url'),
      bytes.toString('hex'),
      BigInt(`0x${bytes.toString('hex')}`).toString(),
    ].map((text) => Buffer.from(text)),
  ]);
  const der = key.export({ format: 'der', type: 'pkcs8' });
  // Of a line of its PEM, wherever it begins: 48 bytes are 64 characters, in one of three alignments. One of the private
  // exponent, since the modulus before it stands in every certificate.
  const exponent = der.indexOf(Buffer.from(jwk.d ?? '', 'base64url'));
  const line = Math.ceil(exponent / 48) * 48;
  const inside = [0, 1, 2].map((shift) =>
    Buffer.from(der.subarray(line + shift, line + shift + 24).toString('base64')),
  );
  return { name, forms: [...forms, ...inside] };
}

/** Names of those that are found. */
export function findSecrets(bytes: Buffer, secrets: Iterable<Secret>): readonly string[] {
  return [...secrets]
    .filter(({ forms }) => forms.some((form) => bytes.includes(form)))
    .map(({ name }) => name);
}

/** Remembers what the command line names: files of passphrases and PINs, and the one in the data folder. */
export function noteSecrets(words: readonly string[], folder: string): void {
  for (const [index, word] of words.entries()) {
    const path = resolve(folder, words[index + 1] ?? '');
    if (/^--.*(?:passphrase|pin)-file$/.test(word)) note(path);
    if (word === '--data') note(join(path, 'passphrase'));
  }
}

function note(path: string): void {
  if (!existsSync(path)) return;
  const line = readFileSync(path, 'utf8').split('\n', 1)[0] ?? '';
  if (line.length >= markedCharactersMin) noted.set(line, secretText(`the first line of ${path}`, line));
}

/** Names of what nobody may see. */
export function secretsIn(bytes: Buffer): readonly string[] {
  return [
    ...findSecrets(bytes, noted.values()),
    ...findSecrets(bytes, committedKeyLines()),
    ...(/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/.test(bytes.toString('latin1')) ? ['a private key'] : []),
  ];
}

/** Throws when a program said what nobody may see. */
export function refuseSecrets(said: string | Buffer): void {
  const found = secretsIn(Buffer.from(said));
  if (found.length > 0) throw new Error(`the program's output holds ${found.join(', ')}`);
}

let lines: readonly Secret[] | undefined;

/** The keys of test/vectors by lines of their PEM; they are read once. */
function committedKeyLines(): readonly Secret[] {
  return (lines ??= ['open-tool', 'keys'].flatMap((folder) =>
    readdirSync(join(vectors, folder))
      .filter((name) => name.endsWith('.pem'))
      .flatMap((name) => {
        const pem = readFileSync(join(vectors, folder, name), 'latin1');
        const body = /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----\n([^-]+)/.exec(pem)?.[1] ?? '';
        const forms = body.split('\n').flatMap((row) => (row.length === 64 ? [Buffer.from(row)] : []));
        // The first line holds the algorithm and is the same in many.
        return [{ name: `the key of ${name}`, forms: forms.slice(1) }];
      }),
  ));
}
