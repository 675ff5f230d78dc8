import type { Kysely, Selectable } from 'kysely';
import { Failure } from '../../base/errors.ts';
import type { Device, DeviceLine } from '../../core/cluster/model.ts';
import type { DeviceLineTable, DeviceTable, Schema } from '../schema.ts';

/** By name. */
export async function listDevices(query: Kysely<Schema>): Promise<readonly Device[]> {
  const devices = await query.selectFrom('device').selectAll().orderBy('name').execute();
  const lines = await query.selectFrom('device_line').selectAll().orderBy('line').execute();
  const byDevice = new Map<string, Selectable<DeviceLineTable>[]>();
  for (const line of lines) {
    const known = byDevice.get(line.device);
    if (known) known.push(line);
    else byDevice.set(line.device, [line]);
  }
  return devices.map((row) => deviceOf(row, byDevice.get(row.name) ?? []));
}

export async function findDevice(query: Kysely<Schema>, name: string): Promise<Device | undefined> {
  const row = await query.selectFrom('device').selectAll().where('name', '=', name).executeTakeFirst();
  if (!row) return undefined;
  const lines = await query
    .selectFrom('device_line')
    .selectAll()
    .where('device', '=', name)
    .orderBy('line')
    .execute();
  return deviceOf(row, lines);
}

export async function insertDevice(query: Kysely<Schema>, device: Device): Promise<void> {
  const { numInsertedOrUpdatedRows: inserted } = await query
    .insertInto('device')
    .values({
      name: device.name,
      model: device.model,
      protocol: device.protocol,
      security: device.security,
      certificate_der: device.certificateDer ?? null,
      added_ms: device.addedMs,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirstOrThrow();
  if (inserted === 0n) throw new Failure('refused', `there is a device ${device.name} already`);
  const lines = device.lines.map(({ index, extension }) => ({ device: device.name, line: index, extension }));
  if (lines.length > 0) await query.insertInto('device_line').values(lines).execute();
}

export async function deleteDevice(query: Kysely<Schema>, name: string): Promise<void> {
  const { numDeletedRows } = await query
    .deleteFrom('device')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw new Failure('not-found', `there is no device ${name}`);
}

function deviceOf(row: Selectable<DeviceTable>, lines: readonly Selectable<DeviceLineTable>[]): Device {
  return {
    name: row.name,
    model: row.model,
    protocol: row.protocol,
    security: row.security,
    lines: lines.map(({ line, extension }): DeviceLine => ({ index: line, extension })),
    certificateDer: row.certificate_der === null ? undefined : Uint8Array.from(row.certificate_der),
    addedMs: row.added_ms,
  };
}
