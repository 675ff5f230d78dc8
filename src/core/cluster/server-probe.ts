import type { Evidence } from './evidence.ts';
import type { ProbeResult } from './probe.ts';

/** What one probe of one server found. */
export interface ServerProbe extends ProbeResult {
  /** `address:port` of its TFTP. */
  readonly server: string;
  readonly evidence: Evidence | undefined;
}
