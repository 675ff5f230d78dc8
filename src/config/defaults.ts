/** Every default of tftp-pki.yaml in one place, as a person would write it there; the reasons stand beside the limits. */
import {
  blksizeMax,
  transfersMax,
  transfersPerAddressMax,
  transfersPerSubnetMax,
  windowsizeMax,
} from '../base/limits.ts';
import { privateNetworks } from '../core/tftp/network.ts';

export const defaults = {
  tftp: {
    listen: ['0.0.0.0:69'],
    ports: 'single',
    /** RFC 6335 §6: the ports that belong to nobody. */
    proofPorts: '49152-65535',
    engine: 'auto',
    blksizeMax,
    windowsizeMax,
    dscp: 0,
    allow: privateNetworks,
    limits: { transfersMax, transfersPerAddressMax, transfersPerSubnetMax },
  },
  http: { listen: ['0.0.0.0:6970'], allow: privateNetworks },
  https: { listen: [], legacyListen: [] },
  tvs: { listen: [], legacyListen: [] },
  files: {
    alternates: [],
    caseInsensitive: true,
    rewrite: [],
    deviceTrustLists: false,
    secretsInClear: 'warn',
  },
  proxy: { pure: false },
  log: { level: 'info', format: 'human' },
  risk: { sha512Models: [] },
} as const;
