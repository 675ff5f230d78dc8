/**
 * A stream of bytes sealed under a passphrase: PBKDF2-HMAC-SHA-256, then AES-256-GCM piece by piece, with the header
 * as associated data. The nonce of a piece is its number and whether it is the last one (the STREAM construction of
 * Hoang, Reyhanitabar, Rogaway and Vizár), so pieces that are changed, moved, left out or cut off at the end are
 * refused before any of their bytes is believed. The salt is new for every stream, and with it the key.
 *
 *   header = "tftp-pki sealed\n" version(1) iterations(4) salt(16); then pieces of `backupPieceBytes`, each with its tag
 */
import { concatBytes, equalBytes, readU32 } from '../base/bytes.ts';
import { Failure } from '../base/errors.ts';
import { backupIterations, backupPieceBytes } from '../base/limits.ts';
import { encodeLatin1 } from '../base/text.ts';
import { refuseIterations } from './pbes2.ts';
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from './vendor.ts';

const magic = encodeLatin1('tftp-pki sealed\n');
const version = 1;
const saltBytes = 16;
const tagBytes = 16;
const cipher = 'aes-256-gcm';

export const sealedHeaderBytes = magic.length + 1 + 4 + saltBytes;
/** Of every piece but the last one, which is at most as long. */
export const sealedPieceBytes = backupPieceBytes + tagBytes;

export interface Sealer {
  /** Stands before the pieces. */
  readonly header: Uint8Array;
  /** Exactly `backupPieceBytes`, fewer in the last piece only. */
  seal(plain: Uint8Array, isLast: boolean): Uint8Array;
}

export function createSealer(passphrase: string): Sealer {
  const iterations = Uint8Array.of(0, 0, 0, 0);
  new DataView(iterations.buffer).setUint32(0, backupIterations);
  const salt = Uint8Array.from(randomBytes(saltBytes));
  const header = concatBytes(magic, Uint8Array.of(version), iterations, salt);
  const key = pbkdf2Sync(passphrase, salt, backupIterations, 32, 'sha256');
  let piece = 0;
  return {
    header,
    seal(plain, isLast) {
      const sealing = createCipheriv(cipher, key, nonceOf(piece++, isLast), { authTagLength: tagBytes });
      sealing.setAAD(header);
      const sealed = concatBytes(sealing.update(plain), sealing.final());
      return concatBytes(sealed, sealing.getAuthTag());
    },
  };
}

export interface Unsealer {
  /** Failure `passphrase-wrong` for the first piece, `format` for a later one, when it is not what was sealed. */
  open(sealed: Uint8Array, isLast: boolean): Uint8Array;
}

/** Failure `format` for a header that is none, `refused` for one of a later version or with too many iterations. */
export function createUnsealer(header: Uint8Array, passphrase: string): Unsealer {
  if (header.length !== sealedHeaderBytes || !equalBytes(header.subarray(0, magic.length), magic))
    throw new Failure('format', 'the file is no backup of tftp-pki');
  if (header[magic.length] !== version)
    throw new Failure(
      'refused',
      `the backup has format ${header[magic.length]}, this program knows ${version}`,
      {
        hint: 'Use the tftp-pki that wrote it, or a newer one.',
      },
    );
  const iterations = readU32(header, magic.length + 1);
  refuseIterations(iterations);
  const key = pbkdf2Sync(passphrase, header.subarray(magic.length + 5), iterations, 32, 'sha256');
  let piece = 0;
  return {
    open(sealed, isLast) {
      const number = piece++;
      if (sealed.length < tagBytes) throw damaged(number);
      const opening = createDecipheriv(cipher, key, nonceOf(number, isLast), { authTagLength: tagBytes });
      opening.setAAD(header);
      opening.setAuthTag(sealed.subarray(sealed.length - tagBytes));
      try {
        return concatBytes(opening.update(sealed.subarray(0, sealed.length - tagBytes)), opening.final());
      } catch (cause) {
        throw damaged(number, cause);
      }
    },
  };
}

function damaged(piece: number, cause?: unknown): Failure {
  return piece === 0
    ? new Failure(
        'passphrase-wrong',
        'the passphrase does not open the backup, or its beginning is damaged',
        {
          cause,
        },
      )
    : new Failure('format', `the backup is damaged or cut off at piece ${piece + 1}`, {
        hint: 'Take another copy of it.',
        cause,
      });
}

function nonceOf(piece: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(3, Math.floor(piece / 2 ** 32));
  view.setUint32(7, piece >>> 0);
  view.setUint8(11, isLast ? 1 : 0);
  return nonce;
}
