import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import type { CertificateFacts } from '../../core/ports.ts';
import type { TvsReply } from '../../net/tvs-client.ts';
import type { Role } from '../../wire/role.ts';
import { tvsPort } from '../ask-tvs.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { Output } from '../output.ts';
import { namingFile, readInput } from '../read-input.ts';
import { readHeldLists } from '../read-trust.ts';
import { parseEndpoint } from '../words.ts';

interface QueryOptions {
  readonly as?: string;
  readonly verify?: boolean;
  readonly trustList?: string;
  readonly key?: string;
  readonly certificate?: string;
}

export const queryTvs = defineCommand<QueryOptions>({
  name: 'query-tvs',
  topic: 'Trust',
  summary: 'ask a Trust Verification Service for a certificate, as a phone would',
  description: [
    'Puts the question of a phone that met a file by an unknown signer: subject, issuer and serial of CERT (a *query*). ' +
      'With --verify the whole certificate is sent instead. Prints whether the service vouches for it, in which roles and for how long.',
    'A phone believes the service only by its ITL: with --trust-list the certificate under which the service speaks TLS ' +
      'must stand there as TVS.',
    'Exits 0 when this very certificate is vouched for by a service that is trusted (or when no list is given), ' +
      '1 when not, 4 when nobody answers.',
  ],
  arguments: [
    { syntax: '<server>', description: `HOST[:PORT], port ${tvsPort} unless another is named` },
    { syntax: '<certificate>', description: 'PEM or DER of the certificate that is asked about' },
  ],
  options: [
    {
      flags: '--as <DEVICE>',
      description: 'the name the asker gives itself, as in CP-8861-SEP001122334455',
      default: 'tftp-pki',
    },
    { flags: '--verify', description: 'send the certificate and ask whether it is to be believed' },
    { flags: '--trust-list <ITL>', description: 'the ITL by which the service is believed' },
    { flags: '--key <PEM>', description: "a phone's private key, to present its certificate (MIC or LSC)" },
    { flags: '--certificate <PEM>', description: 'that certificate' },
  ],
  examples: [
    {
      says: 'does the service vouch for the new signer?',
      command: 'tftp-pki query-tvs 192.0.2.10 callmanager.pem --trust-list ITLFile.tlv',
    },
    { says: 'as a script asks', command: 'tftp-pki query-tvs [2001:db8::10]:2445 cm.pem --json' },
  ],
  async run(context, [server = '', file = ''], options) {
    const { host, port } = parseEndpoint(server, tvsPort);
    const { output, terminal } = context;
    const [{ askTvs }, { readCertificateFile }, { createVerifier }] = await Promise.all([
      import('../../net/tvs-client.ts'),
      import('../../pki/certificate.ts'),
      import('../../pki/verifier.ts'),
    ]);
    const bytes = await readInput(terminal, file);
    const [wanted] = namingFile(file, () => readCertificateFile(bytes));
    if (wanted === undefined) throw new Failure('format', `${file} holds no certificate`);
    const identity = await readIdentity(context, options);
    const device = options.as ?? 'tftp-pki';
    const { subject, issuer, serial, der } = wanted;
    const reply = await askTvs({
      host,
      port,
      identity,
      ask:
        options.verify === true
          ? { command: 'verify-request', device, certificate: der }
          : { command: 'query-request', device, subject, issuer, serial },
    });
    const trusted = await isTrusted(context, reply.server, options.trustList);
    const answer = answerOf(reply, wanted);
    const service = createVerifier().readCertificate(reply.server);
    print(output, answer, { service, trusted, protocol: reply.protocol });
    return answer.vouched && answer.sameCertificate && trusted !== false ? 0 : 1;
  },
});

interface Answer {
  readonly vouched: boolean;
  readonly roles: readonly Role[];
  readonly ttlSeconds: number | undefined;
  /** The certificate in the answer is the one that was asked about. */
  readonly sameCertificate: boolean;
}

function answerOf({ response }: TvsReply, wanted: CertificateFacts): Answer {
  const { vouched } = response;
  if (vouched === undefined)
    return { vouched: false, roles: [], ttlSeconds: undefined, sameCertificate: true };
  const sameCertificate = !('certificate' in vouched) || Buffer.from(vouched.certificate).equals(wanted.der);
  return { vouched: true, roles: vouched.roles, ttlSeconds: vouched.ttlSeconds, sameCertificate };
}

/** Role 21 of the list; undefined without a list. */
async function isTrusted(
  { terminal }: CommandContext,
  server: Uint8Array,
  listFile: string | undefined,
): Promise<boolean | undefined> {
  if (listFile === undefined) return undefined;
  const [{ decodeTrustList }, held] = await Promise.all([
    import('../../wire/trust-list.ts'),
    readHeldLists(terminal, [listFile]),
  ]);
  if (held.itl === undefined) throw new Failure('usage', `${listFile} is no ITL, and a CTL names no TVS`);
  const list = decodeTrustList(held.itl);
  if (!list.ok) throw new Failure('format', `${listFile} ${list.error.message}`);
  return list.value.records.some(
    ({ role, certificateDer }) =>
      role === 'TVS' && certificateDer !== undefined && Buffer.from(certificateDer).equals(server),
  );
}

async function readIdentity(
  { terminal }: CommandContext,
  { key, certificate }: QueryOptions,
): Promise<{ readonly keyPem: string; readonly certPem: string } | undefined> {
  if (key === undefined && certificate === undefined) return undefined;
  if (key === undefined || certificate === undefined)
    throw new Failure('usage', '--key and --certificate belong together');
  const text = async (file: string): Promise<string> =>
    Buffer.from(await readInput(terminal, file)).toString('latin1');
  return { keyPem: await text(key), certPem: await text(certificate) };
}

function print(
  output: Output,
  { vouched, roles, ttlSeconds, sameCertificate }: Answer,
  {
    service,
    trusted,
    protocol,
  }: {
    readonly service: CertificateFacts | undefined;
    readonly trusted: boolean | undefined;
    readonly protocol: string;
  },
): void {
  if (output.json) {
    output.object({
      vouched,
      roles,
      ttlSeconds: ttlSeconds ?? null,
      sameCertificate,
      service: {
        subject: service?.subject ?? null,
        fingerprint: service?.fingerprint ?? null,
        trusted: trusted ?? null,
        protocol,
      },
    });
    return;
  }
  output.line(vouched ? `vouched for as ${roles.join(', ')}, for ${ttlSeconds} seconds` : 'not vouched for');
  if (!sameCertificate) output.line('the answer holds another certificate of this issuer and serial');
  const named = service === undefined ? 'an unreadable certificate' : printable(service.subject);
  const words = { true: ', TVS in the ITL', false: ', which is no TVS in the ITL' } as const;
  const standing = trusted === undefined ? '' : words[trusted ? 'true' : 'false'];
  output.line(`by ${named}${standing} (${protocol})`);
}
