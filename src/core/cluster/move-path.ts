/**
 * Does a phone that holds one cluster's lists take another cluster's (domain.md §2, §8)? A move without a path leaves a
 * phone that believes nobody where it is sent.
 */
import { decodeTrustList } from '../../wire/trust-list.ts';
import { signsFiles } from '../../wire/role.ts';
import type { Crypto } from '../ports.ts';
import { askList } from '../trust/belief-in-signer.ts';
import { describeCertificate, findAnchors, nameCertificate, type Anchor } from '../trust/anchor.ts';
import { judgeFile } from '../trust/judge.ts';
import { readHeld } from '../trust/phone-trust.ts';
import { anchorsOf, listName, type PerKind } from './probe.ts';

export type Lists = PerKind<Uint8Array | undefined>;

export type MovePath =
  | { readonly kind: 'path'; readonly because: string }
  | {
      readonly kind: 'none';
      readonly because: string;
      /** Certificates that the lists left behind would have to name, and in which role. */
      readonly needs: readonly string[];
    };

/** In the order of a boot: CTL, ITL, then a file by the destination's signer. */
export function planMove(crypto: Crypto, from: Lists, to: Lists, nowSeconds: number): MovePath {
  if (to.itl === undefined && to.ctl === undefined)
    return none('the lists of the destination are not known', []);
  if (from.itl === undefined && from.ctl === undefined)
    return { kind: 'path', because: 'it holds no list and takes the first one' };
  let held = from;
  for (const kind of ['ctl', 'itl'] as const) {
    const bytes = to[kind];
    if (bytes === undefined) continue;
    const { phone, reason } = judgeFile(crypto, held, { name: listName(kind), bytes }, nowSeconds);
    if (phone !== 'accept') return none(`its ${listName(kind)}: ${reason}`, signersOf(crypto, to));
    held = { ...held, [kind]: bytes };
  }
  return filesAreTaken(crypto, held, to);
}

/** A CTL that the destination does not replace stays, and is asked first. */
function filesAreTaken(crypto: Crypto, held: Lists, to: Lists): MovePath {
  const known = readHeld(crypto, held);
  if (!known.ok) return none(known.error.reason, []);
  const signers = anchorsOf(crypto, to.ctl ?? to.itl).filter(({ role }) => signsFiles(role));
  const list = known.value.ctl ?? known.value.itl;
  const refused = signers.find(({ subject: name, issuer, serial }) => {
    return askList(list, { name, issuer, serial }, 'file')?.kind !== 'believed';
  });
  if (refused === undefined)
    return { kind: 'path', because: 'it takes the lists of the destination, and files by their signers' };
  const which = held.ctl === undefined ? 'ITL' : 'CTL';
  return none(`the ${which} that it keeps does not name the signer of files there`, [
    named(refused, 'CCM+TFTP'),
  ]);
}

/** Who signed the destination's lists: another SAST of theirs would be no help. */
function signersOf(crypto: Crypto, to: Lists): readonly string[] {
  const found = [to.ctl, to.itl].flatMap((bytes) => {
    const list = bytes && decodeTrustList(bytes);
    if (bytes === undefined || list?.ok !== true) return [];
    const sasts = anchorsOf(crypto, bytes).filter(({ role }) => role === 'SAST');
    return findAnchors(sasts, list.value.header.signer);
  });
  return [...new Set(found.map((anchor) => named(anchor, 'SAST')))];
}

function named({ certificate, subject }: Anchor, role: string): string {
  return `${role}: ${certificate === undefined ? subject : describeCertificate(nameCertificate(certificate))}`;
}

function none(because: string, needs: readonly string[]): MovePath {
  return { kind: 'none', because, needs };
}
