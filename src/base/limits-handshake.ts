/** Bounds of what TLS handshakes tell of phones (core/trust/handshake.ts); the others stand in limits.ts. */

/** A phone that was given a list may ask the TVS, or another file, before it has taken it; a boot is over by then. */
export const listTakenWithinMs = 120_000;
/** Handshakes of phones that named themselves are told this often: nobody waits for what they disprove … */
export const handshakeFlushMs = 1_000;
/** … and so many; more are forgotten, and the phones speak TLS again. */
export const handshakesPerMessageMax = 1_024;
/** Messages of them that wait for the back's judgement: a chain of certificates costs a tenth of a millisecond. */
export const handshakesWaitingMax = 4_096;
/** A phone's handshake that tells nothing new is written down again after this long. */
export const handshakeGrainMs = 600_000;
