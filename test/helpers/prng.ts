/** The program's seeded generator, with what tests make of it. */
import { seeded, type Random } from '../../src/sim/seeded.ts';

export { seeded, type Random };

export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random() * 256;
  return bytes;
}
