/**
 * The Trust Verification Service, joined: TLS (net/tvs-server.ts), answers from a snapshot of the certificate stores
 * (core/tvs), its counters. It opens no database and holds one key, the TVS's own: what changes is told to it, and
 * until then it answers as before.
 */
import { assert } from '../base/assert.ts';
import type { EventSink } from '../base/events.ts';
import type { StoredCertificate } from '../core/cluster/model.ts';
import { answerTvs, takeSnapshot } from '../core/tvs/answer.ts';
import type { NewHandshake } from '../core/trust/seen-handshake.ts';
import { AskersToTell, type TvsAsker } from '../core/tvs/asker.ts';
import { deviceOf, UnknownSigners, type UnknownSigner } from '../core/tvs/unknown-signers.ts';
import {
  startTvsServer,
  type TvsCredentials,
  type TvsIdentity,
  type TvsLimits,
  type TvsListen,
  type TvsPeer,
  type TvsServer,
} from '../net/tvs-server.ts';
import { writePem } from '../pki/pem.ts';
import { createVerifier } from '../pki/verifier.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';
import { signsFiles } from '../wire/role.ts';
import type { TvsRequest, TvsResponse } from '../wire/tvs-message.ts';
import type { ListeningAt } from './edge.ts';

/** What a version of the database says to the TVS. */
export interface TvsMoment {
  /** Every row, retired ones too. */
  readonly rows: readonly StoredCertificate[];
  readonly thisNode: string;
  /** The TVS certificate in use and its key. */
  readonly identity: TvsIdentity;
}

/** What a TVS is told at its start; plain values that cross the pipe. */
export interface TvsSettings {
  readonly moment: TvsMoment;
  readonly listen: readonly TvsListen[];
  /** Loopback address of its own `/metrics` and `/health`. */
  readonly metrics: { readonly address: string; readonly port: number } | undefined;
}

export interface TvsOptions extends TvsSettings {
  readonly onEvent: EventSink;
  readonly onHandshake?: ((seen: NewHandshake) => void) | undefined;
  readonly limits?: Partial<TvsLimits>;
}

export interface Tvs {
  readonly listening: readonly ListeningAt[];
  update(moment: TvsMoment): void;
  /** What is wrong, in words, or undefined; `/health` says it. */
  setTrouble(trouble: string | undefined): void;
  unknownSigners(): readonly UnknownSigner[];
  /** Questions for unknown signers, since the start. */
  unknownTotal(): number;
  /** Whom it vouched to for signers of files since it was asked last, in messages. */
  takeAskers(): readonly (readonly TvsAsker[])[];
  close(): Promise<void>;
}

export async function startTvs(options: TvsOptions): Promise<Tvs> {
  const crypto = createVerifier();
  const metrics = createMetrics();
  const onEvent: EventSink = (event) => {
    metrics.sink(event);
    options.onEvent(event);
  };
  const snapshotOf = ({ rows, thisNode }: TvsMoment) => takeSnapshot(crypto, rows, thisNode, Date.now());
  let current = options.moment;
  let snapshot = snapshotOf(current);
  let trouble: string | undefined;
  const unknown = new UnknownSigners();
  const askers = new AskersToTell();

  const answer = (request: TvsRequest, { address, provedName }: TvsPeer): TvsResponse => {
    if (Date.now() >= snapshot.endsMs) snapshot = snapshotOf(current);
    const { response, refusal } = answerTvs(snapshot, request);
    const proved = provedName === undefined ? undefined : deviceOf(provedName);
    const command = request.command === 'query-request' ? 'query' : 'verify';
    const { device } = request;
    onEvent({
      type: 'tvs-answered',
      address,
      device,
      proved: proved !== undefined && proved === deviceOf(device),
      command,
      outcome: refusal ?? 'vouched',
    });
    if (refusal === 'unknown') tellUnknown(unknown, request, proved, onEvent);
    else if (response.vouched?.roles.some(signsFiles) === true)
      askers.add({ address, device: proved }, Date.now());
    return response;
  };

  const { listen, moment } = options;
  const server = await startTvsServer({
    listen,
    credentials: credentialsOf(moment),
    answer,
    onEvent,
    onHandshake: options.onHandshake,
    ...(options.limits && { limits: options.limits }),
  });
  metrics.addGauge('tftp_pki_tvs_connections', 'Connections to the TVS now.', () => server.connections());
  metrics.addGauge(
    'tftp_pki_tvs_unknown_signers',
    'Questions for signers that nobody here knows, since the start.',
    () => unknown.total,
  );
  const scraped = await startScraped(options, server, () => trouble, metrics, onEvent);
  return {
    listening: [
      ...server.addresses.map(({ address, port }) => ({ service: 'tvs' as const, address, port })),
      ...(scraped === undefined
        ? []
        : [{ service: 'tvs-metrics' as const, address: scraped.address, port: scraped.port }]),
    ],
    update(next) {
      current = next;
      snapshot = snapshotOf(next);
      server.replaceCredentials(credentialsOf(next));
    },
    setTrouble: (next) => (trouble = next),
    unknownSigners: () => unknown.list(),
    unknownTotal: () => unknown.total,
    takeAskers: () => askers.take(),
    async close() {
      await Promise.all([server.close(), scraped?.close()]);
    },
  };
}

async function startScraped(
  { metrics: listen }: TvsOptions,
  server: TvsServer,
  health: () => string | undefined,
  metrics: ReturnType<typeof createMetrics>,
  onEvent: EventSink,
) {
  if (listen === undefined) return undefined;
  try {
    return await startMetricsServer({ listen, metrics, health, onEvent });
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** A certificate counts for more than what a request says of itself. */
function tellUnknown(
  unknown: UnknownSigners,
  request: TvsRequest,
  proved: string | undefined,
  onEvent: EventSink,
): void {
  const device = unknown.count(proved === undefined ? request : { ...request, device: proved }, Date.now());
  if (device === undefined) return;
  const known = unknown.find(device);
  assert(known !== undefined, 'who was counted is known');
  // A phone that asks again and again is told of when its count has doubled.
  if ((known.count & (known.count - 1)) !== 0) return;
  const { issuer = '', serial = '' } = known.signer ?? {};
  onEvent({ type: 'unknown-signer', device, issuer, serial, count: known.count });
}

/** Issuers of phones' certificates: our CAPF, and others' that somebody imported. */
function credentialsOf({ identity, rows }: TvsMoment): TvsCredentials {
  const clientIssuers = rows
    .filter(({ store, purpose, retiredMs }) => {
      return retiredMs === undefined && (store === 'capf-trust' || purpose === 'capf');
    })
    .map(({ der }) => writePem('CERTIFICATE', der));
  return { identity, clientIssuers };
}
