import { basename } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { trustListBytesMax } from '../../base/limits.ts';
import { printable } from '../../base/text.ts';
import type { Judgement } from '../../core/trust/judge.ts';
import type { Verdict, VerdictCode } from '../../core/trust/verdict.ts';
import type { Role } from '../../wire/role.ts';
import { defineCommand } from '../command.ts';
import type { Output, Terminal } from '../output.ts';
import { readInput } from '../read-input.ts';
import { readAnchors, readHeldLists, readLists } from '../read-trust.ts';
import { parseCount, parseTimeSeconds, parseTrustAnchor } from '../words.ts';

interface VerifyOptions {
  readonly as?: string;
  readonly trustList?: readonly string[];
  readonly trust?: readonly { readonly role: Role; readonly file: string }[];
  readonly at?: number;
  readonly newerThan?: number;
  /** False under --no-sha1. */
  readonly sha1: boolean;
  readonly minRsaBits?: number;
  readonly against?: string;
  readonly asPhone?: boolean;
}

export const verifyFile = defineCommand<VerifyOptions>({
  name: 'verify',
  topic: 'Files',
  summary: 'check a signed file or a trust list against what is trusted',
  description: [
    'Judges strictly: size, structure, name, signer, role, key and hash policy, signature, validity, time. ' +
      'The first rule that fails is told with its code (docs/reference/verify-codes.md). Exits 0 when accepted, 1 when rejected.',
    'Trust comes from trust lists and from single certificates with a role; both may stand several times. ' +
      'A trust list with no trust given is judged as a phone that holds no list would, which takes its first list on trust.',
  ],
  arguments: [{ syntax: '<file>', description: 'the signed file or list, or - for stdin' }],
  options: [
    {
      flags: '--as <NAME>',
      description: "the name the file was asked for by (default: the file's own name)",
    },
    { flags: '--trust-list <FILE>', description: 'trust the records of this ITL or CTL', many: true },
    {
      flags: '--trust <ROLE=CERT.pem>',
      description: 'trust a certificate in a role: SAST, CCM, CCM+TFTP, TFTP, CAPF, TVS',
      many: true,
      parse: parseTrustAnchor,
    },
    {
      flags: '--at <TIME>',
      description: 'judge as at TIME, epoch seconds or ISO 8601 (default: now)',
      parse: parseTimeSeconds,
    },
    {
      flags: '--newer-than <TIME>',
      description: 'refuse a file signed before TIME',
      parse: parseTimeSeconds,
    },
    { flags: '--no-sha1', description: 'refuse SHA-1, which is otherwise accepted and named' },
    {
      flags: '--min-rsa-bits <N>',
      description: "least size of the signer's key",
      default: 2048,
      parse: parseCount,
    },
    {
      flags: '--against <OLD.tlv>',
      description: 'the list that this list replaces: its SAST must have signed, its time is a floor',
    },
    {
      flags: '--as-phone',
      description:
        'ask only what a phone that holds the lists would do; where no source settles it, that is "unknown" and exit 1',
    },
  ],
  examples: [
    {
      says: 'a configuration, against the cluster list the phones hold',
      command: 'tftp-pki verify SEP001122334455.cnf.xml.sgn --trust-list ITLFile.tlv',
    },
    {
      says: 'a file saved under another name, against one certificate',
      command: 'tftp-pki verify saved.bin --as Ringlist.xml.sgn --trust TFTP=callmanager.pem --json',
    },
    {
      says: 'may this list replace that one?',
      command: 'tftp-pki verify new.tlv --as ITLFile.tlv --against ITLFile.tlv',
    },
  ],
  async run({ output, terminal }, [file = ''], options) {
    if (file === '-' && options.as === undefined)
      throw new Failure('usage', 'a file from stdin has no name', {
        hint: 'say which name was asked for with --as NAME',
      });
    const name = options.as ?? basename(file);
    const answer = await (options.asPhone === true ? answerAsPhone : answerStrictly)(
      terminal,
      file,
      name,
      options,
    );
    await printAnswer(output, name, answer);
    return answer.accepted ? 0 : 1;
  },
});

/** What is printed: a strict verdict, or a phone's, which may be unknown. */
type Answer = Omit<Verdict, 'lint'> & {
  readonly phone?: Judgement['phone'];
  readonly lint: readonly { readonly code: VerdictCode; readonly detail: string }[];
};

async function answerStrictly(
  terminal: Terminal,
  file: string,
  name: string,
  options: VerifyOptions,
): Promise<Answer> {
  const [{ verifyStrict }, { createVerifier }] = await Promise.all([
    import('../../core/trust/strict.ts'),
    import('../../pki/verifier.ts'),
  ]);
  return verifyStrict(createVerifier(), {
    bytes: await readInput(terminal, file),
    name,
    trust: {
      lists: await readLists(terminal, options.trustList),
      certificates: await readAnchors(terminal, options.trust),
    },
    policy: {
      allowSha1: options.sha1,
      ...(options.minRsaBits === undefined ? {} : { minRsaBits: options.minRsaBits }),
    },
    nowSeconds: options.at ?? currentSeconds(),
    newerThan: options.newerThan,
    against:
      options.against === undefined
        ? undefined
        : await readInput(terminal, options.against, trustListBytesMax),
  });
}

/** A phone holds lists and its own policy, so nothing else can be given to it. */
async function answerAsPhone(
  terminal: Terminal,
  file: string,
  name: string,
  options: VerifyOptions,
): Promise<Answer> {
  if (options.trust !== undefined || options.minRsaBits !== undefined || !options.sha1)
    throw new Failure('usage', 'a phone holds lists, no single certificates and no policy', {
      hint: 'with --as-phone give what it holds with --trust-list FILE',
    });
  const [{ judgeFile }, { createVerifier }] = await Promise.all([
    import('../../core/trust/judge.ts'),
    import('../../pki/verifier.ts'),
  ]);
  const { newerThan } = options;
  const held = await readHeldLists(terminal, [
    ...(options.trustList ?? []),
    ...(options.against === undefined ? [] : [options.against]),
  ]);
  const phone = { ...held, ...(newerThan === undefined ? {} : { newest: () => newerThan }) };
  const bytes = await readInput(terminal, file);
  const judged = judgeFile(createVerifier(), phone, { bytes, name }, options.at ?? currentSeconds());
  return {
    accepted: judged.phone === 'accept',
    phone: judged.phone,
    code: judged.code,
    reason: judged.reason,
    signer: judged.signer,
    lint: judged.lint.map((code) => ({ code, detail: '' })),
  };
}

async function printAnswer(output: Output, name: string, answer: Answer): Promise<void> {
  const { accepted, phone, code, reason, signer, lint } = answer;
  if (output.json) {
    output.object({
      accepted,
      ...(phone && { phone }),
      code,
      reason,
      signer: signer ?? null,
      lint,
    });
    return;
  }
  const refused = phone === 'unknown' ? 'unknown' : 'rejected';
  const word = accepted ? output.style('green', 'accepted') : output.style('red', refused);
  output.line(`${printable(name)}: ${word} (${code}): ${reason}`);
  const { sentences } = await import('../../core/trust/verdict.ts');
  for (const remark of lint) {
    const detail = remark.detail === '' ? '' : `: ${remark.detail}`;
    output.line(`  ${output.style('yellow', remark.code)}: ${sentences[remark.code]}${detail}`);
  }
}

function currentSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
