import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/errors.ts';
import { loadConfig, parseConfig } from '../../../src/config/load.ts';
import type { ConfigSources } from '../../../src/config/load.ts';
import { renderJsonSchema, renderReference } from '../../../src/config/reference.ts';

/** The lines of the Failure that this configuration ends in. */
function problems(text: string, sources: ConfigSources = {}): readonly string[] {
  try {
    parseConfig({ file: '/srv/tftp-pki.yaml', text, ...sources });
  } catch (error) {
    if (error instanceof Failure && error.code === 'config-invalid') return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('a broken file is answered with file:line:column and what is allowed', () => {
  it.each([
    ['tftp:\n  engine: fast', '2:11: tftp.engine must be one of auto, mmsg, dgram, not "fast"'],
    ['tftp:\n  blksizeMax: 4', '2:15: tftp.blksizeMax must be a whole number from 8 to 65464, not 4'],
    [
      'tftp:\n  blksizeMax: 1e3.5',
      '2:15: tftp.blksizeMax must be a whole number from 8 to 65464, not "1e3.5"',
    ],
    ['tftp:\n  windowsizeMax: 65', '2:18: tftp.windowsizeMax must be a whole number from 1 to 64, not 65'],
    ['tftp:\n  dscp: 64', '2:9: tftp.dscp must be a whole number from 0 to 63, not 64'],
    ['tftp:\n  ports: 9-5', '2:10: tftp.ports must be single or a range such as 50000-50999, not "9-5"'],
    [
      'tftp:\n  listen: [localhost:69]',
      '2:12: tftp.listen.0 must be ADDRESS:PORT, such as 0.0.0.0:69 or [::1]:69, not "localhost:69"',
    ],
    [
      'tftp:\n  allow:\n    - 10.0.0.1/8',
      '3:7: tftp.allow.0 must be a network such as 10.0.0.0/8 or fd00::/8, its host bits zero, not "10.0.0.1/8"',
    ],
    ['tftp:\n  lisen: []', '2:3: there is no setting tftp.lisen; did you mean listen?'],
    ['tftp: 3', '1:7: tftp must be a group of settings, not 3'],
    [
      'nothing: 1',
      '1:1: there is no setting nothing; allowed are tftp, http, https, tvs, metrics, files, proxy, node, database, log, keys, risk',
    ],
    ['- a', '1:1: the configuration must be a group of settings, not ["a"]'],
    [
      'metrics: { listen: "0.0.0.0:9" }',
      '1:20: metrics.listen must be a loopback address and a port, such as 127.0.0.1:9169, not "0.0.0.0:9"',
    ],
    ['files:\n  caseInsensitive: yes', '2:20: files.caseInsensitive must be true or false, not "yes"'],
    [
      'files:\n  rewrite:\n    - match: a\n      to: "{1}"',
      '4:11: files.rewrite.0.to must be a valid rule: {1} refers to nothing: match has 0 wildcards, not "{1}"',
    ],
    ['files:\n  rewrite:\n    - to: a', '3:7: files.rewrite.0.match must be text, it is missing'],
    [
      'files:\n  alternates: [a,b,c,d,e,f,g,h,i,j,k]',
      '2:15: files.alternates must be a list of at most 10, not ["a","b","c","d","e","f","g","h","i","j","k"]',
    ],
    ['log:\n  level: loud', '2:10: log.level must be one of error, warn, info, debug, not "loud"'],
    ['log:\n  level: info\n  level: debug', '3:3: Map keys must be unique'],
    ['log: {}\n---\nlog: {}', '2:1: only one document is allowed'],
  ])('%j', (text, expected) => {
    expect(problems(text)).toEqual([`/srv/tftp-pki.yaml:${expected}`]);
  });

  it('tells all problems at once', () => {
    expect(problems('tftp:\n  engine: x\nlog:\n  format: y\nbogus: 1')).toHaveLength(3);
  });

  it('bounds what aliases may multiply', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `  a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]`,
    );
    const bomb = `x:\n  a0: &a0 [1]\n${levels.join('\n')}`;
    expect(problems(bomb)).toHaveLength(1);
  });

  it('escapes what a value holds', () => {
    expect(problems('log: { level: "\\e[2J" }')[0]).not.toContain('\u001b');
  });
});

describe('where settings come from', () => {
  it('an empty file is all defaults', () => {
    for (const text of ['', '# nothing\n', 'tftp:\n  limits:\n', '{}']) {
      expect(parseConfig({ text })).toEqual(parseConfig({}));
    }
    expect(parseConfig({})).toMatchObject({
      tftp: {
        listen: [{ address: '0.0.0.0', port: 69 }],
        ports: 'single',
        engine: 'auto',
        windowsizeMax: 64,
      },
      http: { listen: [{ address: '0.0.0.0', port: 6970 }] },
      https: { listen: [] },
      files: { caseInsensitive: true, alternates: [] },
      log: { level: 'info', format: 'human' },
    });
  });

  it('options win over the environment, that over the file', () => {
    const text = 'tftp:\n  dscp: 1\n  blksizeMax: 1000\n  windowsizeMax: 8\n';
    const environment = { TFTP_PKI_TFTP_DSCP: '2', TFTP_PKI_TFTP_BLKSIZE_MAX: '1428', HOME: '/root' };
    const options = [{ path: ['tftp', 'dscp'], value: 3, place: '--dscp' }];
    expect(parseConfig({ text, environment, options }).tftp).toMatchObject({
      dscp: 3,
      blksizeMax: 1428,
      windowsizeMax: 8,
    });
  });

  it('takes lists, ranges and flags from the environment', () => {
    const environment = {
      TFTP_PKI_TFTP_LISTEN: '127.0.0.1:0, [::1]:6969',
      TFTP_PKI_TFTP_PORTS: '50000-50999',
      TFTP_PKI_FILES_CASE_INSENSITIVE: 'false',
      TFTP_PKI_HTTP_LISTEN: '',
      TFTP_PKI_METRICS_LISTEN: '[::1]:9169',
    };
    expect(parseConfig({ environment })).toMatchObject({
      tftp: {
        listen: [
          { address: '127.0.0.1', port: 0 },
          { address: '::1', port: 6969 },
        ],
        ports: { low: 50_000, high: 50_999 },
      },
      files: { caseInsensitive: false },
      http: { listen: [] },
      metrics: { listen: { address: '::1', port: 9169 } },
    });
  });

  it('names the variable or the option that is wrong', () => {
    const options = [{ path: ['tftp', 'listen'], value: ['here'], place: '--tftp' }];
    expect(problems('', { environment: { TFTP_PKI_LOG_LEVEL: 'loud' }, options })).toEqual([
      '--tftp: tftp.listen.0 must be ADDRESS:PORT, such as 0.0.0.0:69 or [::1]:69, not "here"',
      'TFTP_PKI_LOG_LEVEL: log.level must be one of error, warn, info, debug, not "loud"',
    ]);
    expect(problems('', { environment: { TFTP_PKI_LOG_LEVL: 'info' } })).toEqual([
      'TFTP_PKI_LOG_LEVL: there is no such setting; did you mean TFTP_PKI_LOG_LEVEL?',
    ]);
    expect(problems('', { environment: { TFTP_PKI_FILES_REWRITE: 'a' } })).toEqual([
      'TFTP_PKI_FILES_REWRITE: files.rewrite can be set in the file only',
    ]);
  });

  it('leaves variables that are no settings to their owners', () => {
    expect(problems('', { environment: { TFTP_PKI_DATA: '/x', TFTP_PKI_TEST: '1', PATH: '/bin' } })).toEqual(
      [],
    );
  });

  it('reads paths from the folder of the file, and those of options from here', () => {
    const file = '/srv/node/tftp-pki.yaml';
    const text = 'files:\n  root: files\n  alternates: [/abs, more]\n';
    expect(parseConfig({ file, text }).files).toMatchObject({
      root: '/srv/node/files',
      alternates: ['/abs', '/srv/node/more'],
    });
    const options = [{ path: ['files', 'root'], value: 'files', place: '--root' }];
    expect(parseConfig({ file, text, options }).files.root).toBe(join(process.cwd(), 'files'));
  });
});

it('a file that is named must exist, and be of a sane size', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  try {
    const file = join(folder, 'tftp-pki.yaml');
    expect(() => loadConfig({ file })).toThrow(expect.objectContaining({ code: 'storage-unreadable' }));
    writeFileSync(file, '#'.repeat(300_000));
    expect(() => loadConfig({ file })).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    writeFileSync(file, 'log: { format: json }');
    expect(loadConfig({ file }).log.format).toBe('json');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([
  ['config.schema.json', renderJsonSchema],
  ['configuration.md', renderReference],
])('docs/reference/%s is fresh (npx tsx tools/docs/config.ts)', (name, render) => {
  const path = new URL(`../../../docs/reference/${name}`, import.meta.url);
  expect(readFileSync(path, 'utf8')).toBe(render());
});
