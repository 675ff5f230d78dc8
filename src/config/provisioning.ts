/**
 * The provisioning as an administrator writes it: YAML whose groups are the fields of core/devices/provisioning.ts, with
 * everything optional but the addresses of CallManagers. Refuses unknown fields, pools of groups that are not there,
 * paths that are none, and characters that no XML file may hold; each problem is one line with its place.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { bad, good, type Outcome } from '../base/outcome.ts';
import {
  callManagerPorts,
  defaultPool,
  phoneUrlNames,
  type Provisioning,
} from '../core/devices/provisioning.ts';
import { parseElementPath } from '../core/render/override.ts';
import { illegalCharacter } from '../core/render/xml.ts';
import { readYaml } from './source.ts';

const text = z
  .string({ error: 'text' })
  .max(1000, { error: 'text of at most 1000 characters' })
  .refine((value) => illegalCharacter(value) === undefined, { error: 'text that an XML file may hold' });
const name = text.min(1, { error: 'a name' }).max(64, { error: 'a name of at most 64 characters' });
const port = z.int({ error: 'a port' }).min(1, { error: 'a port' }).max(65_535, { error: 'a port' });
const address = text.regex(/^[A-Za-z0-9][A-Za-z0-9.:_-]*$/, { error: 'a host name or an address' });
const overrides = z.record(
  z.string().refine((path) => parseElementPath(path) !== undefined, {
    error: 'a path of elements such as vendorConfig/webAccess',
  }),
  text,
);

const endpoint = (standard: number) => z.strictObject({ address, port: port.default(standard) });
const ports = z.strictObject({
  sccp: port.default(callManagerPorts.sccp),
  sccpSecure: port.default(callManagerPorts.sccpSecure),
  sip: port.default(callManagerPorts.sip),
  sipSecure: port.default(callManagerPorts.sipSecure),
  mgcp: port.default(callManagerPorts.mgcp),
  mgcpKeepAlive: port.default(callManagerPorts.mgcpKeepAlive),
});

const group = z.strictObject({
  members: z
    .array(
      z
        .strictObject({ name: name.optional(), address, ports: ports.prefault({}) })
        .transform((member) => ({ ...member, name: member.name ?? member.address })),
    )
    .min(1, { error: 'a list of CallManagers, the first asked first' })
    .max(8, { error: 'at most 8 CallManagers' }),
  tvs: z.array(endpoint(2445)).max(8).default([]),
  capf: z.array(endpoint(3804)).max(8).default([]),
});

const urls = z.strictObject(
  Object.fromEntries(phoneUrlNames.map((url) => [url, text.optional()])) as Record<
    (typeof phoneUrlNames)[number],
    z.ZodOptional<typeof text>
  >,
);
const locale = z
  .strictObject({ name: text.default(''), langCode: text.default(''), version: text.default('') })
  .prefault({});

const pool = z.strictObject({
  group: name.default(defaultPool.group),
  dateTemplate: text.default(defaultPool.dateTemplate),
  timeZone: text.default(''),
  olsonTimeZone: text.default(''),
  ntp: z.array(address).max(8).default([]),
  userLocale: locale,
  networkLocale: locale,
  urls: urls.prefault({}),
  secureUrls: urls.prefault({}),
  proxyServerUrl: text.default(''),
  softKeyFile: text.default(''),
  dialTemplate: text.default(''),
  featurePolicyFile: text.default(''),
  overrides: overrides.default({}),
});

const schema = z
  .strictObject({
    groups: z.record(name, group),
    pools: z.record(name, pool),
    models: z
      .record(
        name,
        z.strictObject({
          load: text.default(''),
          overrides: overrides.default({}),
          encryptedOnly: z.boolean({ error: 'true or false' }).optional(),
        }),
      )
      .default({}),
    autoRegistration: z.boolean({ error: 'true or false' }).default(false),
    buildCnf: z.enum(['all', 'none', 'selective'], { error: 'one of all, none, selective' }).default('none'),
    cnfModels: z.array(name).default([]),
    rings: z.array(z.strictObject({ displayName: name, fileName: name })).default([]),
    resetCommand: z.array(text).max(32).default([]),
  })
  .superRefine(({ groups, pools }, context) => {
    for (const [poolName, { group: wanted }] of Object.entries(pools))
      if (!Object.hasOwn(groups, wanted))
        context.addIssue({
          code: 'custom',
          path: ['pools', poolName, 'group'],
          message: `one of the groups ${Object.keys(groups).join(', ')}`,
        });
  });

/** Problems are whole lines. */
export function parseProvisioning(file: string, yaml: string): Outcome<Provisioning, readonly string[]> {
  const read = readYaml(file, yaml);
  if (!read.ok) return read;
  const parsed = schema.safeParse(read.value.value);
  if (parsed.success) return good(parsed.data);
  return bad(
    parsed.error.issues.map((issue) => {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
      const path = unknown === undefined ? issue.path : [...issue.path, unknown];
      const place = read.value.placeOf(path, unknown === undefined ? 'value' : 'key');
      const what = unknown === undefined ? `must be ${issue.message}` : 'is unknown';
      return `${place}: ${path.map(String).join('.')} ${what}`;
    }),
  );
}

/** What `parseProvisioning` reads back as the same. */
export function writeProvisioning(provisioning: Provisioning): string {
  return stringify(provisioning, { lineWidth: 100, aliasDuplicateObjects: false });
}
