/**
 * The relaying process of relayed-memory.test.ts: `relaying-process.ts FOLDER ADDRESS:PORT,…`. It fetches two files of
 * each cluster at once and says what it held since: the most resident, and the median of heap and buffers after a collection.
 */
import { createInterface } from 'node:readline';
import type { RemoteCluster } from '../../src/core/cluster/remote.ts';
import { fileOpener } from '../../src/files/open-file.ts';
import { openQuarantine } from '../../src/files/remote/quarantine.ts';
import { createRelay } from '../../src/files/remote/relay.ts';
import { createRemoteTransport } from '../../src/net/remote/transport.ts';
import { createVerifier } from '../../src/pki/verifier.ts';

const [, , folder = '', places = ''] = process.argv;
const onEvent = (): void => undefined;
const transport = createRemoteTransport({
  nodeId: '00112233445566ff',
  from: { v4: undefined, v6: undefined },
  onEvent,
});
const quarantine = openQuarantine({ folder });
const relay = createRelay({
  transport,
  quarantine,
  crypto: createVerifier(),
  opener: fileOpener,
  clock: { nowMs: () => Date.now() },
  onEvent,
  trust: {
    phonesOf: () => Promise.resolve([]),
    refresh: () => Promise.resolve(),
    askTvs: () => Promise.resolve({ kind: 'unreachable' }),
  },
});
const remotes = places.split(',').map((place, at): RemoteCluster => {
  const [address = '', port = ''] = place.split(':');
  const http = { address, port: Number(port) };
  return {
    id: `c${at}`,
    servers: [{ tftp: { address, port: 9 }, http, tvs: http }],
    secure: false,
    pin: undefined,
    common: 'auto',
    verify: undefined,
    asks: [],
    addedMs: 0,
  };
});
relay.setRemotes(remotes);
const ask = { address: '10.0.0.1', device: undefined, known: true };
const fetchAll = (names: readonly string[]): Promise<unknown> =>
  Promise.all(remotes.flatMap(({ id }) => names.map((name) => relay.fetch(id, name, ask))));

// What the first file of each cluster costs for ever (connections, code) is not the file's.
await fetchAll(['small.xml']);
const live: number[] = [];
let rss = 0;
const look = (): void => {
  globalThis.gc?.();
  const { heapUsed, external, rss: now } = process.memoryUsage();
  live.push(heapUsed + external);
  rss = Math.max(rss, now);
};
const tell = (): void => {
  look();
  const median = live.toSorted((a, b) => a - b)[Math.floor(live.length / 2)];
  process.stdout.write(`${JSON.stringify({ rss, live: median })}\n`);
};
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'fetch') {
    live.length = 0;
    setInterval(look, 100).unref();
    // As phones do: again, until it is there. A busy machine may have missed a first answer.
    const fetch = (): void => void fetchAll(['Locale/one.jar', 'Locale/two.jar']);
    setInterval(fetch, 500).unref();
    fetch();
  } else if (line === 'end') process.exit(0);
  else tell();
});
tell();
