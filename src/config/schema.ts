/**
 * The settings of tftp-pki.yaml (docs/reference/configuration.md is made from this file). Each leaf says in its error
 * what it takes, as the end of the sentence "must be …"; unknown keys are refused.
 */
import { z } from 'zod';
import { alternateRootsMax, blksizeMax, blksizeMin, rewriteRulesMax, windowsizeMax } from '../base/limits.ts';
import { compileRewrite } from '../core/files/rewrite.ts';
import { parseNetwork } from '../core/tftp/network.ts';
import { isLoopback, parseListenAddress } from './address.ts';
import { defaults } from './defaults.ts';

function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function oneOf<const T extends readonly [string, ...string[]]>(...values: T) {
  return z.enum(values, { error: `one of ${values.join(', ')}` });
}

function list<T extends z.ZodType>(item: T, max: number) {
  const error = `a list of at most ${max}`;
  return z.array(item, { error }).max(max, { error });
}

const text = z.string({ error: 'text' }).min(1, { error: 'text that is not empty' });
const flag = z.boolean({ error: 'true or false' });

const listenError = 'ADDRESS:PORT, such as 0.0.0.0:69 or [::1]:69';
const listen = z.string({ error: listenError }).transform((value, context) => {
  const address = parseListenAddress(value);
  if (address !== undefined) return address;
  context.addIssue({ code: 'custom', message: listenError });
  return z.NEVER;
});

/** A range of ports, or the word for having none. */
function portsOr<const T extends string>(word: T) {
  const error = `${word} or a range such as 50000-50999`;
  return z.string({ error }).transform((value, context) => {
    if (value === word) return word;
    const match = /^(\d{1,5})-(\d{1,5})$/.exec(value);
    const [low, high] = [Number(match?.[1]), Number(match?.[2])];
    if (low >= 1 && low <= high && high <= 65_535) return { low, high };
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}

const networkError = 'a network such as 10.0.0.0/8 or fd00::/8, its host bits zero';
const network = z
  .string({ error: networkError })
  .refine((value) => parseNetwork(value) !== undefined, { error: networkError });

const loopbackError = 'a loopback address and a port, such as 127.0.0.1:9169';
const loopback = listen.refine((value) => isLoopback(value.address), { error: loopbackError });

const group = { error: 'a group of settings' };

const limits = z
  .strictObject(
    {
      transfersMax: whole(1, 1_000_000)
        .default(defaults.tftp.limits.transfersMax)
        .describe('Transfers at once in all.'),
      transfersPerAddressMax: whole(1, 1_000_000)
        .default(defaults.tftp.limits.transfersPerAddressMax)
        .describe('Transfers at once for one address; a branch office behind NAT is one address.'),
      transfersPerSubnetMax: whole(1, 1_000_000)
        .default(defaults.tftp.limits.transfersPerSubnetMax)
        .describe('Transfers at once for one /24, or /56 of IPv6.'),
    },
    group,
  )
  .prefault({});

const tftp = z
  .strictObject(
    {
      listen: list(listen, 16)
        .prefault([...defaults.tftp.listen])
        .describe('Addresses and ports where TFTP requests are taken.'),
      ports: portsOr('single')
        .prefault(defaults.tftp.ports)
        .describe(
          '`single` answers from the port that was asked, which passes NAT; LO-HI gives each transfer a port.',
        ),
      proofPorts: portsOr('none')
        .prefault(defaults.tftp.proofPorts)
        .describe(
          'With `single`, and only while a key is renewed: lists and configurations leave from a port of this range, so that a phone that boots by TFTP proves what it took; who is not reached from there is answered from the single port. `none` never does it.',
        ),
      engine: oneOf('auto', 'mmsg', 'dgram')
        .default(defaults.tftp.engine)
        .describe(
          'Packet engine: `mmsg` is Linux only and faster, `dgram` is portable, `auto` takes the better one.',
        ),
      blksizeMax: whole(blksizeMin, blksizeMax)
        .default(defaults.tftp.blksizeMax)
        .describe('Largest block a client may ask for (RFC 2348), in bytes.'),
      windowsizeMax: whole(1, windowsizeMax)
        .default(defaults.tftp.windowsizeMax)
        .describe('Largest window a client may ask for (RFC 7440), in blocks.'),
      dscp: whole(0, 63)
        .default(defaults.tftp.dscp)
        .describe('Differentiated services code point of answers; `mmsg` only.'),
      allow: list(network, 256)
        .default([...defaults.tftp.allow])
        .describe(
          'Networks whose requests are answered: loopback, private and link-local ones unless others are named.',
        ),
      limits,
    },
    group,
  )
  .prefault({});

const http = z
  .strictObject(
    {
      listen: list(listen, 16)
        .prefault([...defaults.http.listen])
        .describe('Addresses and ports of plain HTTP; phones ask port 6970.'),
      allow: list(network, 256)
        .default([...defaults.http.allow])
        .describe(
          'Networks whose connections are taken, by HTTP and HTTPS: loopback, private and link-local ones unless others are named.',
        ),
    },
    group,
  )
  .prefault({});

const https = z
  .strictObject(
    {
      listen: list(listen, 16)
        .prefault([...defaults.https.listen])
        .describe('Addresses and ports of HTTPS with TLS 1.2 or later; phones ask port 6971.'),
      legacyListen: list(listen, 16)
        .prefault([...defaults.https.legacyListen])
        .describe('Addresses and ports of HTTPS for phones that speak TLS 1.0 only.'),
    },
    group,
  )
  .prefault({});

const metrics = z
  .strictObject(
    {
      listen: loopback
        .optional()
        .describe(
          'Loopback address and port of `/metrics` (Prometheus) and `/health`; nothing listens without it.',
        ),
    },
    group,
  )
  .prefault({});

const tvs = z
  .strictObject(
    {
      listen: list(listen, 16)
        .prefault([...defaults.tvs.listen])
        .describe('Addresses and ports of the Trust Verification Service; phones ask port 2445.'),
      legacyListen: list(listen, 16)
        .prefault([...defaults.tvs.legacyListen])
        .describe('The same for phones that speak TLS 1.0 only, as the 7900 series.'),
      metricsListen: loopback
        .optional()
        .describe('Loopback address and port of `/metrics` and `/health` of its process.'),
    },
    group,
  )
  .prefault({});

const rule = z.strictObject(
  {
    match: text.describe('`*` within a segment, `**` across segments, `?` one character.'),
    to: text
      .optional()
      .describe('The new name, with `{1}`, `{1:lower}`, `{1:upper}`; without it the name is unknown.'),
    ignoreCase: flag.optional(),
    onMatch: oneOf('next', 'stop').optional(),
  },
  { error: 'a rule with match and to' },
);

const rewrite = list(rule, rewriteRulesMax).superRefine((rules, context) => {
  const compiled = compileRewrite(rules);
  if (compiled.ok) return;
  const { rule, field, reason } = compiled.error;
  const path = [rule, field].filter((part) => part !== undefined);
  context.addIssue({ code: 'custom', path, message: `a valid rule: ${reason}` });
});

const files = z
  .strictObject(
    {
      root: text
        .optional()
        .describe('The provisioning directory. Relative paths start at the folder of this file.'),
      alternates: list(text, alternateRootsMax)
        .default([...defaults.files.alternates])
        .describe('Directories asked after `root`, in order.'),
      caseInsensitive: flag
        .default(defaults.files.caseInsensitive)
        .describe(
          'Serve `Ringlist.xml` when `RINGLIST.XML` is asked for and does not exist; exact names come first.',
        ),
      rewrite: rewrite
        .default([...defaults.files.rewrite])
        .describe(
          'Rules that turn an asked name into the name that is looked up, in order, like the map file of tftpd-hpa.',
        ),
      secretsInClear: oneOf('warn', 'refuse')
        .default(defaults.files.secretsInClear)
        .describe(
          'What happens to a configuration with a password or user id that would leave in clear: it is served and told, or refused.',
        ),
      deviceTrustLists: flag
        .default(defaults.files.deviceTrustLists)
        .describe(
          'Answer ITLSEP<MAC>.tlv and CTLSEP<MAC>.tlv with the lists of this node; always so where there are remote clusters.',
        ),
    },
    group,
  )
  .prefault({});

const log = z
  .strictObject(
    {
      level: oneOf('error', 'warn', 'info', 'debug')
        .default(defaults.log.level)
        .describe('The least severe event that is written.'),
      format: oneOf('human', 'json')
        .default(defaults.log.format)
        .describe('One line per event for people, or one JSON object per line.'),
    },
    group,
  )
  .prefault({});

const dateError = 'a date such as 2027-11-21';
const date = z.string({ error: dateError }).transform((value, context) => {
  const seconds = /^\d{4}-\d\d-\d\d$/.test(value) ? Date.parse(`${value}T00:00:00Z`) / 1000 : Number.NaN;
  if (!Number.isNaN(seconds)) return seconds;
  context.addIssue({ code: 'custom', message: dateError });
  return z.NEVER;
});

const risk = z
  .strictObject(
    {
      sha1Until: date
        .optional()
        .describe(
          'Until when signatures with SHA-1 are accepted as a risk, for phones that read nothing else; a year from the making of the cluster unless it is set.',
        ),
      shortRsaUntil: date
        .optional()
        .describe('The same for RSA of less than 2048 bits in certificates of phones and in lists.'),
      sha512Models: list(text, 256)
        .default([...defaults.risk.sha512Models])
        .describe(
          'Models of yours that were seen to read SHA-512; every other one is counted as needing SHA-1.',
        ),
    },
    group,
  )
  .prefault({});

const databaseError = 'a URL such as postgres://tftp@db.example.net:5432/tftp';

const pkcs11 = z.strictObject(
  {
    module: text.describe('The PKCS#11 library of the token, such as /usr/lib/softhsm/libsofthsm2.so.'),
    token: text.describe("The token's label."),
    pinFile: text.describe("File whose first line is the PIN of the token's user."),
  },
  { error: 'module, token and pinFile' },
);

const proxy = z
  .strictObject(
    {
      pure: flag
        .default(defaults.proxy.pure)
        .describe(
          'This node only stands in front of remote clusters: it has no phones, publishes no trust list of its own and registers nobody.',
        ),
    },
    group,
  )
  .prefault({});

const keys = z
  .strictObject(
    {
      pkcs11: pkcs11
        .optional()
        .describe('Make the keys of callmanager and itlrecovery in a token, and sign with them there.'),
    },
    group,
  )
  .prefault({});

const database = z
  .string({ error: databaseError })
  .refine((value) => /^postgres(ql)?:\/\/[^/]+\/[^/?]+/.test(value), { error: databaseError })
  .optional()
  .describe(
    'PostgreSQL of a cluster of several nodes, as `postgres://user@host:5432/name`; without it the database is a file in the folder of the node. The password comes from PGPASSFILE or PGPASSWORD, or stands in the URL.',
  );

const node = text
  .optional()
  .describe('The node of this folder, where the database serves several; `join-node` writes it.');

export const configSchema = z.strictObject(
  { tftp, http, https, tvs, metrics, files, proxy, node, database, log, keys, risk },
  group,
);

/** Settings as the program takes them: every default filled in, addresses taken apart. */
export type Config = z.output<typeof configSchema>;
