/**
 * Loads the settings: options win over the environment, that over the file, that over the defaults (design.md §6).
 * All problems are told at once, one line each, with the place and what is allowed there. Refuses files above
 * `configBytesMax`, unknown settings, several documents.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { Failure } from '../base/errors.ts';
import { configBytesMax } from '../base/limits.ts';
import { printable } from '../base/text.ts';
import { keysOfGroup, settingLeaves } from './leaves.ts';
import { nearest } from './nearest.ts';
import { configSchema } from './schema.ts';
import type { Config } from './schema.ts';
import { readEnvironment, readYaml } from './source.ts';
import type { ConfigFile, GivenSetting } from './source.ts';

export interface ConfigSources {
  /** Path of tftp-pki.yaml; a file that is named must exist. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly options?: readonly GivenSetting[] | undefined;
}

/** Failure `config-invalid`, or `storage-unreadable` when the file cannot be read. */
export function loadConfig(sources: ConfigSources): Config {
  const text = sources.file === undefined ? undefined : readText(sources.file);
  return parseConfig({ ...sources, text });
}

/** The same from a text in memory; `file` is then only its name. */
export function parseConfig(sources: ConfigSources & { readonly text?: string | undefined }): Config {
  const name = sources.file ?? 'configuration';
  const file = readYaml(name, sources.text ?? '');
  const environment = readEnvironment(sources.environment ?? {});
  if (!file.ok || !environment.ok) {
    throw invalid([...(file.ok ? [] : file.error), ...(environment.ok ? [] : environment.error)]);
  }
  const given = [...environment.value, ...(sources.options ?? [])];
  const raw = withoutEmptyGroups(structuredClone(file.value.value));
  for (const setting of given) place(raw, setting.path, setting.value);
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) {
    throw invalid(parsed.error.issues.flatMap((issue) => describe(issue, raw, file.value, given)));
  }
  return withAbsolutePaths(parsed.data, given, sources.file);
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > configBytesMax) throw invalid([`${path}:1:1: the file has more than ${configBytesMax} bytes`]);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('storage-unreadable', `cannot read ${path}: ${reason}`, { cause: error });
  }
}

function invalid(lines: readonly string[]): Failure {
  const hint = 'docs/reference/configuration.md lists every setting.';
  return new Failure('config-invalid', lines.map(printable).join('\n'), { hint });
}

/** `tftp:` with everything below it commented out is an empty group, not a wrong value. */
function withoutEmptyGroups(raw: unknown): unknown {
  if (!isGroup(raw)) return raw;
  for (const group of groupPaths) {
    const parent = group.length === 1 ? raw : raw[group[0] ?? ''];
    const key = group.at(-1) ?? '';
    if (isGroup(parent) && parent[key] === null) parent[key] = {};
  }
  return raw;
}

const groupPaths: readonly (readonly string[])[] = settingLeaves.flatMap(({ path }) =>
  path.slice(1).map((_, index) => path.slice(0, index + 1)),
);

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function place(raw: unknown, path: readonly string[], value: unknown): void {
  let group = raw;
  for (const key of path.slice(0, -1)) {
    if (!isGroup(group)) return; // the file is wrong here already and its own problem is told
    group = group[key] ??= {};
  }
  if (isGroup(group)) group[path.at(-1) ?? ''] = value;
}

function describe(
  issue: z.core.$ZodIssue,
  raw: unknown,
  file: ConfigFile,
  given: readonly GivenSetting[],
): readonly string[] {
  const path = issue.path;
  const origin = given.findLast((setting) => setting.path.every((part, index) => part === path[index]));
  const where = (full: readonly PropertyKey[], of: 'key' | 'value') =>
    origin?.place ?? file.placeOf(full, of);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const full = [...path, key];
      const known = keysOfGroup(path);
      const meant = nearest(key, known);
      const help = meant === undefined ? `allowed are ${known.join(', ')}` : `did you mean ${meant}?`;
      return `${where(full, 'key')}: there is no setting ${full.join('.')}; ${help}`;
    });
  }
  const shown = path.length === 0 ? 'the configuration' : path.join('.');
  const value = valueAt(raw, path);
  const got = value === undefined ? 'it is missing' : `not ${JSON.stringify(value)?.slice(0, 80)}`;
  return [`${where(path, 'value')}: ${shown} must be ${issue.message}, ${got}`];
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value;
}

/** A path in the file starts at the file's folder, one from the outside at the working directory. */
function withAbsolutePaths(config: Config, given: readonly GivenSetting[], file: string | undefined): Config {
  const isGiven = (key: string) => given.some(({ path }) => path.join('.') === key);
  const folder = file === undefined ? '.' : dirname(file);
  const absolute = (key: string, path: string) => resolve(isGiven(key) ? '.' : folder, path);
  const { root, alternates } = config.files;
  const { pkcs11 } = config.keys;
  return {
    ...config,
    keys: {
      pkcs11: pkcs11 && {
        ...pkcs11,
        // A bare name is the loader's to find.
        module: pkcs11.module.includes('/') ? absolute('keys.pkcs11.module', pkcs11.module) : pkcs11.module,
        pinFile: absolute('keys.pkcs11.pinFile', pkcs11.pinFile),
      },
    },
    files: {
      ...config.files,
      root: root === undefined ? undefined : absolute('files.root', root),
      alternates: alternates.map((path) => absolute('files.alternates', path)),
    },
  };
}
