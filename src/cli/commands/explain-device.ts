import { isIP } from 'node:net';
import { Failure } from '../../base/errors.ts';
import type { Event } from '../../base/events.ts';
import { printable } from '../../base/text.ts';
import type { Explanation } from '../../app/explain-file.ts';
import type { Acceptance } from '../../core/trust/list-library.ts';
import { defineCommand } from '../command.ts';
import { nodeOptions } from '../node.ts';
import type { Output } from '../output.ts';

interface ExplainOptions {
  readonly from?: string;
  readonly http?: boolean;
}

export const explainDevice = defineCommand<ExplainOptions>({
  name: 'explain',
  topic: 'Devices',
  summary: 'say why a device gets what it gets, link by link',
  description: [
    "Asks the node's own chain as the server does, without a socket, and prints each link's verdict and what a phone " +
      'that holds the published lists says of the very bytes; of what is signed here who signs and why, and what this device ' +
      'would say by the lists that it may hold. Without FILE it goes through the names of a boot.',
    'Exits 1 when FILE is not served, or when a phone would reject it.',
  ],
  arguments: [
    { syntax: '<device>', description: 'the device, as in SEP001122334455' },
    { syntax: '[file]', description: 'one name, exactly as the device asks for it' },
  ],
  options: [
    {
      flags: '--from <ADDR>',
      description: "the requester's address (default: 127.0.0.1)",
      parse: parseAddress,
    },
    { flags: '--http', description: 'as asked by HTTP instead of TFTP' },
  ],
  examples: [
    { says: 'a whole boot', command: 'tftp-pki explain SEP001122334455 --data /var/lib/tftp-pki' },
    {
      says: 'one file',
      command: 'tftp-pki explain SEP001122334455 Ringlist.xml.sgn --data /var/lib/tftp-pki',
    },
  ],
  async run({ output, global, terminal }, [device = '', file], options) {
    const [{ explainFiles }, { parseDeviceName }, { configStage, listStages }] = await Promise.all([
      import('../../node/explain.ts'),
      import('../../core/files/file-name.ts'),
      import('../../core/phone/boot-order.ts'),
    ]);
    const name = parseDeviceName(device);
    if (name === undefined) throw new Failure('usage', `'${device}' is not a device name`);
    const boot = [...listStages(name), configStage(name, true), configStage(name, false)];
    const names = file === undefined ? boot.flatMap((stage) => stage.names) : [file];
    const explanations = await explainFiles(
      {
        node: nodeOptions({ global, terminal }),
        environment: terminal.env,
        device: name,
        onEvent: (event) => tellTrouble(output, event),
      },
      names.map((asked) => ({
        name: asked,
        transport: options.http === true ? 'http' : 'tftp',
        address: options.from ?? '127.0.0.1',
      })),
    );
    if (output.json) output.object(explanations.map((explanation) => ({ device: name, ...explanation })));
    else for (const explanation of explanations) printExplanation(output, explanation);
    return file === undefined || explanations.every(isGood) ? 0 : 1;
  },
});

function isGood({ outcome, judgement }: Explanation): boolean {
  return outcome === 'served' && judgement?.phone !== 'reject';
}

function printExplanation(output: Output, explanation: Explanation): void {
  const { name, outcome, reason, by, sizeBytes, steps, judgement, signer } = explanation;
  const what = outcome === 'served' ? `served, ${sizeBytes} bytes, by ${by}` : outcome.replaceAll('-', ' ');
  const why = reason === undefined ? '' : `: ${printable(reason)}`;
  output.line(`${output.style('bold', printable(name))}  ${what}${why}`);
  for (const step of steps) {
    const other = step.name === name ? '' : ` ${printable(step.name)}`;
    output.line(`  ${step.link}${other}: ${printable(step.verdict)}`);
  }
  if (judgement !== undefined)
    output.line(`  phone: ${judgement.phone} (${judgement.code}): ${judgement.reason}`);
  if (signer === undefined) return;
  output.line(`  signer: ${printable(signer.subject)}, with ${hashWords[signer.hash]}: ${signer.why}`);
  output.line(`  device: ${acceptances[signer.device]}`);
}

const hashWords = { sha1: 'SHA-1', sha512: 'SHA-512' } as const;

/** By what this device may hold (`show-trust`); what a phone with the published lists says stands above. */
const acceptances: Readonly<Record<Acceptance, string>> = {
  accept: 'believes this signer with every pair of lists that it may hold',
  reject: 'believes this signer with no pair of lists that it may hold',
  unknown:
    'may or may not believe this signer: see show-trust and plan --recover; with SHA-512 also whether its model reads that (risk.sha512Models)',
};

function tellTrouble(output: Output, event: Event): void {
  if (event.type === 'link-failed') output.warn(`link ${event.link}: ${printable(event.reason)}`);
  if (event.type === 'warning') output.warn(printable(event.message));
}

function parseAddress(word: string): string {
  if (isIP(word) === 0) throw new Failure('usage', `'${word}' is not an IP address`);
  return word;
}
