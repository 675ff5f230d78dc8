/**
 * Completion scripts made from the commands' definitions: command names first, then the options of that command,
 * then fixed values; everything else completes as a file name, which is what most options and arguments take.
 */
import type { CommandDefinition, OptionDefinition } from './command.ts';
import { globalOptions } from './global-options.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export function completionScript(shell: Shell, commands: readonly CommandDefinition[]): string {
  if (shell === 'fish') return fishScript(commands);
  // zsh runs bash completions through its own compatibility layer: one script to keep right.
  const zsh = '#compdef tftp-pki\nautoload -U +X bashcompinit && bashcompinit\n';
  return shell === 'zsh' ? zsh + bashScript(commands) : bashScript(commands);
}

function bashScript(commands: readonly CommandDefinition[]): string {
  const names = commands
    .map(({ name }) => name)
    .concat('help')
    .join(' ');
  return `# tftp-pki completion for bash; made by "tftp-pki completion"
_tftp_pki() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      ${commands.map(({ name }) => name).join('|')}|help) command="$word"; break ;;
    esac
  done
  case "$command $previous" in
${commands.flatMap(bashValueCases).join('\n')}
  esac
  if [[ "$current" == -* ]]; then
    local options="${globalOptions.flatMap(wordsOf).join(' ')} --help"
    case "$command" in
${commands.map(bashOptionCase).join('\n')}
    esac
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ -z "$command" || "$command" == help ]]; then
    COMPREPLY=($(compgen -W "${names}" -- "$current"))
  else
    case "$command" in
${commands.flatMap(bashArgumentCase).join('\n')}
      *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
  fi
}
complete -o filenames -F _tftp_pki tftp-pki
`;
}

function bashOptionCase({ name, options = [] }: CommandDefinition): string {
  return `      ${name}) options+=" ${options.flatMap(wordsOf).join(' ')}" ;;`;
}

function bashArgumentCase({ name, arguments: taken = [] }: CommandDefinition): readonly string[] {
  const choices = taken[0]?.choices;
  if (choices === undefined) return [];
  return [`      ${name}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$current")) ;;`];
}

function bashValueCases({ name, options = [] }: CommandDefinition): readonly string[] {
  return options
    .filter(({ choices }) => choices !== undefined)
    .map((option) => {
      const patterns = wordsOf(option).map((word) => `"${name} ${word}"`);
      const choices = option.choices?.join(' ') ?? '';
      return `    ${patterns.join('|')}) COMPREPLY=($(compgen -W "${choices}" -- "$current")); return ;;`;
    });
}

function fishScript(commands: readonly CommandDefinition[]): string {
  const lines = ['# tftp-pki completion for fish; made by "tftp-pki completion"'];
  for (const { name, summary } of commands)
    lines.push(`complete -c tftp-pki -f -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`);
  for (const option of globalOptions) lines.push(fishOption('', option));
  for (const { name, options = [], arguments: taken = [] } of commands) {
    const when = ` -n '__fish_seen_subcommand_from ${name}'`;
    const choices = taken[0]?.choices;
    if (choices !== undefined) lines.push(`complete -c tftp-pki${when} -f -a ${quote(choices.join(' '))}`);
    for (const option of options) lines.push(fishOption(when, option));
  }
  return `${lines.join('\n')}\n`;
}

function fishOption(when: string, option: OptionDefinition): string {
  const flags = wordsOf(option).map((word) =>
    word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`,
  );
  const value = option.flags.includes('<') ? ' -r' : '';
  const choices = option.choices === undefined ? '' : ` -f -a ${quote(option.choices.join(' '))}`;
  return `complete -c tftp-pki${when} ${flags.join(' ')}${value}${choices} -d ${quote(option.description)}`;
}

/** `-o` and `--output` of `-o, --output <OUT>`. */
function wordsOf(option: OptionDefinition): readonly string[] {
  return option.flags.match(/(?<=^|, )--?[a-z-]+/g) ?? [];
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
