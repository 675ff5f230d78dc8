/**
 * Runs once before all tests. `npm test` installs and builds first (tools/set-up.mjs); a plain `vitest run`
 * does not, and tests of the built program would then speak about an older one.
 */
import { isBuilt } from '../../tools/build.mjs';

export default function setup(): void {
  if (isBuilt() || process.env['TFTP_PKI_MAIN'] !== undefined) return;
  const advice = 'dist is not the build of these sources: npm run build';
  if (process.env['CI'] !== undefined) throw new Error(advice);
  console.warn(`tests: ${advice}`);
}
