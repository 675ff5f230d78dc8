/** The lists that phones hold already, read for adoption. Refused: what no phone could hold. */
import { Failure } from '../base/errors.ts';
import { toHex } from '../base/text.ts';
import type { CertificateStoreName, ClusterMode, TrustListKind } from '../core/cluster/model.ts';
import type { CertificateFacts, Crypto, NewList } from '../core/ports.ts';
import { anchorsOfList } from '../core/trust/anchor.ts';
import { findSigningRecord } from '../core/trust/list-signer.ts';
import { signsFiles, type Role } from '../wire/role.ts';
import { decodeTrustList, type TrustList } from '../wire/trust-list.ts';

export interface AdoptedLists {
  readonly published: readonly Omit<NewList, 'node' | 'publishedMs'>[];
  readonly mode: ClusterMode;
  readonly digestCode: number;
  /** From these phones take the next ITL and, with a CTL, the next CTL: SAST in every list they hold. */
  readonly sasts: readonly CertificateFacts[];
  /** Whose files phones believe. */
  readonly fileSigners: readonly (CertificateFacts & { readonly dnsName: string })[];
  readonly services: readonly {
    readonly store: CertificateStoreName;
    readonly certificate: CertificateFacts;
  }[];
}

export function readAdoptedLists(crypto: Crypto, itl: Uint8Array, ctl: Uint8Array | undefined): AdoptedLists {
  const lists = [readList(crypto, 'itl', itl), ...(ctl === undefined ? [] : [readList(crypto, 'ctl', ctl)])];
  const [first] = lists;
  const withRole = (list: TrustList, wanted: (role: Role) => boolean): readonly CertificateFacts[] =>
    anchorsOfList(crypto, list).flatMap(({ role, certificate }) =>
      wanted(role) && certificate ? [certificate] : [],
    );
  const everywhere = unique(lists.flatMap(({ list }) => withRole(list, (role) => role === 'SAST'))).filter(
    (sast) => lists.every(({ list }) => withRole(list, isSast).some((other) => same(other, sast))),
  );
  const secure = lists.some(({ kind, list }) => kind === 'ctl' && withRole(list, signsFiles).length > 0);
  const services = (role: Role, store: CertificateStoreName) =>
    unique(lists.flatMap(({ list }) => withRole(list, (other) => other === role))).map((certificate) => ({
      store,
      certificate,
    }));
  return {
    published: lists.map(({ published }) => published),
    mode: secure ? 'mixed' : 'nonsecure',
    digestCode: first?.list.header.digestCode ?? 0,
    sasts: everywhere,
    fileSigners: unique(lists.flatMap(({ list }) => withRole(list, signsFiles))).map((certificate) => ({
      ...certificate,
      dnsName: hostOf(crypto, lists, certificate),
    })),
    services: [...services('TVS', 'tvs-trust'), ...services('CAPF', 'capf-trust')],
  };
}

interface ReadList {
  readonly kind: TrustListKind;
  readonly list: TrustList;
  readonly published: AdoptedLists['published'][number];
}

function readList(crypto: Crypto, kind: TrustListKind, bytes: Uint8Array): ReadList {
  const name = kind.toUpperCase();
  const decoded = decodeTrustList(bytes);
  if (!decoded.ok) throw new Failure('format', `the ${name} cannot be read: ${decoded.error.message}`);
  const { header } = decoded.value;
  if (header.fileName?.toLowerCase() !== `${kind}file.tlv`)
    throw new Failure('refused', `the ${name} was signed as another file`, {
      hint: `Fetch the cluster's own: tftp-pki get HOST:69 ${name}File.tlv`,
    });
  const signer = findSigningRecord(crypto, bytes, decoded.value)?.certificateDer;
  const facts = signer && crypto.readCertificate(signer);
  if (facts === undefined)
    throw new Failure('refused', `no SAST of the ${name} signed it: phones cannot hold this file`);
  const published = {
    kind,
    bytes,
    signer: facts.fingerprint,
    sha256: toHex(crypto.digest('sha256', bytes)),
    timestamp: header.timestamp ?? 0,
  };
  return { kind, list: decoded.value, published };
}

function hostOf(crypto: Crypto, lists: readonly ReadList[], wanted: CertificateFacts): string {
  const record = lists
    .flatMap(({ list }) => list.records)
    .find(({ certificateDer, dnsName }) => {
      const facts = certificateDer && crypto.readCertificate(certificateDer);
      return facts !== undefined && same(facts, wanted) && (dnsName ?? '') !== '';
    });
  return record?.dnsName ?? '';
}

function isSast(role: Role): boolean {
  return role === 'SAST';
}

function same(a: CertificateFacts, b: CertificateFacts): boolean {
  return a.fingerprint === b.fingerprint;
}

function unique(certificates: readonly CertificateFacts[]): readonly CertificateFacts[] {
  return certificates.filter((each, at) => certificates.findIndex((other) => same(other, each)) === at);
}
