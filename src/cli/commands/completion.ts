import { defineCommand } from '../command.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completion = defineCommand({
  name: 'completion',
  topic: 'Shell',
  summary: 'print a completion script for bash, zsh or fish',
  description: [
    'Prints a script that completes commands, options and their fixed values; it is made from this very program.',
  ],
  arguments: [{ syntax: '<shell>', description: shells.join(', '), choices: shells }],
  examples: [
    { says: 'for the running bash', command: 'source <(tftp-pki completion bash)' },
    {
      says: 'for every bash from now on',
      command: 'tftp-pki completion bash > ~/.local/share/bash-completion/completions/tftp-pki',
    },
    { says: 'for fish', command: 'tftp-pki completion fish > ~/.config/fish/completions/tftp-pki.fish' },
  ],
  async run({ output }, [shell]) {
    const [{ completionScript }, { commands }] = await Promise.all([
      import('../completion.ts'),
      import('../commands.ts'),
    ]);
    output.line(completionScript(shell as (typeof shells)[number], commands).trimEnd());
    return 0;
  },
});
