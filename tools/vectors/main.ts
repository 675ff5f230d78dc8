/**
 * Writes the bytes of the trust vectors: `tsx tools/vectors/main.ts`. The verdicts beside them (*.yaml) are written by
 * hand. Deterministic: the same keys give the same bytes (test/unit/core/trust/vectors-fresh.test.ts).
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { vectorFolders } from './folders.ts';

for (const { folder, vectors } of vectorFolders) {
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) if (old.endsWith('.bin')) rmSync(new URL(old, folder));
  for (const [name, build] of Object.entries(vectors)) writeFileSync(new URL(`${name}.bin`, folder), build());
}
