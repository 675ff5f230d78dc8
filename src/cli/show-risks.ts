/** Weak algorithms as the commands print them: which, for whom, until when somebody accepted it. */
import type { Risk } from '../core/trust/risk.ts';
import { formatIsoSeconds } from '../base/utc-time.ts';
import type { OpenNode } from '../node/open-node.ts';
import type { CommandContext } from './command.ts';
import type { Output } from './output.ts';

/** By the decisions in the configuration of the node. */
export async function readRisks({ terminal }: CommandContext, node: OpenNode): Promise<readonly Risk[]> {
  const [{ listRisks }, { loadConfig }] = await Promise.all([
    import('../app/list-certificates.ts'),
    import('../config/load.ts'),
  ]);
  const { risk } = loadConfig({ file: node.folder.configFile, environment: terminal.env });
  return listRisks(node, risk, Math.floor(node.clock.nowMs() / 1000));
}

/** Names of a large field do not help a reader; `--json` has all of them. */
const devicesShownMax = 5;

export function printRisks(output: Output, risks: readonly Risk[]): void {
  for (const { algorithm, where, devices, certificates, acceptedUntil, isAccepted } of risks) {
    const day = formatIsoSeconds(acceptedUntil).slice(0, 10);
    const names = devices.slice(0, devicesShownMax).join(' ');
    const more = devices.length > devicesShownMax ? ` and ${devices.length - devicesShownMax} more` : '';
    output.line();
    output.line(`risk     ${algorithm}: ${where}`);
    const need = devices.length === 1 ? '1 phone needs it' : `${devices.length} phones need it`;
    output.line(`         ${need}${devices.length > 0 ? `: ${names}${more}` : ''}`);
    if (certificates.length > 0) output.line(`         ${certificates.length} certificates have it`);
    output.line(`         accepted until ${day}`);
    if (!isAccepted)
      output.warn(`the risk of ${algorithm} was accepted until ${day}: decide again (risk in tftp-pki.yaml)`);
  }
}

export function riskFacts({ acceptedUntil, ...rest }: Risk): Readonly<Record<string, unknown>> {
  return { ...rest, acceptedUntil: formatIsoSeconds(acceptedUntil) };
}
