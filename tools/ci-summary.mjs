/**
 * Sums vitest's report and the exit statuses of `npm test` and `npm run check` into the last line of CI.
 * usage: node tools/ci-summary.mjs REPORT.json TEST_STATUS CHECK_STATUS
 */
import { readFileSync } from 'node:fs';

const [reportFile, testStatus, checkStatus] = process.argv.slice(2);
const { passed, failures } = readReport();

// What vitest counts as no test's failure: set-up, an import, an unhandled rejection, a time-out of the whole run.
if (testStatus !== '0' && failures.length === 0) failures.push(`npm test ended ${testStatus}`);
if (testStatus === '0' && passed === 0) failures.push('no test ran');
if (checkStatus !== '0') failures.push(`npm run check ended ${checkStatus}`);

for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed + (checkStatus === '0' ? 1 : 0)} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** @returns {{ passed: number, failures: string[] }} */
function readReport() {
  /** @type {{ passed: number, failures: string[] }} */
  const counted = { passed: 0, failures: [] };
  const text = readFileSync(reportFile, 'utf8');
  if (text === '') return counted;
  for (const file of JSON.parse(text).testResults) {
    if (file.assertionResults.length === 0)
      counted.failures.push(`${file.name}: ${file.message || 'no tests'}`);
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counted.passed += 1;
      else counted.failures.push(`${test.status}: ${file.name} > ${test.fullName}`);
    }
  }
  return counted;
}
