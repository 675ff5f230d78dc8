/**
 * A PKCS#11 token (v2.40) that makes RSA keys and signs with them: found by its label, opened at the first use, one
 * session, one operation at a time. Keys are made inside, sensitive and not extractable. When it fails in any way the
 * library is let go and the next use begins anew, so that a token that was away is back by itself.
 * Refuses to try a PIN again that was wrong once: tokens lock after a few.
 */
import { Failure } from '../base/errors.ts';
import { derTag, encodeDer, encodeObjectIdentifier } from './der.ts';
import { createHash, loadPkcs11, randomBytes } from './vendor.ts';

export interface TokenSettings {
  /** Path of the library. */
  readonly module: string;
  /** The token's label. */
  readonly token: string;
  /** Asked for when a session is opened. */
  readonly pin: () => string;
}

export interface Token {
  readonly label: string;
  makeRsaKey(label: string, bits: number): Promise<{ readonly id: Uint8Array; readonly spki: Uint8Array }>;
  /** RSA PKCS#1 v1.5 over `bytes` by the key of that CKA_ID. */
  sign(id: Uint8Array, hash: TokenHash, bytes: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export type TokenHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

type Library = Awaited<ReturnType<typeof loadPkcs11>>;

interface Session {
  readonly library: Library;
  readonly pkcs11: InstanceType<Library['PKCS11']>;
  readonly handle: Buffer;
  readonly keys: Map<string, Buffer>;
}

/** Failure `unreachable` when the token or its library is not there, `passphrase-wrong` for its PIN. */
export function createToken(settings: TokenSettings): Token {
  let session: Session | undefined;
  let pinRefused = false;
  let last: Promise<unknown> = Promise.resolve();

  const open = async (): Promise<Session> => {
    if (pinRefused) throw wrongPin(settings);
    try {
      return await openSession(settings);
    } catch (error) {
      pinRefused = error instanceof Failure && error.code === 'passphrase-wrong';
      throw error;
    }
  };
  const attempt = async <T>(work: (opened: Session) => Promise<T>): Promise<T> => {
    try {
      session ??= await open();
      return await work(session);
    } catch (error) {
      if (session) letGo(session);
      session = undefined;
      throw error instanceof Failure ? error : unreachable(settings, error);
    }
  };
  /** A session holds the state of one operation: the next begins when this one has ended, well or not. */
  const inTurn = <T>(work: (opened: Session) => Promise<T>): Promise<T> => {
    const mine = last.then(() => attempt(work));
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    label: settings.token,
    makeRsaKey: (label, bits) => inTurn((opened) => makeRsaKey(opened, label, bits)),
    sign: (id, hash, bytes) => inTurn((opened) => signWith(opened, settings, id, digestInfo(hash, bytes))),
    async close() {
      await last;
      if (session) letGo(session);
      session = undefined;
    },
  };
}

async function openSession(settings: TokenSettings): Promise<Session> {
  const library = await loadLibrary();
  const pkcs11 = new library.PKCS11();
  pkcs11.load(settings.module);
  try {
    pkcs11.C_Initialize();
    const slot = pkcs11
      .C_GetSlotList(true)
      .find((candidate) => pkcs11.C_GetTokenInfo(candidate).label.trimEnd() === settings.token);
    if (slot === undefined) throw unreachable(settings, undefined);
    const handle = pkcs11.C_OpenSession(slot, library.CKF_SERIAL_SESSION | library.CKF_RW_SESSION);
    pkcs11.C_Login(handle, library.CKU_USER, settings.pin());
    return { library, pkcs11, handle, keys: new Map() };
  } catch (error) {
    letGo({ pkcs11 });
    throw codeOf(error) === library.CKR_PIN_INCORRECT ? wrongPin(settings) : error;
  }
}

async function loadLibrary(): Promise<Library> {
  try {
    return await loadPkcs11();
  } catch (cause) {
    throw new Failure('unreachable', 'the driver of PKCS#11 tokens (pkcs11js) is not installed', {
      hint: 'npm rebuild pkcs11js --ignore-scripts=false needs a C++ compiler.',
      cause,
    });
  }
}

async function makeRsaKey({ library, pkcs11, handle }: Session, label: string, bits: number) {
  const id = randomBytes(16);
  const both = [
    { type: library.CKA_TOKEN, value: true },
    { type: library.CKA_LABEL, value: label },
    { type: library.CKA_ID, value: id },
  ];
  const { publicKey } = await pkcs11.C_GenerateKeyPairAsync(
    handle,
    { mechanism: library.CKM_RSA_PKCS_KEY_PAIR_GEN },
    [
      ...both,
      { type: library.CKA_VERIFY, value: true },
      { type: library.CKA_MODULUS_BITS, value: bits },
      { type: library.CKA_PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) },
    ],
    [
      ...both,
      { type: library.CKA_PRIVATE, value: true },
      { type: library.CKA_SENSITIVE, value: true },
      { type: library.CKA_EXTRACTABLE, value: false },
      { type: library.CKA_SIGN, value: true },
    ],
  );
  const wanted = [{ type: library.CKA_MODULUS }, { type: library.CKA_PUBLIC_EXPONENT }];
  const [modulus, exponent] = pkcs11
    .C_GetAttributeValue(handle, publicKey, wanted)
    .map(({ value }) => Uint8Array.from(value));
  return {
    id: Uint8Array.from(id),
    spki: rsaSpki(modulus ?? new Uint8Array(), exponent ?? new Uint8Array()),
  };
}

async function signWith(
  session: Session,
  settings: TokenSettings,
  id: Uint8Array,
  content: Uint8Array,
): Promise<Uint8Array> {
  const { library, pkcs11, handle } = session;
  const key = findKey(session, id);
  if (key === undefined)
    throw new Failure('unreachable', `the token '${settings.token}' does not hold the key`, {
      hint: 'Is it the token that the key was made in?',
    });
  pkcs11.C_SignInit(handle, { mechanism: library.CKM_RSA_PKCS }, key);
  return Uint8Array.from(
    await pkcs11.C_SignAsync(handle, Buffer.from(content), Buffer.alloc(signatureBytesMax)),
  );
}

/** RSA of 8192 bits. */
const signatureBytesMax = 1_024;

function findKey({ library, pkcs11, handle, keys }: Session, id: Uint8Array): Buffer | undefined {
  const name = Buffer.from(id).toString('hex');
  const known = keys.get(name);
  if (known) return known;
  pkcs11.C_FindObjectsInit(handle, [
    { type: library.CKA_CLASS, value: library.CKO_PRIVATE_KEY },
    { type: library.CKA_ID, value: Buffer.from(id) },
  ]);
  const found = pkcs11.C_FindObjects(handle);
  pkcs11.C_FindObjectsFinal(handle);
  if (found) keys.set(name, found);
  return found ?? undefined;
}

/** The first failure is the one that is told; a library that cannot even end is forgotten all the same. */
function letGo({ pkcs11 }: Pick<Session, 'pkcs11'>): void {
  for (const end of [() => pkcs11.C_Finalize(), () => pkcs11.close()])
    try {
      end();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
}

/** RFC 8017 §9.2: what a token that does not hash itself is given to sign. */
function digestInfo(hash: TokenHash, bytes: Uint8Array): Uint8Array {
  const algorithm = encodeDer(derTag.sequence, encodeObjectIdentifier(hashIds[hash]), encodeDer(derTag.null));
  const digest = encodeDer(derTag.octetString, createHash(hash).update(bytes).digest());
  return encodeDer(derTag.sequence, algorithm, digest);
}

const hashIds: Readonly<Record<TokenHash, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

function rsaSpki(modulus: Uint8Array, exponent: Uint8Array): Uint8Array {
  const key = encodeDer(derTag.sequence, unsigned(modulus), unsigned(exponent));
  const algorithm = encodeDer(
    derTag.sequence,
    encodeObjectIdentifier('1.2.840.113549.1.1.1'),
    encodeDer(derTag.null),
  );
  return encodeDer(derTag.sequence, algorithm, encodeDer(derTag.bitString, Uint8Array.of(0), key));
}

/** Tokens give magnitudes; DER wants a zero byte before a first bit that is set, and no other. */
function unsigned(magnitude: Uint8Array): Uint8Array {
  const start = magnitude.findIndex((byte) => byte !== 0);
  const bytes = magnitude.subarray(Math.max(start, 0));
  return encodeDer(derTag.integer, ...((bytes[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), bytes);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function wrongPin({ token }: TokenSettings): Failure {
  return new Failure('passphrase-wrong', `the token '${token}' refuses the PIN`, {
    hint: 'It is not tried again, since tokens lock after a few: put the right one into keys.pkcs11.pinFile, then restart.',
  });
}

function unreachable({ token, module }: TokenSettings, cause: unknown): Failure {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new Failure('unreachable', `the token '${token}' does not answer${why}`, {
    hint: `Is it there? The library is ${module}.`,
    cause,
  });
}
