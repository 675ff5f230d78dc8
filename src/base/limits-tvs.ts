/** Every bound of the TVS, ours and the one we ask; the others stand in limits.ts. */

/** A TVS message holds at most one certificate; the rest is names. */
export const tvsMessageBytesMax = 20_480;
/** Subject, issuer, device name: a certificate's longest attribute is 64 characters, a name has about ten. */
export const tvsNameBytesMax = 1_024;
/** RFC 5280 §4.1.2.2 allows 20; some writers keep a leading 00. */
export const tvsSerialBytesMax = 64;
/** As many as there are roles, and room for a repeat. */
export const tvsRolesMax = 16;
/** How long a phone keeps an answer (seconds), as CUCM says it … */
export const tvsTtlSeconds = 86_400;
/** … and while certificates change, so that a removal is not outlived by a day. */
export const tvsTtlRotatingSeconds = 3_600;
/** Connections to the TVS, idle ones too; about 40 KB each. */
export const tvsConnectionsMax = 10_000;
/** A branch office behind one NAT address; above it its oldest connection makes room. */
export const tvsConnectionsPerAddressMax = 2_048;
/** A handshake costs about 2 ms of RSA: half of a core, the other half answers. Addresses take turns … */
export const tvsHandshakesPerSecond = 250;
/** … after as many at once; a site that boots is answered within a second. */
export const tvsHandshakeBurst = 100;
/** From the connection to the end of its handshake, its turn included. */
export const tvsHandshakeMs = 15_000;
/** A question that has begun must be complete, and an answer read, within this time. */
export const tvsExchangeMs = 10_000;
/** A connection without a question; phones come back. */
export const tvsIdleMs = 60_000;
/** Connections are looked at this often for the three times above. */
export const tvsSweepMs = 500;
/** Our own client waits this long for connection, handshake and answer together. */
export const tvsAskMs = 10_000;
/** Without its back a TVS goes on answering from its last snapshot for this long: a restart, not a retired certificate. */
export const tvsOrphanMs = 15 * 60 * 1000;
/** A successor waits this long for the TVS of a server that died; it ends at once. */
export const tvsHandoverMs = 3_000;
/**
 * For this long a phone may take files by a signer that a TVS vouched for: as long as it keeps the answer, and an hour for
 * clocks that differ and for what is told again only after tvsAskerAgainMs.
 */
export const tvsAskedCountsMs = (tvsTtlSeconds + 3_600) * 1_000;
export const tvsAskerAgainMs = 30 * 60 * 1000;
/** The back hears of them this often, so many in a message … */
export const tvsAskersTellMs = 250;
export const tvsAskersPerMessageMax = 1_024;
/** … and remembered, not to be told again, are so many; above it each is told each time. */
export const tvsAskersKnownMax = 100_000;
/** So many wait for a database that is away; above it nobody can tell who asked, and anybody may have. */
export const tvsAskersWaitingMax = 10_000;
/** That a phone took a configuration counts when every TVS of the cluster has had this long to say whether it was asked. */
export const tvsAskersWaitMs = 3_000;
/** The back hears of unknown signers this often at most, and of the latest of them, for `status`. */
export const tvsReportMs = 2_000;
export const tvsReportedDevicesMax = 200;
/** The database could not be read for a new snapshot: again after this long. */
export const tvsRefreshAgainMs = 1_000;
/** Devices whose questions for unknown signers are told apart; the rest is one number. */
export const tvsUnknownDevicesMax = 20_000;
