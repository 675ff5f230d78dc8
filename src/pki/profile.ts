/**
 * Certificate profiles: one YAML file per purpose in certs/ at the package root, read when a certificate is
 * issued and checked against a closed schema. Placeholders of the subject: {node} {host} {domain} {cluster}
 * {random} (see certs/README.md). Refuses unknown fields, purposes and placeholders with `config-invalid`.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { Failure } from '../base/errors.ts';
import type { NameAttributes } from '../core/ports.ts';
import { certificatePurposes, type CertificatePurpose } from '../core/cluster/model.ts';

/** Both src/pki/ and dist/pki/ stand two folders below the package root. */
export const packagedProfiles = new URL('../../certs/', import.meta.url);

const profileSchema = z.strictObject({
  purpose: z.enum(certificatePurposes as readonly [CertificatePurpose, ...CertificatePurpose[]]),
  key: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('rsa'), bits: z.union([z.literal(2048), z.literal(4096)]) }),
    z.strictObject({ type: z.literal('ec'), curve: z.enum(['P-256', 'P-384', 'P-521']) }),
  ]),
  /** Of the certificate's own signature; what the key signs later is another matter. */
  hash: z.enum(['sha256', 'sha384', 'sha512']),
  validityYears: z.int().min(1).max(30),
  subject: z.partialRecord(z.enum(['CN', 'OU', 'O', 'L', 'ST', 'C']), z.string().min(1)),
  keyUsage: z
    .array(z.enum(['digitalSignature', 'keyEncipherment', 'dataEncipherment', 'keyAgreement', 'keyCertSign']))
    .min(1),
  extendedKeyUsage: z.array(z.enum(['serverAuth', 'clientAuth'])),
  certificateAuthority: z.boolean(),
  subjectAlternativeName: z.boolean(),
});

export type Profile = z.infer<typeof profileSchema>;

export function readProfile(purpose: CertificatePurpose, folder: URL = packagedProfiles): Profile {
  const file = new URL(`${purpose}.yaml`, folder);
  const parsed = profileSchema.safeParse(parseFile(file));
  if (!parsed.success) throw invalid(file, z.prettifyError(parsed.error));
  if (parsed.data.purpose !== purpose) throw invalid(file, `it is for ${parsed.data.purpose}`);
  return parsed.data;
}

export interface SubjectValues {
  readonly node: string;
  readonly cluster: string;
  /** Eight hex digits, as CUCM names a CAPF. */
  readonly random: string;
}

/** RFC 5280 appendix A: ub-common-name and its neighbours; phones and CUCM keep to it. */
const attributeCharactersMax = 64;

/** The subject with its placeholders filled in, in the profile's order. */
export function fillSubject(profile: Profile, values: SubjectValues): NameAttributes {
  const dot = values.node.indexOf('.');
  const host = dot === -1 ? values.node : values.node.slice(0, dot);
  const known: Record<string, string> = { ...values, host, domain: values.node.slice(host.length) };
  return Object.entries(profile.subject).map(([type, template]) => {
    const value = template.replace(/\{([^}]*)\}/g, (_whole, name: string) => {
      const filled = known[name];
      if (filled === undefined)
        throw new Failure('config-invalid', `profile ${profile.purpose}: unknown placeholder {${name}}`);
      return filled;
    });
    if (value.length > attributeCharactersMax)
      throw new Failure(
        'refused',
        `the ${profile.purpose} certificate's ${type} would be longer than 64: ${value}`,
        {
          hint: 'Give the node a shorter name.',
        },
      );
    return [type, value];
  });
}

function parseFile(file: URL): unknown {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message : String(cause));
  }
}

function invalid(file: URL, reason: string): Failure {
  return new Failure('config-invalid', `certificate profile ${file.pathname}: ${reason}`);
}
