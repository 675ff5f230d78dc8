import { Failure } from '../../base/errors.ts';
import { blksizeMax, blksizeMin, fetchedFileBytesMax, windowsizeMax } from '../../base/limits.ts';
import { defineCommand } from '../command.ts';
import { formatEndpoint, parseCountWithin, parseEndpoint } from '../words.ts';
import { outputOption, writeOutput } from '../write-output.ts';

interface GetOptions {
  readonly http?: boolean;
  readonly blksize?: number;
  readonly windowsize?: number;
  /** False under --no-options. */
  readonly options: boolean;
  readonly netascii?: boolean;
  readonly output?: string;
}

export const getFile = defineCommand<GetOptions>({
  name: 'get',
  topic: 'Phones',
  summary: 'fetch one file by TFTP or HTTP, as a phone does',
  description: [
    'Asks HOST (port 69, or 6970 with --http, unless another is named) for NAME and writes what comes. ' +
      'A file is written whole or not at all. Exits 1 when the server has no such file, 4 when it does not answer.',
  ],
  arguments: [
    {
      syntax: '<server>',
      description: 'HOST[:PORT]; an IPv6 address with a port stands in brackets, as in [::1]:69',
    },
    { syntax: '<name>', description: 'the file, exactly as it is asked for' },
  ],
  options: [
    outputOption,
    { flags: '--http', description: 'by HTTP instead of TFTP' },
    {
      flags: '--blksize <BYTES>',
      description: 'TFTP block size to ask for (RFC 2348; default: 1428)',
      parse: parseCountWithin(blksizeMin, blksizeMax),
    },
    {
      flags: '--windowsize <BLOCKS>',
      description: 'TFTP window to ask for (RFC 7440; default: 8)',
      parse: parseCountWithin(1, windowsizeMax),
    },
    { flags: '--no-options', description: 'plain RFC 1350, without any option' },
    { flags: '--netascii', description: 'netascii instead of octet: lines end with LF here' },
  ],
  examples: [
    { says: 'look at a file', command: 'tftp-pki get 192.0.2.10 SEP001122334455.cnf.xml' },
    { says: 'keep a trust list', command: 'tftp-pki get [2001:db8::10]:69 ITLFile.tlv -o ITLFile.tlv' },
    { says: 'by HTTP', command: 'tftp-pki get 192.0.2.10:6970 Ringlist.xml.sgn --http -o Ringlist.xml.sgn' },
  ],
  async run({ output }, [server = '', name = ''], options) {
    const { host, port } = parseEndpoint(server, options.http === true ? 6970 : 69);
    if (name === '') throw new Failure('usage', 'the name is empty');
    const started = performance.now();
    const bytes = await (options.http === true ? getByHttp : getByTftp)(host, port, name, options);
    await writeOutput(output, options.output, bytes, {
      server: formatEndpoint(host, port),
      name,
      transport: options.http === true ? 'http' : 'tftp',
      durationMs: Math.round(performance.now() - started),
    });
    return 0;
  },
});

async function getByHttp(host: string, port: number, name: string, options: GetOptions): Promise<Uint8Array> {
  const ofTftp =
    options.netascii === true ||
    !options.options ||
    options.blksize !== undefined ||
    options.windowsize !== undefined;
  if (ofTftp)
    throw new Failure(
      'usage',
      '--blksize, --windowsize, --no-options and --netascii are of TFTP, not of HTTP',
    );
  const { fetchHttp } = await import('../../net/http-client.ts');
  return fetchHttp({ host, port, name });
}

async function getByTftp(host: string, port: number, name: string, options: GetOptions): Promise<Uint8Array> {
  const { fetchTftp } = await import('../../net/tftp-client.ts');
  const { blksize, windowsize } = options;
  return fetchTftp({
    host,
    port,
    name,
    sizeBytesMax: fetchedFileBytesMax,
    ...(options.netascii === true && { mode: 'netascii' }),
    ...(options.options
      ? { ...(blksize !== undefined && { blksize }), ...(windowsize !== undefined && { windowsize }) }
      : { blksize: null, windowsize: null, tsize: false }),
  });
}
