/** PostgreSQL's SQLSTATEs (appendix A of its manual) and lost connections as Failures; anything else is a bug. */
import { DatabaseError } from 'pg';
import { Failure, type ErrorCode } from '../base/errors.ts';

const again = 'Repeat in a moment.';
const login = 'Check user and password in the URL, PGPASSWORD or PGPASSFILE, and pg_hba.conf of the server.';

/** First match wins; a class of two characters stands for all of its codes. */
const known: readonly (readonly [prefix: string, code: ErrorCode, what: string, hint: string])[] = [
  ['40', 'storage-busy', 'another node was writing', again],
  ['55P03', 'storage-busy', 'another node is writing', 'Repeat when it has finished.'],
  ['57014', 'storage-busy', 'it took too long to answer', again],
  ['53100', 'storage-full', 'its disk is full', 'Make room on the server of the database and repeat.'],
  ['53', 'storage-busy', 'it has no room for another connection', 'Raise max_connections of the server.'],
  ['57P', 'unreachable', 'it is starting or shutting down', again],
  ['08', 'unreachable', 'the connection broke', again],
  ['28', 'storage-unreadable', 'it refuses the login', login],
  ['3D000', 'storage-unreadable', 'there is no such database', 'createdb makes it; init fills it.'],
  ['42501', 'storage-unreadable', 'permission denied', 'Make the user the owner of the database.'],
  ['25006', 'storage-unreadable', 'it is read-only', 'Is it a standby? Name the primary.'],
  ['XX001', 'storage-corrupt', 'it is damaged', 'Restore a backup.'],
  ['XX002', 'storage-corrupt', 'an index of it is damaged', 'REINDEX, or restore a backup.'],
];

export function postgresFailure(error: unknown, where: string): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error;
  // The driver's own errors about its connection are plain ones; what has a class of its own is a bug.
  if (!(error instanceof DatabaseError) && error.constructor !== Error) return error;
  if (!(error instanceof DatabaseError))
    return new Failure('unreachable', `${where}: ${error.message}`, {
      hint: 'Is the server running, and reachable from here?',
      cause: error,
    });
  const entry = known.find(([prefix]) => error.code?.startsWith(prefix));
  if (!entry) return error;
  const [, code, what, hint] = entry;
  return new Failure(code, `${where}: ${what} (${error.code})`, { hint, cause: error });
}
