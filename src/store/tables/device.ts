import type { Insertable, Kysely, Selectable } from 'kysely';
import { Failure } from '../../base/errors.ts';
import { devicesPerTransactionMax } from '../../base/limits.ts';
import type { Device, DeviceLine } from '../../core/cluster/model.ts';
import type { ChangedDevice, TouchedDevices } from '../../core/devices/device-store.ts';
import { defaultName } from '../../core/devices/provisioning.ts';
import type { ColumnTypes } from '../database.ts';
import type { DeviceLineTable, DeviceTable, Schema } from '../schema.ts';
import { nextMark } from './change-count.ts';

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

export async function listDeviceNames(query: Kysely<Schema>): Promise<readonly string[]> {
  const rows = await query.selectFrom('device').select('name').execute();
  return rows.map(({ name }) => name);
}

export function listDeviceModels(query: Kysely<Schema>): Promise<readonly Pick<Device, 'name' | 'model'>[]> {
  return query.selectFrom('device').select(['name', 'model']).execute();
}

export async function countDevices(query: Kysely<Schema>): Promise<number> {
  const { count } = await query
    .selectFrom('device')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

export async function findDevice(query: Kysely<Schema>, name: string): Promise<Device | undefined> {
  return (await findDeviceRow(query, name))?.device;
}

export async function findDeviceRow(
  query: Kysely<Schema>,
  name: string,
): Promise<{ readonly row: Selectable<DeviceTable>; readonly device: Device } | undefined> {
  const row = await query.selectFrom('device').selectAll().where('name', '=', name).executeTakeFirst();
  if (!row) return undefined;
  const lines = await query
    .selectFrom('device_line')
    .selectAll()
    .where('device', '=', name)
    .orderBy('line')
    .execute();
  return { row, device: deviceOf(row, lines) };
}

export async function insertDevice(
  query: Kysely<Schema>,
  { randomSalt }: ColumnTypes,
  device: Device,
): Promise<void> {
  const { numInsertedOrUpdatedRows: inserted } = await query
    .insertInto('device')
    .values({
      ...columnsOf(device),
      ...newAt(device.addedMs),
      salt: randomSalt,
      mark: await nextMark(query),
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirstOrThrow();
  if (inserted === 0n) throw new Failure('refused', `there is a device ${device.name} already`);
  await insertLines(query, device);
}

export async function updateDevice(
  query: Kysely<Schema>,
  { randomSalt }: ColumnTypes,
  device: Device,
  atMs: number,
): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('device')
    .set({ ...columnsOf(device), changed_ms: atMs, salt: randomSalt, mark: await nextMark(query) })
    .where('name', '=', device.name)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) throw noDevice(device.name);
  await query.deleteFrom('device_line').where('device', '=', device.name).execute();
  await insertLines(query, device);
}

export async function deleteDevice(query: Kysely<Schema>, name: string): Promise<void> {
  const { numDeletedRows } = await query
    .deleteFrom('device')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw noDevice(name);
  const mark = await nextMark(query);
  await query
    .insertInto('device_gone')
    .values({ name, mark })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ mark }))
    .execute();
}

/** Of rows that share a mark, some may stand on one page and some on the next. */
export async function devicesChangedAfter(
  query: Kysely<Schema>,
  after: ChangedDevice,
  limit: number,
): Promise<readonly ChangedDevice[]> {
  return query
    .selectFrom('device')
    .select(['mark', 'name'])
    .where('mark', '>=', after.mark)
    .where((eb) => eb.or([eb('mark', '>', after.mark), eb('name', '>', after.name)]))
    .orderBy('mark')
    .orderBy('name')
    .limit(limit)
    .execute();
}

export async function lastChangedDevice(query: Kysely<Schema>): Promise<ChangedDevice> {
  const last = await query
    .selectFrom('device')
    .select(['mark', 'name'])
    .orderBy('mark', 'desc')
    .orderBy('name', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last ?? { mark: 0, name: '' };
}

export async function devicesToReset(query: Kysely<Schema>): Promise<readonly string[]> {
  const rows = await query
    .selectFrom('device')
    .select('name')
    .whereRef('changed_ms', '>', 'reset_ms')
    .orderBy('name')
    .execute();
  return rows.map(({ name }) => name);
}

export async function markReset(
  query: Kysely<Schema>,
  names: readonly string[],
  atMs: number,
): Promise<void> {
  await query.updateTable('device').set({ reset_ms: atMs }).where('name', 'in', names).execute();
}

/** Some of those that are not marked yet; how many. */
export async function touchDevices(
  query: Kysely<Schema>,
  { pools, models }: TouchedDevices,
  atMs: number,
): Promise<number> {
  if (pools.length + models.length === 0) return 0;
  const some = query
    .selectFrom('device')
    .select('name')
    .where('changed_ms', '<', atMs)
    .where((where) =>
      where.or([
        where.eb(where.fn.coalesce('pool', where.val(defaultName)), 'in', [...pools]),
        where.eb('model', 'in', [...models]),
      ]),
    )
    .limit(devicesPerTransactionMax);
  const { numUpdatedRows } = await query
    .updateTable('device')
    .set({ changed_ms: atMs, mark: await nextMark(query) })
    .where('name', 'in', some)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** A new device reads its first configuration by itself: there is nothing to reset. */
export function newAt(addedMs: number): { changed_ms: number; reset_ms: number } {
  return { changed_ms: addedMs, reset_ms: addedMs };
}

export function columnsOf(device: Device) {
  return {
    name: device.name,
    model: device.model,
    protocol: device.protocol,
    security: device.security,
    certificate_der: device.certificateDer ?? null,
    encrypted_only: device.encryptedOnly === true ? 1 : 0,
    added_ms: device.addedMs,
    pool: device.pool ?? null,
    load: device.load ?? null,
    overrides: device.overrides === undefined ? null : JSON.stringify(device.overrides),
  };
}

export function lineColumnsOf({ name, lines }: Device): Insertable<DeviceLineTable>[] {
  return lines.map(({ index, extension, label, displayName, authName, authPassword }) => ({
    device: name,
    line: index,
    extension,
    label: label ?? null,
    display_name: displayName ?? null,
    auth_name: authName ?? null,
    auth_password: authPassword ?? null,
  }));
}

async function insertLines(query: Kysely<Schema>, device: Device): Promise<void> {
  const lines = lineColumnsOf(device);
  if (lines.length > 0) await query.insertInto('device_line').values(lines).execute();
}

function noDevice(name: string): Failure {
  return new Failure('not-found', `there is no device ${name}`);
}

/** What is not set is not there at all: a device reads back as it was written. */
function deviceOf(row: Selectable<DeviceTable>, lines: readonly Selectable<DeviceLineTable>[]): Device {
  return {
    name: row.name,
    model: row.model,
    protocol: row.protocol,
    security: row.security,
    lines: lines.map((line): DeviceLine => ({
      index: line.line,
      extension: line.extension,
      ...(line.label !== null && { label: line.label }),
      ...(line.display_name !== null && { displayName: line.display_name }),
      ...(line.auth_name !== null && { authName: line.auth_name }),
      ...(line.auth_password !== null && { authPassword: line.auth_password }),
    })),
    certificateDer: row.certificate_der === null ? undefined : Uint8Array.from(row.certificate_der),
    ...(row.encrypted_only === 1 && { encryptedOnly: true }),
    ...(row.pool !== null && { pool: row.pool }),
    ...(row.load !== null && { load: row.load }),
    ...(row.overrides !== null && { overrides: JSON.parse(row.overrides) as Record<string, string> }),
    addedMs: row.added_ms,
  };
}
