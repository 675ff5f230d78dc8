#!/usr/bin/env node
/** argv in, exit status out. Everything heavy is loaded by the command that needs it. */
import { runProgram } from './cli/program.ts';

const status = await runProgram(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  onSignal: (signal, listener) => void process.on(signal, listener),
});
// Not process.exit(): what is still in a pipe must leave first.
process.exitCode = status;
