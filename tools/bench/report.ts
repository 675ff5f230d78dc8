/** The table on the terminal and the dated page under docs/benchmarks. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { Finding } from './findings.ts';
import { root } from './workspace.ts';

const head = ['target', 'what', 'ours', 'against', 'ratio', 'goal', ''];

export function printTable(findings: readonly Finding[]): void {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...findings.map(cells));
  console.log(table.toString());
  const missed = findings.filter(({ met }) => !met).length;
  console.log(`${findings.length - missed} met, ${missed} missed`);
}

/** Writes docs/benchmarks/DATE.md and gives its path. */
export function saveReport(findings: readonly Finding[], rounds: number, today: string): string {
  const folder = join(root, 'docs', 'benchmarks');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${today}.md`);
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const text = `# Benchmark, ${today}

${machine()}. Server pinned to one core, load to the other, loopback; ${rounds} interleaved rounds after one that warms,
medians; limits, logs and metrics as shipped, peers log too. Only ratios of one run mean something.
Repeat with \`npm run bench -- --save\`.

${line(head)}
${line(head.map(() => '---'))}
${findings.map((finding) => line(cells(finding))).join('\n')}

Row 4 is largely an effect of loopback: packets that leave in one call are never paced by a link there.
[README.md](README.md) says what the rows do not, and what was tried.
`;
  writeFileSync(path, text);
  return path;
}

function cells({ target, what, ours, against, ratio, goal, met }: Finding): string[] {
  return [
    target,
    what,
    ours,
    against,
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    goal,
    met ? 'met' : 'missed',
  ];
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const memory = Math.round(totalmem() / 2 ** 30);
  return `tftp-pki ${version} on Node ${process.versions.node}, Linux ${release()}, ${cpus().length} × ${model}, ${memory} GiB`;
}
