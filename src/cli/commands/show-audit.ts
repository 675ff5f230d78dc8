import { Failure } from '../../base/errors.ts';
import { printable } from '../../base/text.ts';
import { formatIsoSeconds } from '../../base/utc-time.ts';
import type { AuditRow } from '../../core/audit/audit-chain.ts';
import { defineCommand } from '../command.ts';
import { withNode } from '../node.ts';

interface AuditOptions {
  readonly verify?: boolean;
  readonly head?: string;
}

export const showAudit = defineCommand<AuditOptions>({
  name: 'audit',
  topic: 'Node',
  summary: 'show who changed trust, and check that nobody changed the record',
  description: [
    'One line an operation, oldest first. Each row carries the hash of the row before it; --verify recomputes them all. ' +
      'Rows cut off at the end leave a whole chain: keep the hash that --verify prints somewhere else, and give it back ' +
      'with --head.',
    'Exits 1 when the chain is broken.',
  ],
  options: [
    { flags: '--verify', description: 'check the chain and print its last hash' },
    { flags: '--head <HASH>', description: 'with --verify: a hash that has to be in the chain' },
  ],
  examples: [
    { says: 'who did what', command: 'tftp-pki audit --data /var/lib/tftp-pki' },
    { says: 'from a monitoring job', command: 'tftp-pki audit --verify --json --data /var/lib/tftp-pki' },
  ],
  async run(context, _, { verify = false, head }) {
    if (head !== undefined && !verify) throw new Failure('usage', '--head belongs to --verify');
    const { output } = context;
    const { auditChainFault } = await import('../../core/audit/audit-chain.ts');
    const { rows, fault } = await withNode(context, async ({ store, crypto }) => {
      const all = await store.listAudit();
      return { rows: all, fault: auditChainFault(crypto, all) };
    });
    if (!verify) {
      if (output.json) output.object(rows.map(rowFacts));
      else
        output.table(
          ['SEQ', 'TIME', 'WHO', 'OPERATION', 'DETAIL'],
          rows.map(({ seq, atMs, who, operation, detail }) => [
            String(seq),
            formatIsoSeconds(Math.floor(atMs / 1000)),
            printable(who),
            printable(operation),
            detail,
          ]),
        );
      return 0;
    }
    const cut = head !== undefined && !rows.some(({ hash }) => hash === head.toLowerCase());
    const wrong =
      fault ?? (cut ? 'the hash given by --head is not in it: rows are missing at its end' : undefined);
    const last = rows.at(-1)?.hash ?? null;
    if (output.json)
      output.object({ whole: wrong === undefined, fault: wrong ?? null, rows: rows.length, head: last });
    else if (wrong === undefined) output.line(`${rows.length} rows, whole; the last hash is ${last ?? '-'}`);
    if (wrong !== undefined) output.error(`the audit is broken: ${wrong}`);
    return wrong === undefined ? 0 : 1;
  },
});

function rowFacts({ atMs, detail, ...row }: AuditRow): Readonly<Record<string, unknown>> {
  return { ...row, time: new Date(atMs).toISOString(), detail: JSON.parse(detail) as unknown };
}
