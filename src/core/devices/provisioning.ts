/**
 * What devices share (domain.md §4): CallManager groups, device pools, models with their loads and templates, and the
 * policies of the builder. Plain values, the same in the database, in the builder and in the administrator's YAML.
 */

/** Prioritised: a device connects to the first that answers. */
export interface CallManager {
  readonly name: string;
  readonly address: string;
  readonly ports: CallManagerPorts;
}

export interface CallManagerPorts {
  readonly sccp: number;
  readonly sccpSecure: number;
  readonly sip: number;
  readonly sipSecure: number;
  readonly mgcp: number;
  readonly mgcpKeepAlive: number;
}

/** formats.md §6. */
export const callManagerPorts: CallManagerPorts = {
  sccp: 2000,
  sccpSecure: 2443,
  sip: 5060,
  sipSecure: 5061,
  mgcp: 2427,
  mgcpKeepAlive: 2428,
};

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface CallManagerGroup {
  readonly members: readonly CallManager[];
  /** Trust Verification Services; empty: one on each member, port 2445. */
  readonly tvs: readonly Endpoint[];
  /** Certificate enrolment; empty: the first member, port 3804. */
  readonly capf: readonly Endpoint[];
}

export const phoneUrlNames = [
  'authentication',
  'directory',
  'idle',
  'information',
  'messages',
  'services',
] as const;
export type PhoneUrlName = (typeof phoneUrlNames)[number];
export type PhoneUrls = Readonly<Partial<Record<PhoneUrlName, string | undefined>>>;

export interface Locale {
  readonly name: string;
  readonly langCode: string;
  readonly version: string;
}

/** Elements by path below the root, as `vendorConfig/webAccess`, each with the text it gets. */
export type Overrides = Readonly<Record<string, string>>;

export interface DevicePool {
  /** Name of a CallManager group. */
  readonly group: string;
  readonly dateTemplate: string;
  readonly timeZone: string;
  readonly olsonTimeZone: string;
  readonly ntp: readonly string[];
  readonly userLocale: Locale;
  readonly networkLocale: Locale;
  readonly urls: PhoneUrls;
  readonly secureUrls: PhoneUrls;
  readonly proxyServerUrl: string;
  readonly softKeyFile: string;
  readonly dialTemplate: string;
  readonly featurePolicyFile: string;
  readonly overrides: Overrides;
}

export interface ModelSettings {
  /** Plain configurations of the model never leave, only encrypted ones and their stubs. */
  readonly encryptedOnly?: boolean | undefined;
  /** The load of every device of the model that names none itself; `XMLDefault.cnf.xml` lists it too. */
  readonly load: string;
  /** The template of the model. */
  readonly overrides: Overrides;
}

/** Seed 001, BuildCNFFlag: which devices get a text `.cnf` beside the `.cnf.xml`. */
export type BuildCnf = 'all' | 'none' | 'selective';

export interface Ring {
  readonly displayName: string;
  readonly fileName: string;
}

export interface Provisioning {
  readonly groups: Readonly<Record<string, CallManagerGroup>>;
  readonly pools: Readonly<Record<string, DevicePool>>;
  /** By the model as devices name it, `CP-8851`. */
  readonly models: Readonly<Record<string, ModelSettings>>;
  /** Unknown phones get XMLDefault.cnf.xml. */
  readonly autoRegistration: boolean;
  readonly buildCnf: BuildCnf;
  /** With `selective`: the models that get one. */
  readonly cnfModels: readonly string[];
  /** Empty: no Ringlist.xml is built. */
  readonly rings: readonly Ring[];
  /** Words of the program that `reset-phones` runs; {device} and {line} are replaced. */
  readonly resetCommand: readonly string[];
}

export const defaultName = 'Default';

const noLocale: Locale = { name: '', langCode: '', version: '' };

export const defaultPool: DevicePool = {
  group: defaultName,
  dateTemplate: 'D/M/Y',
  timeZone: '',
  olsonTimeZone: '',
  ntp: [],
  userLocale: noLocale,
  networkLocale: noLocale,
  urls: {},
  secureUrls: {},
  proxyServerUrl: '',
  softKeyFile: '',
  dialTemplate: '',
  featurePolicyFile: '',
  overrides: {},
};

/** Before an administrator says otherwise: one pool, whose CallManagers are the nodes of the cluster. */
export function defaultProvisioning(nodes: readonly string[]): Provisioning {
  const members = nodes.map((name) => ({ name, address: name, ports: callManagerPorts }));
  return {
    groups: { [defaultName]: { members, tvs: [], capf: [] } },
    pools: { [defaultName]: defaultPool },
    models: {},
    autoRegistration: false,
    buildCnf: 'none',
    cnfModels: [],
    rings: [],
    resetCommand: [],
  };
}

/** What of the provisioning a device is built from. `undefined` names what is missing. */
export interface DeviceSurroundings {
  readonly poolName: string;
  readonly pool: DevicePool;
  readonly group: CallManagerGroup;
  readonly model: ModelSettings | undefined;
}

export function surroundingsOf(
  provisioning: Provisioning,
  device: { readonly pool?: string | undefined; readonly model: string },
): DeviceSurroundings | { readonly missing: string } {
  const poolName = device.pool ?? defaultName;
  const pool = own(provisioning.pools, poolName);
  if (pool === undefined) return { missing: `there is no device pool ${JSON.stringify(poolName)}` };
  const group = own(provisioning.groups, pool.group);
  if (group === undefined) return { missing: `there is no CallManager group ${JSON.stringify(pool.group)}` };
  return { poolName, pool, group, model: own(provisioning.models, device.model) };
}

/** A name from outside must not find what every object has. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
