/** Certificates of others into a store: what their holders could do is said, and asked about, before anything is kept. */
import { userInfo } from 'node:os';
import { Failure } from '../base/errors.ts';
import { printable } from '../base/text.ts';
import { formatIsoSeconds } from '../base/utc-time.ts';
import type { CertificateFacts } from '../core/ports.ts';
import { trustStores } from '../core/trust/power.ts';
import type { OpenNode } from '../node/open-node.ts';
import { readCertificates, sourceOf, type CertificateInputOptions } from './certificate-input.ts';
import type { CommandContext } from './command.ts';
import { confirm } from './confirm.ts';
import { withNode } from './node.ts';

export type TrustStore = (typeof trustStores)[number];

export interface TrustInputOptions extends CertificateInputOptions {
  readonly yes?: boolean;
}

export async function trustAll(
  context: CommandContext,
  into: TrustStore,
  files: readonly string[],
  options: TrustInputOptions,
): Promise<void> {
  const { output, terminal } = context;
  await withNode(context, async (node) => {
    const entries = await readCertificates(context, node, files, options);
    if (entries.some(({ encryptedKeyPem }) => encryptedKeyPem !== undefined))
      throw new Failure('refused', 'the file holds a private key, which is no business of this cluster', {
        hint: 'Have the certificates alone exported; tell the owner that the key left its place.',
      });
    // A chain and the files beside it name the same CA more than once.
    const unique = new Map(entries.map(({ certificate }) => [certificate.fingerprint, certificate]));
    const certificates = [...unique.values()];
    const power = await describe(context, node, into, certificates);
    const count =
      certificates.length === 1 ? 'this certificate' : `these ${certificates.length} certificates`;
    await confirm(
      terminal,
      `Put ${count} into ${into}? Whoever holds its key ${power}.`,
      options.yes === true,
    );
    const source = sourceOf(files);
    const ids = await keep(node, into, certificates, source);
    if (output.json)
      output.object({
        store: into,
        power,
        certificates: certificates.map(({ subject, fingerprint }, at) => ({
          id: ids[at],
          subject,
          fingerprint,
        })),
      });
    else
      output.note(`${into} holds ${ids.length === 1 ? `certificate ${ids[0]}` : `${ids.length} more`} now`);
    if (into === 'phone-sast-trust') output.hint('tftp-pki update-ctl writes it into the CTL');
  });
}

/** Each certificate with its fingerprint, to be compared with the owner's word. */
async function describe(
  { output }: CommandContext,
  node: OpenNode,
  into: TrustStore,
  certificates: readonly CertificateFacts[],
): Promise<string> {
  const { powerOfTrust } = await import('../app/trust-certificate.ts');
  let power = '';
  for (const certificate of certificates) {
    power = await powerOfTrust(node, { into, certificate, source: '', by: '' });
    const { subject, fingerprint, notAfter } = certificate;
    output.note(`${printable(subject)}, until ${formatIsoSeconds(notAfter).slice(0, 10)}`);
    output.note(`SHA256:${fingerprint}`);
    if (notAfter * 1000 < node.clock.nowMs()) output.warn('it has expired');
  }
  output.warn(`whoever holds its key ${power}`);
  return power;
}

async function keep(
  node: OpenNode,
  into: TrustStore,
  certificates: readonly CertificateFacts[],
  source: string,
): Promise<readonly number[]> {
  const { trustCertificate } = await import('../app/trust-certificate.ts');
  const by = userInfo().username;
  const ids: number[] = [];
  for (const certificate of certificates)
    ids.push(await trustCertificate(node, { into, certificate, source, by }));
  return ids;
}
