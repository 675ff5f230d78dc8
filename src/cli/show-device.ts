/** A device as the commands print it. */
import type { Device } from '../core/cluster/model.ts';

/** For `--json`: certificates as base64, times as ISO 8601. */
export function deviceFacts(device: Device): Readonly<Record<string, unknown>> {
  const { certificateDer, addedMs, ...facts } = device;
  return {
    ...facts,
    certificate: certificateDer === undefined ? null : Buffer.from(certificateDer).toString('base64'),
    added: new Date(addedMs).toISOString(),
  };
}

export function linesText({ lines }: Device): string {
  return lines.map(({ index, extension }) => `${index}=${extension}`).join(' ');
}
