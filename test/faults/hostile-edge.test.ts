/** The edge is what the network reaches; here it is in an attacker's hands (design.md §2, security.md §4). */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Event } from '../../src/base/events.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Resolution } from '../../src/core/files/resolution.ts';
import type { Resolver } from '../../src/core/ports.ts';
import { startBack, type Back } from '../../src/node/back.ts';
import { attachEdge } from '../../src/node/edge-supervisor.ts';
import { createNode, openNode, type OpenNode } from '../../src/node/open-node.ts';

const folder = mkdtempSync(join(tmpdir(), 'tftp-pki-hostile-'));
const files = mkdtempSync(join(tmpdir(), 'tftp-pki-files-'));
const config = parseConfig({ text: `files: { root: ${files} }` });
let node: OpenNode;
let back: Back;

beforeAll(async () => {
  writeFileSync(join(files, 'Ringlist.xml'), '<CiscoIPPhoneRingList/>');
  const options = { dataDir: join(folder, 'data'), passphraseFile: undefined };
  const request = {
    clusterId: 'lab',
    nodeName: 'tftp.example',
    mode: 'mixed',
    hash: 'sha1',
    by: 'test',
  } as const;
  await createNode(options, { ...request, filesRoot: files });
  node = await openNode(options);
  back = await startBack({ node, config, onEvent: () => undefined, onChange: () => undefined });
}, 60_000);

afterAll(async () => {
  back.close();
  await node.close();
  for (const path of [folder, files]) rmSync(path, { recursive: true });
});

interface Played {
  readonly child: ChildProcess;
  readonly events: Event[];
  /** What the edge asked and what it was told, in order. */
  readonly told: { readonly name: string; readonly resolution: Resolution }[];
  readonly ended: Promise<string>;
}

function play(mode: string): Played {
  const told: Played['told'] = [];
  const events: Event[] = [];
  const resolver: Resolver = {
    async resolve(request) {
      const resolution = await back.resolve(request);
      told.push({ name: request.name, resolution });
      return resolution;
    },
  };
  const child = fork(fileURLToPath(new URL('./hostile-edge.mjs', import.meta.url)), [mode], {
    serialization: 'advanced',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const given = { config, identity: undefined, sockets: undefined, renewing: false };
  const settings = { ...given, logTo: 'stderr' as const };
  const edge = attachEdge(child, {
    settings,
    resolver,
    onEvent: (event) => events.push(event),
    onHeard: () => undefined,
  });
  edge.started.catch(() => undefined);
  return { child, events, told, ended: edge.ended };
}

describe('an edge in the hands of an attacker', () => {
  it('obtains signatures over files of the provisioning directory and nothing else', async () => {
    const { told } = play('asks');
    const outcome = (name: string) => told.find((answer) => answer.name === name)?.resolution;
    await vi.waitFor(() => expect(outcome('Ringlist.xml.sgn')).toBeDefined(), 10_000);
    await vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(10), 10_000);
    for (const name of ['evil.xml.sgn', '../keys/evil.xml.sgn', 'ITLFile.tlv.sgn', 'Ringlist.xml.sgn.sgn'])
      expect(outcome(name)?.kind, name).toBe('not-found');
    expect(outcome('Ringlist.xml.sgn')).toMatchObject({ kind: 'served', by: 'signed' });
    const served = told.flatMap(({ resolution }) =>
      resolution.kind === 'served' && resolution.content.kind === 'memory' ? [resolution.content.bytes] : [],
    );
    for (const bytes of served) expect(Buffer.from(bytes).includes('evil')).toBe(false);
  });

  it.each(['sign', 'resolution', 'name-object', 'long-name', 'wrong-port', 'not-a-record'])(
    'is ended when it says what the protocol does not know: %s',
    async (mode) => {
      const { ended, events, told } = play(mode);
      expect(await ended).toBe('SIGKILL');
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'warning',
          topic: 'edge',
          message: expect.stringContaining('protocol'),
        }),
      );
      expect(told).toEqual([]);
    },
  );
});
