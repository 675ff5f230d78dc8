/**
 * The memory of simulated phones, `--state DIR`: one JSON file each, replaced whole (write, fsync, rename).
 * Refuses a state that is not this program's, and one of another phone.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { newPhone, readPhoneState, writePhoneState, type PhoneState } from '../core/phone/phone-state.ts';

/** What the phone kept; a phone from the factory when there is no file. */
export async function loadPhone(folder: string, name: string): Promise<PhoneState> {
  const file = fileOf(folder, name);
  const text = await readText(file);
  if (text === undefined) return newPhone(name);
  const state = readPhoneState(text);
  const hint = `Remove ${file} to start with a phone from the factory.`;
  if (!state.ok) throw new Failure('format', `${file}: ${state.error}`, { hint });
  if (state.value.name !== name)
    throw new Failure('format', `${file} is the state of ${state.value.name}`, { hint });
  return state.value;
}

export async function savePhone(folder: string, state: PhoneState): Promise<void> {
  const file = fileOf(folder, state.name);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(writePhoneState(state));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  } catch (error) {
    throw new Failure('storage-unreadable', `cannot keep the phone's state in ${folder}`, { cause: error });
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Failure('storage-unreadable', `cannot read ${file}`, { cause: error });
  }
}

/** Device names hold no separator (core/files/file-name.ts), so the name is the file. */
function fileOf(folder: string, name: string): string {
  return join(folder, `${name}.json`);
}
