/**
 * Work that one node at a time does, by PostgreSQL's advisory locks (its manual, 13.3.5): held by a connection of their
 * own for as long as it lives, so that the work of a node that dies, or loses the database, is free for the others.
 */
import { Client } from 'pg';
import { servingAnswerMsMax } from '../base/limits-database.ts';
import { databaseConnectMsMax } from '../base/limits.ts';
import type { SharedWork, Whose, WorkLocks } from './database.ts';

/** Fixed numbers that no other program of the database uses: "tftppki" in ASCII, and on from the writers' lock. */
const locks: Readonly<Record<SharedWork, string>> = {
  'sign-ahead': '32760422078410602',
  probes: '32760422078410603',
  expiry: '32760422078410604',
};

export function createWorkLocks(url: string): WorkLocks {
  let client: Client | undefined;
  let held = new Set<SharedWork>();
  let asking: Promise<unknown> = Promise.resolve();

  const drop = async (): Promise<void> => {
    const gone = client;
    client = undefined;
    held = new Set();
    // One that broke cannot say good-bye.
    await gone?.end().catch(() => undefined);
  };
  const connect = async (): Promise<Client> => {
    const fresh = new Client({
      connectionString: url,
      connectionTimeoutMillis: databaseConnectMsMax,
      query_timeout: servingAnswerMsMax,
      keepAlive: true,
      application_name: 'tftp-pki work',
    });
    fresh.on('error', () => undefined);
    fresh.on('end', () => {
      if (client === fresh) void drop();
    });
    await fresh.connect();
    return fresh;
  };
  const ask = async (work: SharedWork): Promise<Whose> => {
    try {
      client ??= await connect();
      if (held.has(work)) {
        // A connection that broke unnoticed holds nothing.
        await client.query('select 1');
        return 'ours';
      }
      const { rows } = await client.query<{ got: boolean }>(
        `select pg_try_advisory_lock(${locks[work]}) as got`,
      );
      if (rows[0]?.got !== true) return 'others';
      held.add(work);
      return 'ours';
    } catch (error) {
      if (error instanceof TypeError) throw error;
      // Whatever it was: a lock that cannot be asked for is nobody's as far as we know, and is asked for again.
      void drop();
      return 'unknown';
    }
  };
  return {
    whose(work) {
      const answer = asking.then(() => ask(work));
      asking = answer;
      return answer;
    },
    async close() {
      await asking;
      await drop();
    },
  };
}
