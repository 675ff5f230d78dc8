/**
 * `npm start`: a mixed-mode cluster on loopback from nothing, kept under var/quickstart between runs.
 *   npm start [-- --tftp ADDR:PORT] [--http ADDR:PORT] [--data DIR]
 * The same by environment: TFTP_PKI_TFTP, TFTP_PKI_HTTP, TFTP_PKI_DATA. Options win.
 * It only calls the product's own commands, so everything it does can be done by hand.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { entry, root } from './build.mjs';
import { orStop, setUp, SetUpError } from './set-up.mjs';

const clusterId = 'quickstart';
const devices = [
  ['SEP001122334455', '1=1001'],
  ['SEP001122334466', '1=1002'],
];

orStop(() => setUp('start'));
const { tftp, http, data } = orStop(readOptions);
if (!existsSync(data)) orStop(createCluster);
introduce();
// In this process, so that Ctrl-C and the exit status are the server's own.
process.argv = [process.execPath, entry, 'serve', '--tftp', tftp, '--http', http, '--data', data];
await import(pathToFileURL(entry).href);

function readOptions() {
  const string = { type: 'string' };
  let given;
  try {
    given = parseArgs({ options: { tftp: string, http: string, data: string } }).values;
  } catch (error) {
    throw new SetUpError(`${error.message}. npm start -- [--tftp ADDR:PORT] [--http ADDR:PORT] [--data DIR]`);
  }
  return {
    tftp: given.tftp ?? process.env.TFTP_PKI_TFTP ?? '127.0.0.1:6969',
    http: given.http ?? process.env.TFTP_PKI_HTTP ?? '127.0.0.1:6970',
    data: resolve(given.data ?? process.env.TFTP_PKI_DATA ?? join(root, 'var', clusterId)),
  };
}

/** Under another name first: a folder of the final name is complete, whenever the power went. */
function createCluster() {
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(data), { recursive: true });
  const files = join(root, 'examples', 'provisioning');
  run(
    'init',
    '--cluster',
    clusterId,
    '--node',
    'localhost',
    '--mode',
    'mixed',
    '--files',
    files,
    '--data',
    unfinished,
  );
  for (const [name, line] of devices)
    run('add-device', name, '--model', 'CP-8851', '--protocol', 'SIP', '--line', line, '--data', unfinished);
  renameSync(unfinished, data);
}

function run(...args) {
  const done = spawnSync(process.execPath, [entry, ...args], { cwd: root, encoding: 'utf8' });
  if (done.status !== 0)
    throw new SetUpError(`tftp-pki ${args[0]} ended ${done.status}\n${done.stderr}`.trim());
}

function introduce() {
  const [tftpHost, tftpPort] = hostAndPort(tftp);
  const at = relative(process.cwd(), data) || data;
  const device = devices[0][0];
  console.log(`tftp-pki quickstart: cluster ${clusterId}, mixed mode, ${devices.length} example devices, data in ${at}
  TFTP ${tftp}   HTTP ${http}   files from examples/provisioning   Ctrl-C ends

Try in another terminal:
  curl tftp://${tftpHost}:${tftpPort}/Ringlist.xml
  npx tftp-pki show-itl --data ${at}
  npx tftp-pki boot-phone ${device} --server ${tftp} --http ${http} --state var/${device}
`);
}

function hostAndPort(address) {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at), address.slice(at + 1)];
}
