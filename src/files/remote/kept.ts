/**
 * What was relayed and is given again without asking: files that carry no device's name for a moment, firmware for a
 * day (it is named by its version), a device's own file as long as a network file system would hide a change. Large
 * files stay on disk in quarantine, and leave it when their time is over or room is needed.
 */
import { LRUCache } from 'lru-cache';
import {
  relayedBytesKeptMax,
  relayedCommonFreshMs,
  relayedDeviceFreshMs,
  relayedFileGivenMs,
  relayedFirmwareFreshMs,
} from '../../base/limits.ts';
import type { ClusterId, RemoteAnswer } from '../../core/cluster/remote.ts';
import type { FileName } from '../../core/files/file-name.ts';
import { contentSize } from '../../core/files/resolution.ts';
import type { QuarantinedFile } from '../../core/ports.ts';

export type HaveAnswer = Extract<RemoteAnswer, { kind: 'have' }>;

interface Kept {
  readonly answer: HaveAnswer;
  readonly file: QuarantinedFile;
  readonly freshUntilMs: number;
  givenMs: number;
}

export class KeptFiles {
  readonly #memory = new LRUCache<string, Kept>({
    maxSize: relayedBytesKeptMax,
    sizeCalculation: ({ answer }) => 512 + contentSize(answer.content),
    dispose: ({ file }) => file.discard(),
  });
  /** In the order in which they were given last. */
  readonly #disk = new Map<string, Kept>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get(cluster: ClusterId, name: string): HaveAnswer | undefined {
    const key = keyOf(cluster, name);
    const nowMs = this.#nowMs();
    const kept = this.#memory.get(key) ?? this.#disk.get(key);
    if (kept === undefined || kept.freshUntilMs <= nowMs) return undefined;
    kept.givenMs = nowMs;
    if (this.#disk.delete(key)) this.#disk.set(key, kept);
    return kept.answer;
  }

  /** From now on the file is ours to discard. */
  keep(cluster: ClusterId, name: FileName, answer: HaveAnswer, file: QuarantinedFile): void {
    const nowMs = this.#nowMs();
    const kept: Kept = { answer, file, freshUntilMs: nowMs + freshMs(name), givenMs: nowMs };
    const key = keyOf(cluster, name.asked);
    if (answer.content.kind === 'memory') {
      this.#memory.set(key, kept);
      return;
    }
    this.#disk.get(key)?.file.discard();
    this.#disk.set(key, kept);
  }

  /** Frees what nobody was given lately: what is out of date, or, for want of room, the oldest as well. */
  makeRoom(anything: boolean): void {
    const nowMs = this.#nowMs();
    for (const [key, { file, freshUntilMs, givenMs }] of this.#disk) {
      if (nowMs - givenMs < relayedFileGivenMs || (freshUntilMs > nowMs && !anything)) continue;
      file.discard();
      this.#disk.delete(key);
    }
  }

  /** The lists of the cluster changed: what was judged by the old ones is judged again. */
  forget(cluster: ClusterId): void {
    for (const key of this.#memory.keys()) if (key.startsWith(`${cluster}\n`)) this.#memory.delete(key);
    for (const [key, kept] of this.#disk)
      if (key.startsWith(`${cluster}\n`) && kept.answer.judgement !== undefined)
        this.#disk.set(key, { ...kept, freshUntilMs: 0 });
  }

  close(): void {
    this.#memory.clear();
    for (const { file } of this.#disk.values()) file.discard();
    this.#disk.clear();
  }
}

function keyOf(cluster: ClusterId, name: string): string {
  return `${cluster}\n${name}`;
}

function freshMs({ kind, device }: FileName): number {
  if (kind === 'firmware') return relayedFirmwareFreshMs;
  return device === undefined ? relayedCommonFreshMs : relayedDeviceFreshMs;
}
