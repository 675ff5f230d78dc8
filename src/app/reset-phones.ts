/**
 * Which devices run on an older configuration, or on older trust lists, than what is served, and how each is told to
 * read it anew: a program per device, its words with {device} and {line} filled in and no shell between, or a list for another tool.
 */
import { Failure } from '../base/errors.ts';
import { devicesPerTransactionMax } from '../base/limits.ts';
import type { Device } from '../core/cluster/model.ts';
import type { DeviceStore } from '../core/devices/device-store.ts';
import type { FieldPorts } from './field.ts';
import { phonesBehind } from './phones-to-come.ts';

/** Whose trust has not arrived (`phones-to-come.ts`). */
export async function devicesBehind(ports: FieldPorts): Promise<readonly Device[]> {
  const names = new Set(await phonesBehind(ports));
  return (await ports.store.listDevices()).filter(({ name }) => names.has(name));
}

/** They were told; in short transactions. */
export async function markReset(
  store: Pick<DeviceStore, 'markReset'>,
  names: readonly string[],
  atMs: number,
): Promise<void> {
  for (let at = 0; at < names.length; at += devicesPerTransactionMax)
    await store.markReset(names.slice(at, at + devicesPerTransactionMax), atMs);
}

/** Those named, or those that changed since they were last told. */
export async function devicesToReset(
  store: Pick<DeviceStore, 'devicesToReset' | 'findDevice'>,
  names: readonly string[],
): Promise<readonly Device[]> {
  const devices: Device[] = [];
  for (const name of names.length > 0 ? names : await store.devicesToReset()) {
    const device = await store.findDevice(name);
    if (device === undefined && names.length > 0)
      throw new Failure('not-found', `there is no device ${name}`);
    if (device !== undefined) devices.push(device);
  }
  return devices;
}

/** Only whole places are filled: what stands in the database cannot become another word. */
export function resetWords(command: readonly string[], device: Device): readonly string[] {
  const [line] = device.lines;
  return command.map((word) =>
    word.replaceAll(/\{(device|line)\}/g, (_, place: string) =>
      place === 'device' ? device.name : (line?.extension ?? ''),
    ),
  );
}

export function resetCsv(devices: readonly Device[]): string {
  const rows = devices.map(({ name, model, protocol, lines }) => [
    name,
    model,
    protocol,
    lines[0]?.extension ?? '',
  ]);
  return [['name', 'model', 'protocol', 'line1'], ...rows]
    .map((row) => `${row.map(csvField).join(',')}\r\n`)
    .join('');
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
