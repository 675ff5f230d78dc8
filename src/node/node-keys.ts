/**
 * Where the keys of a node are made and used: in software, encrypted by its passphrase, or in the token that
 * tftp-pki.yaml names. Neither passphrase nor token is touched before a key is needed, so that a server whose token is
 * away starts, and serves what needs no signature.
 */
import type { Config } from '../config/schema.ts';
import type { Issuer, SignerOpener } from '../core/ports.ts';
import { createSoftwareKeys } from '../pki/fresh-key.ts';
import { createIssuer } from '../pki/issue.ts';
import { createSignerOpener } from '../pki/signer.ts';
import { createTokenKeys } from '../pki/token-key.ts';
import { createToken, type Token } from '../pki/token.ts';
import { readPassphraseFile } from './passphrase.ts';

export interface NodeKeys {
  readonly signers: SignerOpener;
  readonly issuer: Issuer;
  /** Lets go of the token. */
  close(): Promise<void>;
}

/** `settings` are asked for when a key is made, or one is used that is in a token. */
export function createNodeKeys(passphrase: () => string, settings: () => Config['keys']['pkcs11']): NodeKeys {
  let opened: Token | undefined;
  const token = (): Token | undefined => {
    if (opened) return opened;
    const pkcs11 = settings();
    if (pkcs11 === undefined) return undefined;
    const { module, token: label, pinFile } = pkcs11;
    return (opened = createToken({ module, token: label, pin: () => readPassphraseFile(pinFile, 'PIN') }));
  };
  const issuer = (): Issuer => {
    const software = createSoftwareKeys(passphrase());
    const inToken = token();
    return createIssuer({ keys: inToken ? createTokenKeys(inToken, software) : software });
  };
  return {
    signers: createSignerOpener(passphrase, token),
    issuer: {
      issue: async (request) => issuer().issue(request),
      request: async (request) => issuer().request(request),
    },
    close: async () => opened?.close(),
  };
}
