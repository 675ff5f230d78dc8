/** The settings as a flat list, read off the schema itself, for the environment, for hints and for the documentation. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of JSON Schema that the settings use. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

export interface SettingLeaf {
  /** `tftp.blksizeMax` */
  readonly path: readonly string[];
  readonly node: SchemaNode;
}

/** What a person writes, before defaults and conversion. */
export function configJsonSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
}

export const settingLeaves: readonly SettingLeaf[] = collect(configJsonSchema(), []);

function collect(node: SchemaNode, path: readonly string[]): readonly SettingLeaf[] {
  if (node.properties === undefined) return [{ path, node }];
  return Object.entries(node.properties).flatMap(([key, child]) => collect(child, [...path, key]));
}

/** Keys that stand directly in the group at `path`. */
export function keysOfGroup(path: readonly PropertyKey[]): readonly string[] {
  let node: SchemaNode | undefined = configJsonSchema();
  for (const key of path) node = typeof key === 'number' ? node?.items : node?.properties?.[String(key)];
  return Object.keys(node?.properties ?? {});
}

/** `tftp.blksizeMax` is `TFTP_PKI_TFTP_BLKSIZE_MAX`. */
export function environmentName(path: readonly string[]): string {
  const words = path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return `TFTP_PKI_${words.join('_')}`;
}
