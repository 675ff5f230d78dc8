/** Bounds of what leaves the single port for ports of its own (core/tftp/own-ports.ts): unit last in the name, the reason beside it. */

/** A request that was handed to a port of its own and not acknowledged after this long: before a phone asks again (4 s). */
export const ownPortTriedMs = 3_000;
/** Its address is then answered from the single port, long enough for a boot with all its repeats … */
export const unreachedRememberedMs = 10 * 60 * 1000;
/** … and so many addresses, about 100 bytes each: one that is forgotten early costs its phone ownPortTriedMs. */
export const unreachedAddressesMax = 16_384;
/** Ports at once beside the single port, a descriptor each: a storm's lists take milliseconds each … */
export const ownPortsMax = 1_024;
/** … and for one address: a branch behind one proves nothing anyway, and nobody alone must have all of them. */
export const ownPortsPerAddressMax = 64;
