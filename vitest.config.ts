import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Of 20 seconds and more, the longest first: a core that has nothing left to do waits for no long one. */
const longest = [
  'cli/scripts',
  'sim/no-phone-stranded',
  'integration/renew-on-any-node',
  'integration/guided-rotation',
  'integration/several-administrators',
  'fuzz/mixed-load',
  'faults/crash-points',
  'unit/core/trust/mutants',
  'integration/docs-trust',
  'integration/several-nodes-outage',
  'conformance/edge-rules',
  'integration/proxy-phones',
  'integration/bulk-cuts',
  'integration/mmsg-impaired',
  'integration/one-life',
  'conformance/edge',
  'faults/failing-disk',
  'integration/bulk-size',
  'integration/strand-guard',
  'integration/serve-process',
  'unit/core/trust/generated-lists',
  'interop/bulk-story',
  'integration/stranding-nodes',
  'interop/proxy-story',
].map((name) => `/test/${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? longest.length : at;
    };
    return Promise.resolve(files.toSorted((a, b) => rank(a) - rank(b)));
  }
}

/** What needs no program, socket or folder of its own; a test of speed wants a process to itself. */
const units = ['test/unit/**/*.test.ts', 'test/meta/**/*.test.ts', 'test/sim/**/*.test.ts'];
const speed = 'test/unit/core/trust/strand-speed.test.ts';

export default defineConfig({
  test: {
    globalSetup: ['test/helpers/global-setup.ts'],
    setupFiles: ['test/helpers/overhear.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'programs',
          include: ['test/!(unit|meta|sim)/**/*.test.ts', speed],
          // They wait for each other and for timers: three keep the two cores busy that CI has.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: units,
          exclude: [...configDefaults.exclude, speed],
          // A file takes milliseconds, a process for it and what it imports half a second.
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
