/**
 * Handshakes of phones that name themselves (core/trust/handshake.ts), by real TLS: what the servers of 2445 and 6971 see
 * of them, and what a served node makes of it while its TVS and its server of files are renewed.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishedList } from '../../src/core/cluster/model.ts';
import { unknown } from '../../src/core/trust/belief.ts';
import type { NewHandshake } from '../../src/core/trust/seen-handshake.ts';
import { pairsOf } from '../../src/core/trust/set-with-gaps.ts';
import { fileOpener } from '../../src/files/open-file.ts';
import { startFileHttp } from '../../src/http/file-app.ts';
import { openNode } from '../../src/node/open-node.ts';
import { startTvs } from '../../src/node/tvs.ts';
import { createVerifier } from '../../src/pki/verifier.ts';
import { openBeliefs, readBeliefs } from '../../src/store/beliefs.ts';
import { subject } from '../helpers/clusters.ts';
import { runProgram } from '../helpers/run-program.ts';
import { serveProgram, type ServedNode } from '../helpers/served-node.ts';
import { fakeTerminal } from '../helpers/terminal.ts';
import { party } from '../helpers/trust-builder.ts';
import { identityOf, queryBytes, row } from '../helpers/tvs-peer.ts';

const world = mkdtempSync(join(tmpdir(), 'tftp-pki-handshakes-'));
const at = (name: string): string => join(world, name);
const data = at('node');
const [byFiles, byTvs, byNobody, quiet] = [
  'SEP001122330001',
  'SEP001122330002',
  'SEP001122330003',
  'SEP001122330004',
] as const;
const devices = [byFiles, byTvs, byNobody, quiet];

/** A key and a certificate; by itself, or by the maker of phones. */
function certify(name: string, commonName: string, ...more: readonly string[]): void {
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    at(`${name}.key`),
  ];
  const words = [
    'req',
    '-x509',
    ...key,
    '-subj',
    `/CN=${commonName}`,
    '-days',
    '1000',
    '-out',
    at(`${name}.pem`),
  ];
  execFileSync('openssl', [...words, ...more], { stdio: 'ignore' });
}

function pemOf(name: string): Pick<ConnectionOptions, 'key' | 'cert'> {
  return { key: readFileSync(at(`${name}.key`)), cert: readFileSync(at(`${name}.pem`)) };
}

const signer = party({ key: 'callmanager-a', subject: subject('cm-a'), serial: '0a01' });
const questions = {
  tvs: queryBytes(signer),
  https: 'GET /Ringlist.xml HTTP/1.1\r\nHost: x\r\n\r\n',
} as const;

interface Connected {
  readonly wasResumed: boolean;
  readonly session: Buffer | undefined;
}

/** One connection with one question, until the server has answered it. */
async function ask(service: 'tvs' | 'https', port: number, options: ConnectionOptions): Promise<Connected> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (next: Buffer) => (session = next));
  await once(socket, 'secureConnect');
  const wasResumed = socket.isSessionReused();
  socket.write(questions[service]);
  await once(socket, 'data');
  socket.destroy();
  return { wasResumed, session };
}

beforeAll(() => {
  certify('maker', 'Manufacturing CA');
  const byMaker = ['-CA', at('maker.pem'), '-CAkey', at('maker.key')];
  certify(byFiles, `CP-8861-${byFiles}`, ...byMaker);
  certify(byTvs, `CP-8861-${byTvs}`, ...byMaker);
  certify(byNobody, `CP-8861-${byNobody}`);
  certify('stranger', 'CP-8861-SEP00112233FFFF', ...byMaker);
});
afterAll(() => rmSync(world, { recursive: true }));

describe('what a server sees', () => {
  const tvs = party({ key: 'tvs-a', subject: subject('tvs-a'), serial: '0a03' });
  const identity = identityOf(tvs);
  const server = createVerifier().readCertificate(tvs.der)?.fingerprint;
  const seen: NewHandshake[] = [];
  const onHandshake = (each: NewHandshake): void => void seen.push(each);
  const local = { address: '127.0.0.1', port: 0 };
  const onEvent = (): void => undefined;

  async function startBoth() {
    const moment = { rows: [row(tvs, 'tvs')], thisNode: 'node-a', identity };
    const listen = [{ ...local, legacy: false }];
    const asked = await startTvs({ moment, listen, metrics: undefined, onEvent, onHandshake });
    const resolver = {
      resolve: () => Promise.resolve({ kind: 'not-found' as const, trace: [] }),
      peek: () => undefined,
    };
    const files = await startFileHttp({
      listen: local,
      tls: identity,
      resolver,
      opener: fileOpener,
      onEvent,
      onHandshake,
    });
    return { asked, files };
  }

  test('the phone and the certificate that it took; nothing in a resumed session, of nobody without a certificate', async () => {
    const { asked, files } = await startBoth();
    try {
      for (const [service, port] of [
        ['tvs', asked.listening[0]?.port ?? 0],
        ['https', files.port],
      ] as const)
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
          const options = { minVersion: version, maxVersion: version };
          seen.length = 0;
          const first = await ask(service, port, { ...options, ...pemOf(byTvs) });
          expect(seen).toHaveLength(1);
          expect(seen[0]).toMatchObject({ service, server });
          const again = await ask(service, port, { ...options, ...pemOf(byTvs), session: first.session });
          expect([first.wasResumed, again.wasResumed]).toEqual([false, true]);
          await ask(service, port, options);
          // Node looks at the certificate of the server when the handshake is over, refuses it, and asks nothing.
          const refusing = connect({ host: '127.0.0.1', port, ...options, ...pemOf(byTvs) });
          await once(refusing, 'error');
          await ask(service, port, { ...options, ...pemOf(byFiles) });
          const certificates = seen.map(
            ({ certificate }) => createVerifier().readCertificate(certificate)?.subject,
          );
          expect(certificates).toEqual([`CN=CP-8861-${byTvs}`, `CN=CP-8861-${byFiles}`]);
        }
    } finally {
      await Promise.all([asked.close(), files.close()]);
    }
  });
});

describe('what a served node makes of it', () => {
  let served: ServedNode;
  let lists: readonly PublishedList[] = [];

  async function run(...words: readonly string[]): Promise<string> {
    const terminal = fakeTerminal();
    const status = await runProgram([...words, '--data', data], terminal);
    expect(`${words.join(' ')}: ${status} ${terminal.stderr.text}`).toMatch(/: 0 /);
    return terminal.stdout.text;
  }

  /** Every phone was given every list long ago, and showed nothing since. */
  function believeAll(): void {
    const writer = openBeliefs(join(data, 'beliefs.sqlite'));
    const pairs = [unknown, ...pairsOf(lists)];
    const past = { address: '10.0.0.1', heardMs: Date.now() - 600_000, provedMs: undefined };
    writer.save(
      devices.map((name) => ({ name, pairs, ...past, unansweredConfigs: 0, gap: 0, deliveries: [] })),
      [],
    );
    writer.close();
  }

  beforeAll(async () => {
    await run('init', '--cluster', 'office', '--node', 'cucm-a', '--mode', 'mixed');
    const rows = devices.map((name, line) => `${name},CP-8861,SIP,${1000 + line}`);
    writeFileSync(at('devices.csv'), `name,model,protocol,line1\n${rows.join('\n')}\n`);
    await run('import-devices', at('devices.csv'));
    await run('trust-cert', at('maker.pem'), '--store', 'capf-trust', '--yes');
    for (const purpose of ['tvs', 'tftp-ec']) await run('renew-cert', purpose, '--yes');
    await run('renew-cert', 'tftp-ec', '--switch', '--yes');
    const node = await openNode({ dataDir: data, passphraseFile: undefined });
    lists = await node.store.listPublished();
    await node.close();
    believeAll();
    const listen = ['tftp', 'tvs', 'https', 'http'].flatMap((service) => [`--${service}`, '127.0.0.1:0']);
    served = await serveProgram([...listen, '--data', data]);
  }, 60_000);
  afterAll(() => served.stop());

  /** ITLs, by generation, that stand in a pair which the phone may hold; -1 for a CTL without any, 0 for the unknown. */
  function mayHold(name: string): readonly number[] {
    const belief = readBeliefs(join(data, 'beliefs.sqlite')).devices.find((each) => each.name === name);
    const generations = (belief?.pairs ?? []).map((pair) => {
      if (pair === unknown) return 0;
      const [, itl] = pair.split('/');
      return lists.find(({ sha256 }) => sha256 === itl)?.generation ?? -1;
    });
    return [...new Set(generations)].toSorted((x, y) => x - y);
  }

  test(
    'the lists of a phone that took a renewed certificate are those that name it',
    { timeout: 60_000 },
    async () => {
      const all = [
        ...new Set([
          -1,
          0,
          ...lists.filter(({ kind }) => kind === 'itl').map(({ generation }) => generation),
        ]),
      ];
      for (const name of devices) expect(mayHold(name)).toEqual(all);
      const said = (await served.until('listening tvs', (line) => line['service'] === 'tvs')) && served;
      const old = connect({ host: '127.0.0.1', port: said.port('tvs'), rejectUnauthorized: false });
      await once(old, 'secureConnect');
      const before = old.getPeerX509Certificate()?.fingerprint256;
      old.destroy();

      await run('renew-cert', 'tvs', '--switch', '--yes');
      const taken = async (): Promise<string | undefined> => {
        const socket = connect({ host: '127.0.0.1', port: said.port('tvs'), rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        const now = socket.getPeerX509Certificate()?.fingerprint256;
        socket.destroy();
        return now;
      };
      await expect.poll(taken, { timeout: 30_000 }).not.toBe(before);

      // By no issuer that is trusted here, and of no device: no evidence of anybody.
      await ask('tvs', said.port('tvs'), pemOf(byNobody));
      await ask('tvs', said.port('tvs'), pemOf('stranger'));
      await ask('https', said.port('https'), pemOf(byFiles));
      await ask('tvs', said.port('tvs'), pemOf(byTvs));
      const patience = { timeout: 30_000, interval: 100 };
      const [, , first = 0] = all;
      await expect
        .poll(() => mayHold(byTvs), patience)
        .toEqual(all.filter((generation) => generation > first));
      // The old lists name a TVS that vouches for the server of files; a CTL alone names none.
      await expect.poll(() => mayHold(byFiles), patience).toEqual(all.slice(1));
      for (const name of [byNobody, quiet]) expect(mayHold(name)).toEqual(all);

      expect(await run('show-trust', byTvs)).toMatch(
        /^handshake with the TVS: \S+Z {2}it took CN=cucm-a;OU=office-TVS;O=tftp-pki \([0-9a-f]{16}\)$/m,
      );
      const shown = JSON.parse(await run('show-trust', byFiles, '--json')) as Record<string, unknown>;
      expect(shown).toMatchObject({
        showedBelief: null,
        handshakes: [{ with: 'https', subject: expect.stringContaining('TFTP-EC') }],
      });
    },
  );
});
