/** A phone's question about a signer to a TVS, and the answer as the judge of phones wants it. */
import { Failure } from '../base/errors.ts';
import type { TvsSigner } from '../core/phone/phone.ts';
import type { TvsAnswer } from '../core/trust/judge.ts';
import { askTvs } from './tvs-client.ts';
import type { TvsIdentity } from './tvs-server.ts';

export interface TvsAsked {
  readonly signer: TvsSigner;
  readonly answer: TvsAnswer;
  /** Why there was none. */
  readonly reason: string | undefined;
}

export interface TvsSource {
  readonly host: string;
  readonly port: number;
  /** As the phone calls itself. */
  readonly device: string;
  readonly identity?: TvsIdentity | undefined;
}

/** A service that cannot be reached is an answer too: the phone then refuses the file. */
export async function querySigner(source: TvsSource, signer: TvsSigner): Promise<TvsAsked> {
  const { host, port, device, identity } = source;
  const { subject, issuer, serial } = signer;
  try {
    const { response, server } = await askTvs({
      host,
      port,
      identity,
      ask: { command: 'query-request', device, subject, issuer, serial },
    });
    const { vouched } = response;
    const answer: TvsAnswer =
      vouched !== undefined && 'certificate' in vouched
        ? { kind: 'vouched', server, ...vouched }
        : { kind: 'refused', server };
    return { signer, answer, reason: undefined };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return { signer, answer: { kind: 'unreachable' }, reason: thrown.message };
  }
}
