/** Clusters in folders of one world, run by the commands a person types, and phones that hold their published lists. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signContent } from '../../src/app/sign-content.ts';
import { runProgram } from './run-program.ts';
import { newPhone, type PhoneState } from '../../src/core/phone/phone-state.ts';
import type { FileVerdict } from '../../src/core/phone/phone.ts';
import { pairKey, type PairKey } from '../../src/core/trust/belief.ts';
import type { StoredBelief } from '../../src/core/trust/belief-store.ts';
import type { PhoneTrust, TvsAnswer } from '../../src/core/trust/phone-trust.ts';
import { answerTvs, takeSnapshot } from '../../src/core/tvs/answer.ts';
import { openNode, type OpenNode } from '../../src/node/open-node.ts';
import { bootPhone } from '../../src/sim/boot-phone.ts';
import { openBeliefs } from '../../src/store/beliefs.ts';
import { fakeTerminal } from './terminal.ts';

export interface Ran {
  readonly status: number;
  /** stderr. */
  readonly said: string;
  /** stdout of `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
}

export class Enterprise {
  readonly world = mkdtempSync(join(tmpdir(), 'tftp-pki-enterprise-'));

  remove(): void {
    rmSync(this.world, { recursive: true });
  }

  cluster(id: string): Member {
    return new Member(this, id);
  }
}

export class Member {
  readonly id: string;
  readonly data: string;

  constructor({ world }: Enterprise, id: string) {
    this.id = id;
    this.data = join(world, id);
  }

  get node(): string {
    return `${this.id}-tftp.example`;
  }

  init(mode: 'mixed' | 'nonsecure'): Promise<Ran> {
    return this.run('init', '--cluster', this.id, '--node', this.node, '--mode', mode);
  }

  async run(...words: readonly string[]): Promise<Ran> {
    const terminal = fakeTerminal();
    const status = await runProgram([...words, '--json', '--data', this.data], terminal);
    const text = terminal.stdout.text;
    const json = (text === '' ? {} : JSON.parse(text)) as Ran['json'];
    return { status, said: terminal.stderr.text, json };
  }

  /** As `run`; fails the test unless it is done. */
  async done(...words: readonly string[]): Promise<Ran['json']> {
    const { status, said, json } = await this.run(...words);
    if (status !== 0) throw new Error(`${this.id}: ${words.join(' ')} ended with ${status}:\n${said}`);
    return json;
  }

  async with<T>(work: (node: OpenNode) => Promise<T>): Promise<T> {
    const node = await openNode({ dataDir: this.data, passphraseFile: undefined });
    try {
      return await work(node);
    } finally {
      await node.close();
    }
  }

  /** What a server would have written of phones; of each what differs from one that was heard now. */
  believe(...beliefs: readonly Partial<StoredBelief>[]): void {
    const writer = openBeliefs(join(this.data, 'beliefs.sqlite'));
    writer.save(
      beliefs.map((belief) => ({
        name: '',
        pairs: [],
        address: '10.0.0.1',
        heardMs: Date.now(),
        deliveries: [],
        provedMs: undefined,
        unansweredConfigs: 0,
        gap: 0,
        ...belief,
      })),
      [],
    );
    writer.close();
  }

  /** The lists in force by their hashes, as a phone that took them holds them. */
  pair(): Promise<PairKey> {
    return this.with(async ({ store }) => {
      const lists = await store.currentLists();
      const of = (kind: 'itl' | 'ctl') => lists.find((list) => list.kind === kind)?.sha256 ?? '';
      return pairKey({ ctl: of('ctl'), itl: of('itl') });
    });
  }

  lists(): Promise<{ readonly itl: Uint8Array; readonly ctl: Uint8Array | undefined }> {
    return this.with(async ({ store }) => {
      const lists = await store.currentLists();
      const of = (kind: 'itl' | 'ctl') => lists.find((list) => list.kind === kind)?.bytes;
      return { itl: of('itl') ?? new Uint8Array(), ctl: of('ctl') };
    });
  }

  sign(fileName: string, text: string): Promise<Uint8Array> {
    return this.with(async (node) => {
      const content = Uint8Array.from(Buffer.from(text));
      return (await signContent(node, { fileName, content, contentSeconds: 0 })).bytes;
    });
  }

  /** What a phone of this cluster would hear from its TVS now. */
  tvs(): Promise<NonNullable<PhoneTrust['tvs']>> {
    return this.with(async ({ store, crypto }) => {
      const rows = await store.listCertificates();
      const server = rows.find(({ purpose }) => purpose === 'tvs')?.der ?? new Uint8Array();
      const snapshot = takeSnapshot(crypto, rows, this.node, Date.now());
      return (issuer, serial): TvsAnswer => {
        const asked = {
          command: 'query-request',
          session: 0,
          device: 'SEP001122334455',
          subject: '',
        } as const;
        const { vouched } = answerTvs(snapshot, { ...asked, issuer, serial }).response;
        const named = vouched !== undefined && 'certificate' in vouched ? vouched : undefined;
        return named === undefined ? { kind: 'refused', server } : { kind: 'vouched', server, ...named };
      };
    });
  }

  /** A phone of this cluster boots behind `proxy`: its own lists and configuration, and the proxy's ring list. */
  async boot(
    proxy: Member,
    held?: PhoneState,
  ): Promise<{ state: PhoneState; ringlist: FileVerdict | undefined }> {
    const name = 'SEP001122334455';
    const { itl, ctl } = await this.lists();
    const config = `<device><deviceName>${name}</deviceName></device>\n`;
    const files = new Map<string, Uint8Array | undefined>([
      ['ITLFile.tlv', itl],
      ['CTLFile.tlv', ctl],
      [`${name}.cnf.xml`, Uint8Array.from(Buffer.from(config))],
      [`${name}.cnf.xml.sgn`, await this.sign(`${name}.cnf.xml.sgn`, config)],
      ['Ringlist.xml.sgn', await proxy.sign('Ringlist.xml.sgn', '<CiscoIPPhoneRingList/>\n')],
    ]);
    const tvs = await this.tvs();
    const verdicts: FileVerdict[] = [];
    const result = await this.with(({ crypto }) =>
      bootPhone({
        crypto,
        state: held ?? newPhone(name),
        async fetch(file) {
          const bytes = files.get(file);
          return bytes === undefined ? { kind: 'not-found' } : { kind: 'bytes', bytes };
        },
        askTvs: async ({ issuer, serial }) => tvs(issuer, serial),
        nowSeconds: () => Math.floor(Date.now() / 1000),
        report: (verdict) => verdicts.push(verdict),
      }),
    );
    return { state: result.state, ringlist: verdicts.find((verdict) => verdict.name === 'Ringlist.xml.sgn') };
  }
}

/** A folder in the world, and a file in it. */
export function fileIn({ world }: Enterprise, name: string, content: string | Uint8Array): string {
  const path = join(world, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
