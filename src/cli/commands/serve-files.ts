import { Failure } from '../../base/errors.ts';
import type { GivenSetting } from '../../config/source.ts';
import type { RunningNode, ServeOptions as NodeServeOptions } from '../../node/serve.ts';
import type { CommandContext } from '../command.ts';
import { defineCommand } from '../command.ts';
import { nodeOptions } from '../node.ts';
import type { Output, Terminal } from '../output.ts';

const sameSignalMs = 1_000;

interface ServeOptions {
  readonly root?: string;
  readonly tftp?: readonly string[];
  readonly http?: readonly string[];
  readonly https?: readonly string[];
  readonly tvs?: readonly string[];
  readonly engine?: string;
  readonly ports?: string;
  readonly user?: string;
}

export const serveFiles = defineCommand<ServeOptions>({
  name: 'serve',
  topic: 'Node',
  summary: 'serve phones by TFTP and HTTP until it is stopped',
  description: [
    'With --data it serves the node: its provisioning directory, its lists, and every file signed on demand. ' +
      'With --root it serves a directory as it is: no data folder, no signing, and only what the options name listens.',
    'Options win over the environment (TFTP_PKI_TFTP_LISTEN, …), that over tftp-pki.yaml in the data folder. ' +
      'SIGHUP reads the configuration again; a broken one keeps the old one in force. Ctrl-C ends cleanly.',
    'The log goes to stderr, one line per event; with --json to stdout, one JSON object per line.',
  ],
  options: [
    { flags: '--root <DIR>', description: 'serve this directory, without a data folder' },
    { flags: '--tftp <ADDR:PORT>', description: 'listen for TFTP', many: true },
    { flags: '--http <ADDR:PORT>', description: 'listen for HTTP', many: true },
    { flags: '--https <ADDR:PORT>', description: 'listen for HTTPS, with --data', many: true },
    {
      flags: '--tvs <ADDR:PORT>',
      description: 'run the Trust Verification Service there, with --data',
      many: true,
    },
    {
      flags: '--engine <ENGINE>',
      description: 'packet engine; mmsg is Linux only and faster, auto takes the better one',
      choices: ['auto', 'mmsg', 'dgram'],
    },
    {
      flags: '--ports <PORTS>',
      description:
        '"single" answers from the port that was asked, which passes NAT; LO-HI gives each transfer a port',
    },
    { flags: '--user <NAME>', description: 'started as root: become this user when the sockets are bound' },
  ],
  examples: [
    { says: 'a node', command: 'tftp-pki serve --data /var/lib/tftp-pki' },
    {
      says: 'on other ports',
      command: 'tftp-pki serve --tftp 127.0.0.1:6969 --http 127.0.0.1:6970 --data ./lab',
    },
    { says: 'a directory, unsigned', command: 'tftp-pki serve --root /srv/tftp --tftp [::]:69' },
  ],
  async run(context, _, options) {
    const { serve } = await import('../../node/serve.ts');
    const { output, terminal } = context;
    // Listened to from here on: a Ctrl-C while the node starts stops it once it has started, cleanly.
    const stopped = untilStopped(terminal);
    const running = await asUsage(() =>
      serve({
        node: nodeOf(context, options),
        settings: settingsOf(options, output.json),
        environment: terminal.env,
        user: options.user,
        logTo: output.json ? 'stdout' : 'stderr',
      }),
    );
    terminal.onSignal('SIGHUP', () => void reload(output, running));
    await stopped;
    await running.close();
    return 0;
  },
});

function nodeOf(context: CommandContext, { root, https, tvs }: ServeOptions): NodeServeOptions['node'] {
  const { global, terminal } = context;
  if (root === undefined) return nodeOptions(context);
  if (global.dataDir !== undefined && global.dataDir !== terminal.env['TFTP_PKI_DATA'])
    throw new Failure(
      'usage',
      '--root serves a directory without a data folder; give one of --root and --data',
    );
  if (https !== undefined)
    throw new Failure('usage', '--https needs the certificate of a node; give --data instead of --root');
  if (tvs !== undefined)
    throw new Failure('usage', '--tvs needs the certificates of a node; give --data instead of --root');
  return undefined;
}

function settingsOf(
  { root, tftp, http, https, tvs, engine, ports }: ServeOptions,
  json: boolean,
): readonly GivenSetting[] {
  // Without a configuration nothing listens that was not asked for.
  const unless = root === undefined ? undefined : [];
  const settings: readonly GivenSetting[] = [
    { place: '--root', path: ['files', 'root'], value: root },
    { place: '--tftp', path: ['tftp', 'listen'], value: tftp ?? unless },
    { place: '--http', path: ['http', 'listen'], value: http ?? unless },
    { place: '--https', path: ['https', 'listen'], value: https },
    { place: '--tvs', path: ['tvs', 'listen'], value: tvs },
    { place: '--engine', path: ['tftp', 'engine'], value: engine },
    { place: '--ports', path: ['tftp', 'ports'], value: ports },
    { place: '--json', path: ['log', 'format'], value: json ? 'json' : undefined },
  ];
  return settings.filter(({ value }) => value !== undefined);
}

/** A wrong value of an option is usage, though the configuration's schema found it. */
async function asUsage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== 'config-invalid') throw thrown;
    if (!thrown.message.split('\n').every((line) => line.startsWith('--'))) throw thrown;
    throw new Failure('usage', thrown.message, { cause: thrown });
  }
}

/**
 * Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. Not within a second: npm passes on
 * the Ctrl-C that the terminal has given to its whole process group already, so that one arrives twice.
 */
async function untilStopped(terminal: Terminal): Promise<void> {
  await new Promise<void>((resolve) => {
    let stoppingSinceMs: number | undefined;
    const stop = (): void => {
      if (stoppingSinceMs !== undefined && performance.now() - stoppingSinceMs > sameSignalMs)
        process.exit(1);
      stoppingSinceMs ??= performance.now();
      resolve();
    };
    terminal.onSignal('SIGINT', stop);
    terminal.onSignal('SIGTERM', stop);
  });
}

async function reload(output: Output, running: RunningNode): Promise<void> {
  try {
    await running.reload();
    output.note('the configuration was read again');
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    output.failure(thrown);
    output.warn('the old configuration stays in force');
  }
}
