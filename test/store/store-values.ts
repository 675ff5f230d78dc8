/** Values the store's tests write, apart from the test framework: the other process imports them too. */
import type { AuditEntry } from '../../src/core/audit/audit-chain.ts';
import type { Cluster, ClusterNode, Device, PublishedList } from '../../src/core/cluster/model.ts';
import { createVerifier } from '../../src/pki/verifier.ts';

export const crypto = createVerifier();
export const cluster: Cluster = { id: 'alpha', mode: 'mixed', hash: 'sha1', createdMs: 1_790_000_000_123 };
export const node: ClusterNode = { name: 'cucm-a.example', createdMs: 1_790_000_000_123 };

export const audit: AuditEntry = {
  atMs: 1_790_000_000_999,
  who: 'tester',
  operation: 'test',
  detail: { why: 'a line\nand a "quote"' },
};

export function device(name: string, more: Partial<Device> = {}): Device {
  return {
    name,
    model: 'CP-8851',
    protocol: 'SIP',
    security: 'none',
    lines: [],
    certificateDer: undefined,
    addedMs: 1_790_000_000_456,
    ...more,
  };
}

export function list(kind: 'itl' | 'ctl', content: string): Omit<PublishedList, 'generation'> {
  return {
    kind,
    node: node.name,
    bytes: Uint8Array.from(Buffer.from(content)),
    signer: 'ab'.repeat(32),
    sha256: 'cd'.repeat(32),
    timestamp: 4_000_000_000,
    publishedMs: 1_790_000_000_789,
  };
}
