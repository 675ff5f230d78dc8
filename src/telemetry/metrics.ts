/**
 * Metrics as a view of the event list. Events cost an addition each; Prometheus' types are filled when they are read.
 * Labels are closed words of this program, never names or addresses, so that nobody outside can make new series.
 */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Event, EventSink } from '../base/events.ts';

export interface Metrics {
  readonly sink: EventSink;
  /** A number that another room keeps, read at each scrape: open transfers, cached bytes. */
  addGauge(name: string, help: string, read: () => number): void;
  /** The text of `/metrics` and its content type. */
  scrape(): Promise<{ readonly text: string; readonly contentType: string }>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const tallies = Object.fromEntries(
    Object.entries(counters).map(([name, { help, labels }]) => [
      name,
      addTally(registry, name, help, labels),
    ]),
  ) as Record<CounterName, Tally>;
  const note = addDatabaseGauges(registry);
  return {
    sink(event) {
      if (event.type === 'database') note(event);
      else count(tallies, event);
    },
    addGauge(name, help, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers: [registry],
        collect: () => {
          gauge.set(read());
        },
      });
    },
    async scrape() {
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

type DatabaseEvent = Extract<Event, { type: 'database' }>;

/** Nothing is said of a database until something is heard of it: one in a folder is always there. */
function addDatabaseGauges(registry: Registry): (event: DatabaseEvent) => void {
  let gauges: readonly Gauge[] | undefined;
  const make = ([name, help]: readonly [string, string]): Gauge =>
    new Gauge({ name, help, registers: [registry] });
  return ({ state, version, awaySeconds }) => {
    gauges ??= databaseGauges.map(make);
    const values = [state === 'here' ? 1 : 0, awaySeconds, version];
    for (const [index, gauge] of gauges.entries()) gauge.set(values[index] ?? 0);
  };
}

const databaseGauges = [
  ['tftp_pki_database_up', 'Whether the database answers; while it does not, its last copy is served.'],
  ['tftp_pki_database_away_seconds', 'For how long it has not.'],
  [
    'tftp_pki_database_version',
    'The version of the database that is served: the same on nodes that are up to date.',
  ],
] as const;

const counters = {
  tftp_pki_files_served_total: {
    help: 'Files that reached their client whole.',
    labels: ['transport', 'by'],
  },
  tftp_pki_bytes_served_total: { help: 'Bytes of those files.', labels: ['transport'] },
  tftp_pki_serving_milliseconds_total: { help: 'From request to last byte, summed.', labels: ['transport'] },
  tftp_pki_retransmits_total: { help: 'TFTP packets sent again in served transfers.', labels: [] },
  tftp_pki_files_not_served_total: { help: 'Requests without a file.', labels: ['transport', 'outcome'] },
  tftp_pki_transfers_ended_total: { help: 'Transfers that ended before the last byte.', labels: ['outcome'] },
  tftp_pki_writes_refused_total: { help: 'TFTP write requests.', labels: [] },
  tftp_pki_packets_malformed_total: { help: 'Packets that are no TFTP.', labels: [] },
  tftp_pki_links_failed_total: { help: 'Failures of a link of the resolution chain.', labels: ['link'] },
  tftp_pki_tvs_answers_total: { help: 'Answers of the TVS.', labels: ['command', 'outcome'] },
  tftp_pki_tvs_rejected_total: {
    help: 'Connections to the TVS that were ended for what they sent.',
    labels: ['reason'],
  },
  tftp_pki_remote_answers_total: {
    help: 'What remote clusters said when they were asked.',
    labels: ['outcome'],
  },
  tftp_pki_remote_refused_total: {
    help: "Files of remotes that a phone would refuse, by the verifier's code.",
    labels: ['outcome', 'code'],
  },
  tftp_pki_events_total: { help: 'Other events.', labels: ['type'] },
} as const;

type CounterName = keyof typeof counters;

/** Adds `amount` to the series of these label values, in the order the labels are listed. */
type Tally = (amount: number, ...values: readonly string[]) => void;

function count(tallies: Record<CounterName, Tally>, event: Event): void {
  switch (event.type) {
    case 'file-served':
      tallies.tftp_pki_files_served_total(1, event.transport, event.by);
      tallies.tftp_pki_bytes_served_total(event.bytes, event.transport);
      tallies.tftp_pki_serving_milliseconds_total(event.durationMs, event.transport);
      if (event.retransmits > 0) tallies.tftp_pki_retransmits_total(event.retransmits);
      break;
    case 'file-not-served':
      tallies.tftp_pki_files_not_served_total(1, event.transport, event.quiet ? 'noise' : event.outcome);
      break;
    case 'transfer-ended':
      tallies.tftp_pki_transfers_ended_total(1, event.outcome);
      break;
    case 'write-refused':
      tallies.tftp_pki_writes_refused_total(1);
      break;
    case 'packet-malformed':
      tallies.tftp_pki_packets_malformed_total(1);
      break;
    case 'tvs-answered':
      tallies.tftp_pki_tvs_answers_total(1, event.command, event.outcome);
      break;
    case 'tvs-rejected':
      tallies.tftp_pki_tvs_rejected_total(1, event.reason);
      break;
    case 'link-failed':
      tallies.tftp_pki_links_failed_total(1, event.link);
      break;
    case 'relay-answered':
      tallies.tftp_pki_remote_answers_total(1, event.outcome);
      break;
    case 'relay-refused':
      tallies.tftp_pki_remote_refused_total(1, event.blocked ? 'blocked' : 'passed', event.code);
      break;
    default:
      tallies.tftp_pki_events_total(1, event.type);
  }
}

function addTally(registry: Registry, name: string, help: string, labelNames: readonly string[]): Tally {
  const sums = new Map<string, { readonly values: readonly string[]; sum: number }>();
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      counter.reset();
      for (const { values, sum } of sums.values()) {
        counter.inc(Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? ''])), sum);
      }
    },
  });
  return (amount, ...values) => {
    const key = values.length === 1 ? (values[0] ?? '') : values.join('\n');
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { values, sum: amount });
    else known.sum += amount;
  };
}
