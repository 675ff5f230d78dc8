/**
 * Root binds, then is nobody special (security.md §4): `serve --user` gives the process to that user before the
 * database, the keys or a packet are touched. Root without a user serves loopback only.
 */
import { execFileSync } from 'node:child_process';
import { Failure } from '../base/errors.ts';
import { isLoopback } from '../config/address.ts';

/** Failure `permission-denied` when root would serve others than itself. */
export function refuseRootOnNetwork(
  listen: readonly { readonly address: string }[],
  user: string | undefined,
): void {
  if (process.getuid?.() !== 0 || user !== undefined) return;
  const open = listen.find(({ address }) => !isLoopback(address));
  if (open === undefined) return;
  throw new Failure('permission-denied', `as root only loopback is served, not ${open.address}`, {
    hint: 'Name the user to become after binding: --user tftp-pki.',
  });
}

/** For ever: user, group and supplementary groups become `user`'s. Failure `permission-denied` or `usage`. */
export function becomeUser(user: string): void {
  const { setgid, setuid } = process;
  // In Node since 0.9, missing in its types.
  const { initgroups } = process as { initgroups?: (user: number, group: number) => void };
  const [uid, gid] = [idOf(user, '-u'), idOf(user, '-g')];
  if (process.getuid?.() === uid) return;
  if (uid === 0) throw new Failure('usage', `${user} is root; name a user with fewer rights`);
  if (setgid === undefined || setuid === undefined || initgroups === undefined)
    throw new Failure('refused', 'this platform has no users to become');
  try {
    initgroups(uid, gid);
    setgid(gid);
    setuid(uid);
  } catch (cause) {
    throw new Failure('permission-denied', `cannot become ${user}`, {
      hint: 'Only root can; or start the server as that user.',
      cause,
    });
  }
}

/** By the system's own look-up, so that users of a directory service count. */
function idOf(user: string, which: '-u' | '-g'): number {
  if (!/^[a-z_][a-z0-9_.-]{0,31}$/i.test(user))
    throw new Failure('usage', `${JSON.stringify(user)} is no user name`);
  try {
    return Number(
      execFileSync('id', [which, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch (cause) {
    throw new Failure('usage', `there is no user ${user}`, { hint: `useradd --system ${user}`, cause });
  }
}
