import { Failure } from '../../base/errors.ts';
import { printable, toHex } from '../../base/text.ts';
import { parseAddress } from '../../core/tftp/network.ts';
import type { FetchAnswer, FileVerdict } from '../../core/phone/phone.ts';
import type { AskTvs, BootResult, Fetch } from '../../sim/boot-phone.ts';
import { querySigner, tvsPort, type TvsAsked, type TvsSource } from '../ask-tvs.ts';
import { defineCommand } from '../command.ts';
import type { Output } from '../output.ts';
import { parseEndpoint } from '../words.ts';

interface BootOptions {
  readonly server: Endpoint;
  readonly http?: Endpoint;
  readonly tvs?: Endpoint;
  readonly state?: string;
  readonly from?: string;
  readonly sha1Only?: boolean;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export const bootPhoneCommand = defineCommand<BootOptions>({
  name: 'boot-phone',
  topic: 'Phones',
  summary: 'boot a simulated phone against a server and say what it believes',
  description: [
    'Asks for the files of a boot in order, judges each as a phone does with the trust it holds, and prints verdict and reason. ' +
      'With --state the phone keeps its lists for the next run, so that a server of another cluster meets a phone with a memory.',
    'Exits 1 when the phone refuses or misses something it needs, 4 when no server answers.',
  ],
  arguments: [{ syntax: '<name>', description: 'the device, as in SEP001122334455' }],
  options: [
    {
      flags: '--server <HOST:PORT>',
      description: 'the TFTP server',
      required: true,
      parse: (word) => parseEndpoint(word, 69),
    },
    {
      flags: '--http <HOST:PORT>',
      description: 'its HTTP, which the phone then asks first',
      parse: (word) => parseEndpoint(word, 6970),
    },
    {
      flags: '--tvs <HOST:PORT>',
      description: 'the Trust Verification Service that the phone asks for signers it does not know',
      parse: (word) => parseEndpoint(word, tvsPort),
    },
    {
      flags: '--state <DIR>',
      description: 'where the phone keeps its trust (default: a phone from the factory)',
    },
    {
      flags: '--from <ADDR>',
      description: 'the address of this machine that the phone asks from (default: the system chooses)',
      parse: parseOwnAddress,
    },
    {
      flags: '--sha1-only',
      description: 'a phone whose load reads no SHA-512; kept with --state',
    },
  ],
  examples: [
    {
      says: 'a phone from the factory',
      command: 'tftp-pki boot-phone SEP001122334455 --server 127.0.0.1:6969',
    },
    {
      says: 'the same phone again, with what it learned',
      command:
        'tftp-pki boot-phone SEP001122334455 --server 127.0.0.1:6969 --http 127.0.0.1:6970 --state ./phones',
    },
    {
      says: 'with a TVS to ask, which it believes by its ITL',
      command:
        'tftp-pki boot-phone SEP001122334455 --server 192.0.2.20 --tvs 192.0.2.10 --state ./phones --json',
    },
  ],
  async run({ output }, [asked = ''], { server, http, tvs, state, from, sha1Only = false }) {
    const [
      { bootPhone, fetchFirst },
      { loadPhone, savePhone },
      { newPhone },
      { createVerifier },
      { parseDeviceName },
    ] = await Promise.all([
      import('../../sim/boot-phone.ts'),
      import('../../sim/phone-folder.ts'),
      import('../../core/phone/phone-state.ts'),
      import('../../pki/verifier.ts'),
      import('../../core/files/file-name.ts'),
    ]);
    const name = parseDeviceName(asked);
    if (name === undefined) throw new Failure('usage', `'${asked}' is not a device name`);
    const sources = [
      ...(http === undefined ? [] : [await httpSource(http, from)]),
      await tftpSource(server, from),
    ];
    const verdicts: FileVerdict[] = [];
    const questions: TvsAsked[] = [];
    const phone = state === undefined ? newPhone(name) : await loadPhone(state, name);
    const result = await bootPhone({
      crypto: createVerifier(),
      state: sha1Only ? { ...phone, sha1Only } : phone,
      fetch: requireOneAnswer(fetchFirst(...sources)),
      askTvs: tvs && askAndTell(output, { ...tvs, device: name }, questions),
      nowSeconds: () => Math.floor(Date.now() / 1000),
      report: (verdict) => {
        verdicts.push(verdict);
        if (!output.json) printVerdict(output, verdict);
      },
    });
    // What the phone refused changed nothing; what it accepted stays, however the boot ended.
    if (state !== undefined) await savePhone(state, result.state);
    printResult(output, name, result, verdicts, questions);
    return result.ok ? 0 : 1;
  },
});

function parseOwnAddress(word: string): string {
  if (parseAddress(word) !== undefined) return word;
  throw new Failure('usage', `'${word}' is not an IPv4 or IPv6 address`);
}

async function httpSource(server: Endpoint, localAddress: string | undefined): Promise<Fetch> {
  const { fetchHttp } = await import('../../net/http-client.ts');
  return (name) => answerOf(() => fetchHttp({ ...server, name, localAddress }));
}

async function tftpSource(server: Endpoint, bindAddress: string | undefined): Promise<Fetch> {
  const { fetchTftp } = await import('../../net/tftp-client.ts');
  return (name) => answerOf(() => fetchTftp({ ...server, name, bindAddress }));
}

async function answerOf(fetch: () => Promise<Uint8Array>): Promise<FetchAnswer> {
  try {
    return { kind: 'bytes', bytes: await fetch() };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return thrown.code === 'not-found' ? { kind: 'not-found' } : { kind: 'failed', reason: thrown.message };
  }
}

/** Asks the TVS and says so between the verdicts. */
function askAndTell(output: Output, source: TvsSource, asked: TvsAsked[]): AskTvs {
  return async (signer) => {
    const told = await querySigner(source, signer);
    asked.push(told);
    if (!output.json) {
      const { answer, reason } = told;
      const words =
        answer.kind === 'vouched' ? `vouched for as ${answer.roles.join(', ')}` : (reason ?? answer.kind);
      output.line(`    asks the TVS for ${printable(signer.subject)}: ${printable(words)}`);
    }
    return told.answer;
  };
}

/** A server that never answered is no boot that went wrong: nothing can be said of the phone. */
function requireOneAnswer(fetch: Fetch): Fetch {
  let answered = false;
  return async (name) => {
    const answer = await fetch(name);
    if (answer.kind === 'failed' && !answered) throw new Failure('unreachable', answer.reason);
    answered = true;
    return answer;
  };
}

/** The verdict as a line, and why as a second one. */
function printVerdict(output: Output, { name, outcome, judgement, message, reason }: FileVerdict): void {
  const styles = {
    accepted: 'green',
    refused: 'red',
    unknown: 'yellow',
    failed: 'red',
    'not-found': 'dim',
  } as const;
  const word = output.style(styles[outcome], outcome.padEnd(9));
  const code = judgement?.code ?? '';
  // "File Not Found <…>" says what the line says already.
  const shown = message === undefined || outcome === 'not-found' ? '' : `[${message}]`;
  output.line(
    `${printable(name).padEnd(34)}  ${word}  ${[code, shown].filter(Boolean).join('  ')}`.trimEnd(),
  );
  const why = judgement?.reason ?? (reason === undefined ? undefined : printable(reason));
  if (why !== undefined) output.line(`    ${why}`);
}

function printResult(
  output: Output,
  device: string,
  { ok, refused, missing }: BootResult,
  verdicts: readonly FileVerdict[],
  asked: readonly TvsAsked[],
): void {
  if (output.json) {
    const told = verdicts.map(({ name, purpose, outcome, judgement, message, reason }) => ({
      name,
      purpose,
      outcome,
      judgement,
      message,
      reason,
    }));
    const tvs = asked.map(({ signer: { subject, issuer, serial }, answer, reason }) => ({
      subject,
      issuer,
      serial: toHex(serial, ':'),
      answer: answer.kind,
      roles: answer.kind === 'vouched' ? answer.roles : [],
      reason: reason ?? null,
    }));
    output.object({ device, ok, refused, missing, verdicts: told, tvs });
    return;
  }
  const trouble = [
    ...(refused.length === 0 ? [] : [`refused ${refused.join(', ')}`]),
    ...(missing.length === 0 ? [] : [`missed ${missing.join(', ')}`]),
  ];
  output.line(ok ? `${device} has what it needs` : `${device} ${trouble.join('; ')}`);
}
