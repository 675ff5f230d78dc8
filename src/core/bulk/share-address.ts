/**
 * `sftp://user@host[:port]/dir`, or the path of a directory. Refuses a password in the address: it would stay in the
 * shell's history and in everybody's list of processes.
 */
import { bad, good, type Outcome } from '../../base/outcome.ts';

export type ShareAddress =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'sftp';
      /** Undefined: whoever runs the command. */
      readonly user: string | undefined;
      readonly host: string;
      readonly port: number;
      /** Absolute, without a slash at its end unless it is `/`. */
      readonly path: string;
    };

export const sftpPort = 22;

/** The error is the end of the sentence "… is no share:". */
export function parseShareAddress(text: string): Outcome<ShareAddress, string> {
  if (text === '') return bad('it is empty');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return good({ kind: 'directory', path: text });
  if (scheme !== 'sftp') return bad(`${scheme}: is not spoken, only sftp:// and the path of a directory`);
  const match = /^sftp:\/\/(?:([^@/]*)@)?(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?(\/.*)?$/i.exec(
    text,
  );
  if (match === null) return bad('it is not sftp://user@host[:port]/dir');
  const [, user, ipv6, name, digits, path = '/'] = match;
  if (user?.includes(':') === true)
    return bad('a password does not belong into an address; name a file with --password-file');
  if (user !== undefined && !/^[A-Za-z0-9._%+-]{1,64}$/.test(user)) return bad('its user name is none');
  const port = digits === undefined ? sftpPort : Number(digits);
  if (port < 1 || port > 65_535) return bad(`port ${digits} is not from 1 to 65535`);
  const decoded = percentDecoded(path);
  if (decoded === undefined || hasControlCharacter(decoded)) return bad('its path cannot be read');
  const host = (ipv6 ?? name ?? '').toLowerCase();
  return good({ kind: 'sftp', user, host, port, path: decoded.replace(/\/+$/, '') || '/' });
}

/** Without the user's own defaults: what messages name. */
export function formatShareAddress(address: ShareAddress): string {
  if (address.kind === 'directory') return address.path;
  const { user, host, port, path } = address;
  const shown = host.includes(':') ? `[${host}]` : host;
  return `sftp://${user === undefined ? '' : `${user}@`}${shown}${port === sftpPort ? '' : `:${port}`}${path}`;
}

function percentDecoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((char) => char < ' ' || char === '\u007f');
}
