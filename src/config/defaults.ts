/** Every default of tftp-pki.yaml in one place, as a person would write it there; the reasons stand beside the limits. */
import {
  blksizeMax,
  transfersMax,
  transfersPerAddressMax,
  transfersPerSubnetMax,
  windowsizeMax,
} from '../base/limits.ts';

/**
 * security.md §1: a forged request must not make this server send to the Internet, so only loopback, private
 * (RFC 1918, RFC 4193) and link-local networks are served unless others are named.
 */
export const privateNetworks = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

export const defaults = {
  tftp: {
    listen: ['0.0.0.0:69'],
    ports: 'single',
    engine: 'auto',
    blksizeMax,
    windowsizeMax,
    dscp: 0,
    allow: privateNetworks,
    limits: { transfersMax, transfersPerAddressMax, transfersPerSubnetMax },
  },
  http: { listen: ['0.0.0.0:6970'] },
  https: { listen: [], legacyListen: [] },
  files: { alternates: [], caseInsensitive: true, rewrite: [], deviceTrustLists: false },
  log: { level: 'info', format: 'human' },
  risk: { sha512Models: [] },
} as const;
