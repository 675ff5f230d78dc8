/** Golden pairs in one file, after caddy's caddyfiletest: a device and its surroundings as YAML, a rule, what is built. */
import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import type { Device } from '../../../../src/core/cluster/model.ts';
import {
  callManagerPorts,
  defaultPool,
  type Provisioning,
} from '../../../../src/core/devices/provisioning.ts';
import {
  buildDefaultCnf,
  buildDeviceCnf,
  buildDeviceConfig,
  buildRinglist,
  buildXmlDefault,
  type BuildContext,
  type Built,
} from '../../../../src/core/render/build.ts';
import { createVerifier } from '../../../../src/pki/verifier.ts';
import { openToolFile } from '../../../helpers/crypto-signed-bytes.ts';

export const rule = '\n----------\n';

type Build = 'config' | 'cnf' | 'default' | 'default-cnf' | 'ringlist';

interface Given {
  readonly build: Build;
  readonly device?: Partial<Device>;
  /** The device's, a PEM file of test/vectors/open-tool. */
  readonly certificate?: string;
  readonly pool?: Partial<Provisioning['pools'][string]>;
  readonly members?: readonly string[];
  readonly provisioning?: Partial<Provisioning>;
}

const crypto = createVerifier();
export const salt = '00112233445566778899aabbccddeeff';

export function contextOf({
  pool = {},
  members = ['cm1.example'],
  provisioning = {},
}: Partial<Given>): BuildContext {
  return {
    crypto,
    salt: 'ff'.repeat(16),
    provisioning: {
      groups: {
        Default: {
          members: members.map((name) => ({ name, address: name, ports: callManagerPorts })),
          tvs: [],
          capf: [],
        },
      },
      pools: { Default: { ...defaultPool, ...pool } },
      models: {},
      autoRegistration: false,
      buildCnf: 'none',
      cnfModels: [],
      rings: [],
      resetCommand: [],
      ...provisioning,
    },
  };
}

export function deviceOf(device: Partial<Device> = {}): Device {
  return {
    name: 'SEP001122334455',
    model: 'CP-8851',
    protocol: 'SIP',
    security: 'none',
    lines: [],
    certificateDer: undefined,
    addedMs: 1_790_000_000_000,
    ...device,
  };
}

export function buildGolden(yaml: string): string {
  const given = parse(yaml) as Given;
  const context = contextOf(given);
  const certificateDer =
    given.certificate === undefined ? undefined : certificateOf(openToolFile(given.certificate));
  const device = { ...deviceOf(given.device), certificateDer };
  const source = { device, document: undefined, salt };
  const builders: Record<Build, () => Built | undefined> = {
    config: () => buildDeviceConfig(context, source),
    cnf: () => buildDeviceCnf(context, source),
    default: () => buildXmlDefault(context),
    'default-cnf': () => buildDefaultCnf(context),
    ringlist: () => buildRinglist(context),
  };
  const built = builders[given.build]();
  if (built === undefined) return 'not built\n';
  return built.ok
    ? Buffer.from(built.value.bytes).toString()
    : `refused: ${built.error.path} ${built.error.reason}\n`;
}

function certificateOf(pem: Uint8Array): Uint8Array {
  return new Uint8Array(new X509Certificate(pem).raw);
}
