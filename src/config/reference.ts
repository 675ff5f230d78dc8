/** The settings as documents: a JSON Schema for editors and the page for people. Both stand in docs/reference, kept fresh by a test. */
import { alternateRootsMax } from '../base/limits.ts';
import { configJsonSchema, environmentName, settingLeaves } from './leaves.ts';
import type { SchemaNode, SettingLeaf } from './leaves.ts';

/** docs/reference/config.schema.json */
export function renderJsonSchema(): string {
  const title = 'tftp-pki.yaml';
  return `${JSON.stringify({ title, ...configJsonSchema() }, null, 2)}\n`;
}

/** docs/reference/configuration.md */
export function renderReference(): string {
  const groups = groupByFirst(settingLeaves);
  const sections = [...groups].map(([name, leaves]) => {
    const rows = leaves.map((leaf) => row(leaf)).join('\n');
    return `## ${name}\n\n| setting | takes | default | what it does |\n|---|---|---|---|\n${rows}\n`;
  });
  return `${introduction}\n${sections.join('\n')}\n${rules}`;
}

function row({ path, node }: SettingLeaf): string {
  const variable =
    node.type === 'array' && node.items?.type !== 'string' ? 'file only' : `\`${environmentName(path)}\``;
  const what = `${node.description ?? ''}<br>${variable}`;
  return `| \`${path.join('.')}\` | ${takes(node)} | ${defaultOf(node)} | ${what} |`;
}

function takes(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.type === 'integer') return `${node.minimum} – ${node.maximum}`;
  if (node.type === 'boolean') return '`true`, `false`';
  if (node.type === 'array') return `list, at most ${node.maxItems}`;
  return 'text';
}

function defaultOf(node: SchemaNode): string {
  const value = node.default;
  if (value === undefined) return '–';
  if (Array.isArray(value))
    return value.length === 0 ? 'empty' : value.map((item) => `\`${String(item)}\``).join(', ');
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

const introduction = `# Settings: tftp-pki.yaml

<!-- Made from src/config/schema.ts by \`npx tsx tools/docs/config.ts\`; a test keeps it fresh. -->

The file lies in the node's data folder. A setting is taken from the command line, else from the environment, else from
the file, else its default. In the environment, lists are separated by commas. Unknown settings are refused. Problems are
reported all at once, one per line: \`file:line:column: setting must be …\`. Editors complete and check the file with

\`\`\`yaml
# yaml-language-server: $schema=config.schema.json
\`\`\`
`;

const rules = `## Rewriting names

Rules stand in \`files.rewrite\` and run in order on a name that is legal already, before it is looked up in \`files.root\`
and the up to ${alternateRootsMax} alternates. \`*\` is any run within a segment of the path, \`**\` any run, \`?\` one character;
each takes as little as it can. In \`to\`, \`{1}\` to \`{9}\` are what they took, \`{1:lower}\` and \`{1:upper}\` in another case.
After a match the rules end, unless it says \`onMatch: next\`. A rule without \`to\` makes its names unknown. The result must
be a legal name again. A signed file carries the name as the phone asked for it, whatever the rules made of it.

\`\`\`yaml
files:
  rewrite:
    - match: SEP*.cnf.xml # tftpd-hpa: r ^(SEP.*\\.cnf\\.xml)$ phones/\\1
      to: phones/SEP{1}.cnf.xml
    - match: RINGLIST.XML # tftpd-hpa: ri
      ignoreCase: true
      to: Ringlist.xml
    - match: '**.bak' # tftpd-hpa: a
\`\`\`

tftpd-hpa's \`\\\\\` to \`/\` and removal of a leading \`/\` do not exist here: such names are rejected, never repaired.
`;

function groupByFirst(leaves: readonly SettingLeaf[]): ReadonlyMap<string, readonly SettingLeaf[]> {
  const groups = new Map<string, SettingLeaf[]>();
  for (const leaf of leaves) {
    const name = leaf.path[0] ?? '';
    groups.set(name, [...(groups.get(name) ?? []), leaf]);
  }
  return groups;
}
