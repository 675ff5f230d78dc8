import { Failure } from '../../base/errors.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import type { ShownTrust, ShownUnanswered } from '../../app/show-trust.ts';
import type { UnknownSigner } from '../../core/tvs/unknown-signers.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';
import type { Output } from '../output.ts';

export const showTrustCommand = defineCommand({
  name: 'show-trust',
  topic: 'Trust',
  summary: 'show which trust lists a phone may hold, and how that is known',
  description: [
    'The server notes which lists reached which phone. A delivery adds a possibility, since a phone may refuse what it ' +
      'was given; only what a phone does afterwards takes one away. "unknown" stands for lists of another cluster, ' +
      'and for nothing at all, until the phone shows that it believes this one: by asking for what only a configuration that it ' +
      'took names, or by a TLS handshake under its own certificate, which is printed with the certificate that it took.',
    'For each possibility it says what a phone that holds it would refuse of what is served now, and why; the same of the ' +
      'last configurations that it fetched without a sign that it took one, by whoever signed them then. What it asked the ' +
      'TVS of any node for, and the TVS does not know, is the best alarm that it is about to be stranded.',
  ],
  arguments: [{ syntax: '<name>', description: 'the device, as in SEP001122334455' }],
  examples: [
    { says: 'one phone', command: 'tftp-pki show-trust SEP001122334455 --data /var/lib/tftp-pki' },
    {
      says: 'the generations it may hold',
      command: "tftp-pki show-trust SEP001122334455 --json | jq '.pairs[] | {ctl, itl}'",
    },
  ],
  async run(context, [asked = '']) {
    const [{ showTrust }, { parseDeviceName }, { readUnknownSigners }] = await Promise.all([
      import('../../app/show-trust.ts'),
      import('../../core/files/file-name.ts'),
      import('../../node/tvs-reports.ts'),
    ]);
    const name = parseDeviceName(asked);
    if (name === undefined) throw new Failure('usage', `'${asked}' is not a device name`);
    await withNode(context, async (node) => {
      const trust = await showTrust(node, name);
      const asked = (await readUnknownSigners(node)).find(({ device }) => device === name);
      if (context.output.json) context.output.object(facts(trust, asked));
      else print(context.output, trust, asked);
    });
    return 0;
  },
});

const ways = {
  tcp: 'whole, by TCP',
  'transfer-port': 'last ACK, from a transfer port',
  'single-port': 'last ACK, which could be forged',
} as const;

const servers = { tvs: 'the TVS', https: 'HTTPS' } as const;

function time(ms: number | undefined): string {
  return ms === undefined ? 'never' : formatIsoSeconds(Math.floor(ms / 1000));
}

function print(output: Output, trust: ShownTrust, asked: UnknownSigner | undefined): void {
  const { name, heardMs, address, provedMs, unansweredConfigs, deliveries, pairs } = trust;
  output.line(`${name}  last heard ${time(heardMs)}${address === undefined ? '' : ` at ${address}`}`);
  output.line(`showed what it believes: ${time(provedMs)}`);
  for (const { with: service, subject, server, atMs } of trust.handshakes)
    output.line(
      `handshake with ${servers[service]}: ${time(atMs)}  it took ${subject ?? 'a certificate that nobody knows any more'} (${server.slice(0, 16)})`,
    );
  if (unansweredConfigs > 0)
    output.line(`configurations fetched since without a sign that it took one: ${unansweredConfigs}`);
  for (const each of trust.unanswered) printUnanswered(output, each);
  if (asked !== undefined)
    output.line(
      `asked the TVS ${asked.count} times for a signer that it does not know, last ${time(asked.lastMs)}${namedBy(asked)}`,
    );
  output.line();
  output.table(
    ['MAY HOLD CTL', 'ITL', 'SINCE', 'KNOWN BY'],
    pairs.map(({ ctl, itl, since }) => [
      ctl,
      itl,
      since === undefined ? '-' : time(since.sinceMs),
      since === undefined ? 'not disproved' : ways[since.how],
    ]),
  );
  if (deliveries.length > 0) output.line();
  for (const { kind, generation, sinceMs, how } of deliveries)
    output.line(
      `delivered ${kind.toUpperCase()} of generation ${generation ?? '?'}  ${time(sinceMs)}  ${ways[how]}`,
    );
  for (const { ctl, itl, refusals } of pairs)
    for (const { file, verdict, code, reason } of refusals) {
      output.line();
      output.line(
        `with CTL ${ctl} and ITL ${itl} it ${verdict === 'reject' ? 'refuses' : 'may refuse'} ${file}`,
      );
      output.line(`  ${code}: ${reason}`);
    }
}

function printUnanswered(output: Output, { atMs, signer, refusals }: ShownUnanswered): void {
  output.line(`  ${time(atMs)}  signed by ${signer ?? 'a certificate that nobody knows any more'}`);
  for (const { ctl, itl, verdict, code, reason } of refusals)
    output.line(
      `    with CTL ${ctl} and ITL ${itl} it ${verdict === 'reject' ? 'refuses' : 'may refuse'} that: ${code}: ${reason}`,
    );
}

/** A *verify* names nobody. */
function namedBy({ signer }: UnknownSigner): string {
  return signer === undefined ? '' : `: of ${signer.issuer}, serial ${signer.serial}`;
}

function facts(trust: ShownTrust, asked: UnknownSigner | undefined): Readonly<Record<string, unknown>> {
  const iso = (ms: number | undefined): string | null => (ms === undefined ? null : time(ms));
  const { name, heardMs, address, provedMs, unansweredConfigs, deliveries, pairs } = trust;
  return {
    name,
    lastHeard: iso(heardMs),
    address: address ?? null,
    showedBelief: iso(provedMs),
    handshakes: trust.handshakes.map(({ atMs, subject, ...rest }) => ({
      ...rest,
      at: iso(atMs),
      subject: subject ?? null,
    })),
    unansweredConfigs,
    unanswered: trust.unanswered.map(({ atMs, signer, refusals }) => ({
      at: iso(atMs),
      signer: signer ?? null,
      refusals,
    })),
    askedTvs:
      asked === undefined
        ? null
        : { count: asked.count, last: iso(asked.lastMs), signer: asked.signer ?? null },
    deliveries: deliveries.map(({ sinceMs, generation, ...rest }) => ({
      ...rest,
      generation: generation ?? null,
      since: iso(sinceMs),
    })),
    pairs: pairs.map(({ since, ...rest }) => ({
      ...rest,
      since: iso(since?.sinceMs),
      how: since?.how ?? null,
    })),
  };
}
