/** Commands in the test's own process, as a person types them; what they are given and what they say is watched. */
import { runProgram as run } from '../../src/cli/program.ts';
import type { ExitStatus } from '../../src/cli/exit.ts';
import { noteSecrets, refuseSecrets } from './secrets.ts';
import type { FakeTerminal } from './terminal.ts';

/** As the program's; throws when it says a passphrase that it was given or made, or a private key. */
export async function runProgram(words: readonly string[], terminal: FakeTerminal): Promise<ExitStatus> {
  noteSecrets(words, process.cwd());
  const status = await run(words, terminal);
  // `init` makes the folder's passphrase while it runs.
  noteSecrets(words, process.cwd());
  for (const { text } of [terminal.stdout, terminal.stderr]) refuseSecrets(text);
  return status;
}
