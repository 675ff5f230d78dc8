import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import type { RotationProgress } from '../../app/guided-rotation.ts';
import type { RenewalStep } from '../../app/renew-certificate.ts';
import { certificatePurposes, type CertificatePurpose } from '../../core/cluster/model.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import type { ExitStatus } from '../exit.ts';
import { withNode } from '../node.ts';
import { runTrustOperation, signedTrustOptions, type TrustOptions } from '../run-trust-operation.ts';
import { printRotation, rotationFacts } from '../show-rotation.ts';
import { parseCount, parseCountWithin } from '../words.ts';

interface RenewOptions extends TrustOptions {
  readonly switch?: boolean;
  readonly abort?: boolean;
  readonly guided?: boolean;
  readonly compromised?: boolean;
  readonly wait?: number;
  readonly within?: number;
}

const dayMs = 86_400_000;

export const renewCertificateCommand = defineCommand<RenewOptions>({
  name: 'renew-cert',
  topic: 'Trust',
  summary: 'renew a certificate and its key, in two steps or guided',
  description: [
    'The first call makes a new key and publishes its certificate beside the old one, which goes on being used. ' +
      'When every phone has taken these lists, --switch puts the new one in use and takes the old one out of the lists. ' +
      'Before that --abort takes the new one out again.',
    'callmanager --guided does the whole of it, step by step: publish both, wait for the phones, sign with the new key, ' +
      'wait again, take the old one out. Each call goes on where the last one stopped, whatever stopped it, and ends when ' +
      'it has to wait; --wait makes it wait. It waits for no phone that is offline, and for none longer than --within. ' +
      'status shows the step. --guided --abort returns to the old key from either step.',
    'callmanager --compromised cuts the old key off at once and says what that costs.',
    'One anchor at a time: refused while another one of callmanager, tvs and itlrecovery is between its two steps; only a ' +
      'callmanager key may be renewed within the renewal of itlrecovery. No list names callmanager-ec: its steps leave the lists alone.',
    'Each node of a cluster renews its own certificates, one node at a time. Where the ITLRecovery key lies on another node, ' +
      '--key brings it from the file of export-recovery for this one command.',
  ],
  arguments: [{ syntax: '<purpose>', description: 'which certificate', choices: certificatePurposes }],
  options: [
    { flags: '--switch', description: 'use the new certificate, retire the old one' },
    { flags: '--abort', description: 'take the new certificate out of the lists again' },
    { flags: '--guided', description: 'take the next step of a guided renewal (callmanager)' },
    { flags: '--compromised', description: 'cut the old key off now, whatever it costs (callmanager)' },
    {
      flags: '--wait <SECONDS>',
      description: 'with --guided: wait so long for phones and go on (default: 0)',
      parse: parseCount,
    },
    {
      flags: '--within <DAYS>',
      description:
        'with --guided: a step waits no longer for phones (default: 14; said later, it shortens the wait)',
      parse: parseCountWithin(0, 365),
    },
    ...signedTrustOptions,
  ],
  examples: [
    { says: 'begin, or go on', command: 'tftp-pki renew-cert callmanager --guided --data /var/lib/tftp-pki' },
    {
      says: 'finish a renewal in two steps, when all phones were reset',
      command: 'tftp-pki renew-cert tvs --switch --data /var/lib/tftp-pki',
    },
    {
      says: 'on a node that is not the first',
      command:
        'tftp-pki renew-cert callmanager --guided --key recovery.p12 --key-passphrase-file recovery.pass --data /var/lib/tftp-pki',
    },
  ],
  async run(context, [word], options) {
    const purpose = word as CertificatePurpose;
    refuseMixture(purpose, options);
    if (options.guided === true || options.compromised === true) return runGuided(context, options);
    const step: RenewalStep = options.switch === true ? 'switch' : options.abort === true ? 'abort' : 'begin';
    const { renewCertificate } = await import('../../app/renew-certificate.ts');
    return runTrustOperation(context, options, (node, by) => renewCertificate(node, { purpose, step, by }));
  },
});

function refuseMixture(purpose: CertificatePurpose, options: RenewOptions): void {
  const { guided = false, compromised = false, abort = false } = options;
  const isSwitch = options.switch === true;
  if (isSwitch && abort) throw new Failure('usage', '--switch and --abort are opposites');
  if ((guided || compromised) && purpose !== 'callmanager')
    throw new Failure('usage', `--guided and --compromised are for callmanager, not for ${purpose}`, {
      hint: `tftp-pki renew-cert ${purpose}, and --switch when every phone has taken the lists`,
    });
  if (compromised && (guided || isSwitch || abort))
    throw new Failure('usage', '--compromised goes with no other step');
  if (guided && isSwitch) throw new Failure('usage', '--guided switches by itself');
}

async function runGuided(context: CommandContext, options: RenewOptions): Promise<ExitStatus> {
  const { abortGuided, cutOff, nextGuidedStep } = await import('../../app/guided-rotation.ts');
  if (options.compromised === true)
    return runTrustOperation(context, options, (node, by) => cutOff(node, by));
  if (options.abort === true) return runTrustOperation(context, options, (node) => abortGuided(node));
  const patienceMs = options.within === undefined ? undefined : options.within * dayMs;
  const request = { by: userInfo().username, patienceMs };
  const endMs = performance.now() + (options.wait ?? 0) * 1000;
  let told = '';
  for (;;) {
    const step = await withNode(context, (node) => nextGuidedStep(node, request));
    if (step.kind === 'do') {
      const status = await runTrustOperation(context, options, () => Promise.resolve(step.operation));
      if (status !== 0 || step.last || options.dryRun === true || performance.now() >= endMs) return status;
    } else {
      if (performance.now() >= endMs) return tellWaiting(context, step.progress);
      const news = `${step.progress.come} phones have come, ${step.progress.toCome.length} to come`;
      if (news !== told) context.output.note(news);
      told = news;
    }
    await delay(lookAgainMs);
  }
}

/** Beliefs reach the disk every second. */
const lookAgainMs = 500;

function tellWaiting({ output }: CommandContext, progress: RotationProgress): ExitStatus {
  if (output.json) output.object(rotationFacts(progress));
  else printRotation(output, progress);
  output.hint('tftp-pki reset-phones --behind tells them to come; the same command again goes on');
  return 0;
}
