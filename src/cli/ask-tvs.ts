/** A question to a TVS from the command line. */
import type { TvsSigner } from '../core/phone/phone.ts';
import type { TvsAsked, TvsSource } from '../net/query-signer.ts';

export type { TvsAsked, TvsSource } from '../net/query-signer.ts';

export async function querySigner(source: TvsSource, signer: TvsSigner): Promise<TvsAsked> {
  const { querySigner: query } = await import('../net/query-signer.ts');
  return query(source, signer);
}

/** A TVS's port where none is named (formats.md §4). */
export const tvsPort = 2445;
