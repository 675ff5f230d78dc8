/** The tftp-pki.yaml that `init` writes: what differs from the defaults, and where to read of the rest. */
import { stringify } from 'yaml';

export function newConfigText(settings: { readonly filesRoot: string | undefined }): string {
  const head =
    '# Settings of this node. All of them: docs/reference/configuration.md; `serve` names what is wrong.\n';
  return settings.filesRoot === undefined
    ? `${head}{}\n`
    : `${head}${stringify({ files: { root: settings.filesRoot } })}`;
}
