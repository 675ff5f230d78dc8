/** One line of `check`: what was looked at, whether it is right, and the next step where it is not. */
import { Failure } from '../../base/errors.ts';

export type CheckTopic = 'port' | 'reach' | 'buffer' | 'engine' | 'files' | 'folder' | 'keys' | 'clock';

export interface CheckFinding {
  readonly topic: CheckTopic;
  /** `warning` serves, but not everybody or not as well as it could; `wrong` does not. */
  readonly verdict: 'ok' | 'warning' | 'wrong';
  readonly message: string;
  readonly hint: string | undefined;
}

export function ok(topic: CheckTopic, message: string): CheckFinding {
  return { topic, verdict: 'ok', message, hint: undefined };
}

export function warning(topic: CheckTopic, message: string, hint: string): CheckFinding {
  return { topic, verdict: 'warning', message, hint };
}

export function wrong(topic: CheckTopic, message: string, hint?: string): CheckFinding {
  return { topic, verdict: 'wrong', message, hint };
}

/** What `look` finds; a Failure in it is what is wrong, anything else is a bug. */
export async function looking(
  topic: CheckTopic,
  look: () => readonly CheckFinding[] | Promise<readonly CheckFinding[]>,
): Promise<readonly CheckFinding[]> {
  try {
    return await look();
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return [wrong(topic, thrown.message, thrown.hint)];
  }
}
