/**
 * `npm run bench -- [--quick] [--only ROW[,ROW]] [--rounds N] [--save]`: ours and the Debian peers side by side.
 * Needs root for dnsmasq's port 69 and two cores; everything it makes lies under var/bench.
 */
import { parseArgs } from 'node:util';
import { printTable, saveReport } from './report.ts';
import type { Finding } from './findings.ts';
import { rows } from './rows.ts';
import { prepareWorkspace } from './workspace.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});

const quick = values.quick;
const effort = { rounds: Number(values.rounds ?? (quick ? 1 : 5)), scale: quick ? 0.2 : 1, quick };
const wanted = values.only?.split(',') ?? Object.keys(rows);
const unknown = wanted.filter((name) => !(name in rows));
if (unknown.length > 0 || !Number.isInteger(effort.rounds) || effort.rounds < 1) {
  console.error(`bench: rows are ${Object.keys(rows).join(', ')}; rounds are 1 or more`);
  process.exit(2);
}

prepareWorkspace();
const findings: Finding[] = [];
for (const name of wanted) {
  console.error(`bench: ${name}`);
  try {
    findings.push(...((await rows[name]?.(effort)) ?? []));
  } catch (error) {
    // One row that cannot be measured must not lose the others.
    console.error(error);
    process.exitCode = 1;
  }
}
printTable(findings);
if (values.save)
  console.error(`bench: ${saveReport(findings, effort.rounds, new Date().toISOString().slice(0, 10))}`);
