/** The tftp-pki.yaml that `init` writes: what differs from the defaults, and where to read of the rest. */
import { parseDocument, stringify } from 'yaml';
import type { Config } from './schema.ts';

export interface NewConfig {
  /** The provisioning directory. */
  readonly filesRoot: string | undefined;
  /** The node of the folder in a cluster of several. */
  readonly node?: string | undefined;
  /** PostgreSQL; undefined for the file in the folder. */
  readonly database?: string | undefined;
  /** The token of the keys. */
  readonly pkcs11?: Config['keys']['pkcs11'];
}

export function newConfigText({ filesRoot, node, database, pkcs11 }: NewConfig): string {
  const head =
    '# Settings of this node. All of them: docs/reference/configuration.md; `serve` names what is wrong.\n';
  const settings = {
    ...(filesRoot !== undefined && { files: { root: filesRoot } }),
    ...(node !== undefined && { node }),
    ...(database !== undefined && { database }),
    ...(pkcs11 !== undefined && { keys: { pkcs11 } }),
  };
  return `${head}${stringify(settings)}`;
}

/** The same file with another database; comments and the other settings stay as they are. */
export function withDatabase(text: string, { database, node }: { database: string; node: string }): string {
  const document = parseDocument(text);
  document.set('node', node);
  document.set('database', database);
  return document.toString();
}
