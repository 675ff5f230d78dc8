/** What bounds an endpoint, with its defaults, and what it counts; every number has its reason in base/limits.ts. */
import * as limits from '../../base/limits.ts';
import { defaultAdmissionLimits, type AdmissionLimits } from './admission.ts';
import type { NegotiationLimits } from './negotiate.ts';

export interface EndpointLimits extends AdmissionLimits, NegotiationLimits {
  readonly unknownNamesPerMinuteMax: number;
}

export const defaultEndpointLimits: EndpointLimits = {
  ...defaultAdmissionLimits,
  unknownNamesPerMinuteMax: limits.unknownNamesPerMinuteMax,
  blksizeMax: limits.blksizeMax,
  windowsizeMax: limits.windowsizeMax,
};

/** Counters of what no single event tells; read by metrics. */
export interface EndpointCounters {
  requests: number;
  served: number;
  bytesServed: number;
  retransmits: number;
  strays: number;
  malformed: number;
  notAllowed: number;
  writesRefused: number;
  busy: number;
  evicted: number;
  paced: number;
}

export function zeroCounters(): EndpointCounters {
  return {
    requests: 0,
    served: 0,
    bytesServed: 0,
    retransmits: 0,
    strays: 0,
    malformed: 0,
    notAllowed: 0,
    writesRefused: 0,
    busy: 0,
    evicted: 0,
    paced: 0,
  };
}
