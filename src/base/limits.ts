/** Every bound of the product, written once: unit last in the name, the reason beside it. */

/** Cisco names are under 50 bytes; the rest is room for a locale folder. security.md: "Name ≤ 128 bytes". */
export const fileNameBytesMax = 128;

/** A trust list above this does not load on phones (about 39 certificates). */
export const trustListBytesMax = 65_536;
/** A real header is under 1 KiB; the verifier refuses above. */
export const signedHeaderBytesMax = 16_384;
/** Padding aligns to 4, so 3 are enough; 64 are tolerated. */
export const headerPaddingBytesMax = 64;
/** A signed file is built and verified in memory; firmware never is. */
export const signedFileBytesMax = 16 * 1024 * 1024;
/** Up to here a file is held in memory and served from the byte cache; above it is streamed from its descriptor. */
export const memoryFileBytesMax = 1024 * 1024;
/** Bytes of all files held by the byte cache. */
export const byteCacheBytesMax = 128 * 1024 * 1024;
/** A netascii transfer is converted in memory first, because its size differs from the file's. */
export const netasciiBytesMax = 16 * 1024 * 1024;

/** RFC 2348. */
export const blksizeMin = 8;
export const blksizeMax = 65_464;
/** RFC 1350: without options. */
export const blksizeDefault = 512;
/** RFC 2349. */
export const timeoutSecondsMax = 255;
/** RFC 7440 allows 65535; a forged ACK must not release more than this many packets. */
export const windowsizeMax = 64;
/** A request is read and judged before parsing; 512 is RFC 2347's size of a request packet. */
export const requestBytesMax = 512;

/** First retransmission timeout, before a round trip was measured. */
export const retransmitInitialMs = 1_000;
export const retransmitMinMs = 100;
export const retransmitMaxMs = 8_000;
/** A transfer without progress for this long ends. */
export const transferIdleMs = 30_000;
/** Amplification: before the first ACK at most this many DATA or OACK per request. */
export const dataBeforeFirstAckMax = 2;
export const oackBeforeFirstAckMax = 3;

export const transfersMax = 10_000;
/** A branch office behind one NAT address. */
export const transfersPerAddressMax = 2_048;
export const transfersPerSubnetMax = 4_096;

/** A signer's clock may be ahead of ours by this much. */
export const timestampAheadSecondsMax = 600;
/** Phones of this field break above 2048 and RSA-1024 is a policy question. */
export const signerRsaBitsMin = 2_048;
