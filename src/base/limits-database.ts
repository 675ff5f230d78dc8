/** Limits of nodes whose database is elsewhere (design.md §7): its copy, its outages, what nodes tell each other. */

/** A server that has a copy to go on with waits no longer for one answer; the longest, of a copy's first rows, takes 0.2 s. */
export const servingAnswerMsMax = 5_000;
/** Beliefs that a node tells the others in one statement. */
export const beliefsPerStatementMax = 1_000;
/** Askers of a TVS in one statement. */
export const tvsAskersPerStatementMax = 500;
/** Rows in one statement that fills a new database; with 22 columns far below PostgreSQL's 65,535 parameters. */
export const movedRowsPerStatement = 500;
/** Rows of the database that a node's copy takes at once: some 20 ms in which no phone is answered. */
export const replicaRowsPerFetch = 1_000;
/** Pages of a copy that is written: those of 100,000 devices are written once, where 16 MiB give many out and fetch them again. */
export const replicaCacheKibibytes = 64 * 1024;
/** How often a node asks the database for what nobody tells of: timestamps that others gave. */
export const replicaLookMs = 1_000;
/** A database that is away is asked again after this long, doubling. */
export const replicaRetryMsMin = 250;
export const replicaRetryMsMax = 4_000;
/** A node says this often what it serves; after three times as long it is called silent. */
export const nodeStateEveryMs = 2_000;
/** A signature waits this long for the database's word on its timestamp; phones ask again after 4 s (domain.md §1). */
export const timestampWaitMsMax = 1_500;
/** Timestamps that are told to a database that came back, in one transaction. */
export const owedPerTransactionMax = 500;
/** Work of a node that is gone is taken by another one within this time. */
export const sharedWorkLookMs = 5_000;
/** A PostgreSQL that said nothing for so long will not: its machine or the network is gone. */
export const databaseAnswerMsMax = 35_000;
