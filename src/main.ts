#!/usr/bin/env node
/** argv in, exit status out. Everything heavy is loaded by the command that needs it. */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  // Said before anything is imported that an older Node cannot even parse.
  process.stderr.write(
    `tftp-pki: error: Node ${process.versions.node} is too old; 20.19 or later is needed\n` +
      'tftp-pki: hint: https://nodejs.org has it, and so has Debian 13\n',
  );
  process.exitCode = 3;
} else {
  const { runProgram } = await import('./cli/program.ts');
  // Not process.exit(): what is still in a pipe must leave first.
  process.exitCode = await runProgram(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onSignal: (signal, listener) => void process.on(signal, listener),
  });
}
