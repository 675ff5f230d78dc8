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
/** Encrypted configurations that are kept, about 10 KB each: a fleet boots from memory. */
export const encryptedFilesBytesMax = 64 * 1024 * 1024;
/** Configurations with secrets that were told of already. */
export const secretsToldMax = 20_000;
/** Bytes of all files held by the byte cache; three quarters of it hold 10,000 signed configurations of 10 KB. */
export const byteCacheBytesMax = 160 * 1024 * 1024;
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
/**
 * Bytes sent to one /24 or /56 that no ACK has answered yet; the debt fades within transferIdleMs.
 * 4,096 phones that boot at once owe 2 MiB of first blocks.
 */
export const unacknowledgedBytesPerSubnetMax = 4 * 1024 * 1024;
/** What one address may pull from us (a gigabit): single port has no server TID, so ACKs can be forged. */
export const bytesPerSecondPerAddressMax = 125_000_000;
/** Addresses and subnets whose recent traffic is remembered after their last transfer. */
export const rememberedSourcesMax = 16_384;
/** Distinct unknown names an address may ask in a minute beyond those it was served. */
export const unknownNamesPerMinuteMax = 200;
/** The answer to an address that guesses names waits this long. */
export const guessedNameDelayMs = 2_000;
/** Addresses the enumeration guard remembers, about 700 bytes each. */
export const guardedAddressesMax = 4_096;
/** Events about noise (strays, malformed packets, refused networks) per second; counters count all. */
export const noiseEventsPerSecondMax = 10;
/** Retransmission timers are looked at this often; a tenth of the smallest timeout. */
export const timerTickMs = 10;
/** The server waits at most this long between two looks at one transfer; RFC 2349's `timeout` above it is shortened. */
export const agreedTimeoutMsMax = 10_000;
/** A repeat of the last ACK of a window is believed at most this often, however short the round trip. */
export const windowRepeatMinMs = 10;
/** Our client re-acknowledges the last block for this long after it has the file (RFC 1350 §6, "dallying"). */
export const dallyMsMax = 3_000;
/** Requested of the kernel; with its default most of a 1,000-phone storm is dropped. */
export const receiveBufferBytes = 4 * 1024 * 1024;
/** Netascii copies of all running transfers together. */
export const netasciiTotalBytesMax = 64 * 1024 * 1024;
/** Files above memoryFileBytesMax are read in chunks of this size ... */
export const readChunkBytes = 64 * 1024;
/** ... which all transfers share up to this much. */
export const readCacheBytesMax = 32 * 1024 * 1024;
/** Packets ready to send (mmsg engine), a power of two: 4,000 configurations at one blksize. */
export const packetImageBytesMax = 64 * 1024 * 1024;
/**
 * Files by name in the packet engine's own thread, beside the byte cache it was told by: the same 10,000, or a storm of
 * them would ask the main thread for each.
 */
export const engineFilesBytesMax = 128 * 1024 * 1024;

/** A signer's clock may be ahead of ours by this much. */
export const timestampAheadSecondsMax = 600;
/** Phones of this field break above 2048 and RSA-1024 is a policy question. */
export const signerRsaBitsMin = 2_048;

/** A CUCM certificate is about 1 KiB; 16 KiB leaves room for a corporate CA's extensions. */
export const certificateBytesMax = 16_384;
/** A chain or a CA bundle; more is not what a person means by a certificate file. */
export const certificatesPerFileMax = 256;
/** Loaded public keys held by a verifier: every signer of two full trust lists and then some. */
export const publicKeysCachedMax = 256;
/** Above it one verification costs milliseconds; the header's largest modulus code means 4096. */
export const rsaBitsMax = 8_192;

/** design.md: a primary path and up to ten alternates. */
export const alternateRootsMax = 10;
/** Rewrite rules are tried one after the other for every name. */
export const rewriteRulesMax = 64;
export const rewritePatternCharsMax = 256;
/** A listing kept for case-insensitive look-ups; a directory above this is matched exactly only. */
export const directoryEntriesMax = 500_000;
/** Directories whose listings are kept and watched; inotify's old default allows 8,192 per user. */
export const directoriesKnownMax = 1_024;
/** A listing costs time in proportion to its size: at most this share of the time is spent on listing anew. */
export const directoryScanShare = 0.05;
/** The kernel stamps changes with a coarse clock: a listing younger than its directory by less than this is not trusted. */
export const directoryClockGrainMs = 50;
/** Changes on disk that follow each other faster are told together: an import of 100,000 files is not 100,000 alarms. */
export const directoryChangesTogetherMs = 20;
/** A watched directory may be replaced by another of its name, which nobody announces: looked at this often. */
export const directoryLookMs = 5_000;
/**
 * How long the edge may repeat an answer where changes on disk are announced by the kernel. They are told at once; this
 * is for a change that the kernel did not announce (through another hard link, an overflown queue) …
 */
export const freshWatchedMs = 30_000;
/** … and where nobody announces them (network file systems, no watches left). */
export const freshUnwatchedMs = 1_000;
/** A not-found is repeated from memory for this long, and only for this many names: a device added now boots now. */
export const freshNotFoundMs = 250;
export const notFoundNamesMax = 4_096;
/** A file that is being written is read again this often before the asker is told to come back. */
export const unsettledReadsMax = 3;

/** Headers of signed files are kept (at most 1 KiB each), bodies are read anew; a phone has two, configuration and marker. */
export const signedHeadersKeptMax = 40_000;
/** Cold signatures at once: RSA runs on the thread pool, which has four threads that file reads need too. */
export const signingConcurrentMax = 2;
/** Cold signatures waiting; a storm of 10,000 phones fits, more are told to come back. */
export const signingQueueMax = 16_384;
/** Content that waits with them: a storm's 10,000 configurations of 6 KiB fit, a few hundred locale files do. */
export const signingQueueBytesMax = 128 * 1024 * 1024;
/** Of these from one address: any spelling of a name is a signature of its own, so one asker must not fill the queue. */
export const signingPerAddressMax = 2_048;

/** A phone's request is under 300 bytes. */
export const httpHeaderBytesMax = 8_192;
/** From the first byte of a request to the end of its header, in which a slow sender must be done. */
export const httpHeadersMs = 10_000;
export const httpRequestMs = 15_000;
export const httpKeepAliveMs = 5_000;
/** A connection on which nothing moves. */
export const httpIdleMs = 30_000;
/** At the end, how long a client may take to read what it is being sent. */
export const httpCloseMs = 1_000;
export const httpConnectionsMax = 10_000;
/** A branch office behind one NAT address. */
export const httpConnectionsPerAddressMax = 2_048;
/** Files streamed from their descriptors at once; above it 503. */
export const httpStreamsMax = 256;
/** Read-ahead of one streamed file; with the limit above 64 MiB in all. */
export const httpChunkBytes = 256 * 1024;

/** A child process that died is started again after this long, doubling while it dies at once. */
export const childRestartMsMin = 50;
export const childRestartMsMax = 1_600;
/** The `reload` command waits this long for the server's word. */
export const reloadWaitMsMax = 10_000;
/** How often a server asks whether another process changed the database: a change is served at once, to a person. */
export const storeVersionPollMs = 200;

export const configBytesMax = 256 * 1024;

/** Our own clients (`get`, a simulated phone) hold a file in memory; firmware is under 200 MB. */
export const fetchedFileBytesMax = 256 * 1024 * 1024;
/** A server that sends nothing for this long does not answer. */
export const fetchIdleMs = 10_000;
/** PBKDF2 rounds around a key at rest: 60 ms to open one, so a node's keys open well within a 2 s restart. */
export const keyIterations = 200_000;
/** Under our own 256 random bits: rounds make guessing dearer, and there is nothing to guess; as many as OpenSSL writes. */
export const randomKeyIterations = 2_048;
/** A writer waits this long for another process's transaction; ours are under 50 ms, so longer means stuck. */
export const databaseWaitMsMax = 5_000;
/** Of one process to PostgreSQL: its server forks for each, and writers exclude each other anyway. */
export const databaseConnectionsMax = 4;
/** A PostgreSQL that does not take a connection for so long is down. */
export const databaseConnectMsMax = 3_000;
/** No statement of ours takes longer, and one that hangs must not hold a connection for ever. */
export const databaseStatementMsMax = 30_000;
/** security.md §3: a PKCS#12 file that asks for more rounds wants to keep us busy ... */
export const pkcs12IterationsMax = 1_000_000;
/** ... and so does one with many parts: certificates, keys and MAC of a file, each as strong as it may be. */
export const pkcs12RoundsMax = 3_000_000;
/** ... and one that is larger is no exchange of certificates. */
export const pkcs12BytesMax = 4 * 1024 * 1024;
/** A share's server that says nothing for this long is gone: connecting, and each request. */
export const shareAnswerMsMax = 20_000;
/** A lock on a share that is older belongs to somebody who is gone; a consolidation of 200 clusters takes seconds. */
export const shareLockMsMax = 10 * 60 * 1000;
/** Requests on their way to a share at once: hides the network's delay, and few servers allow more open files. */
export const shareRequestsMax = 16;
/** Names read from one folder of a share: clusters, or the files of one. */
export const shareEntriesMax = 20_000;

/** A manifest of 4,096 certificates is about 1.5 MB. */
export const bulkFileBytesMax = 4 * 1024 * 1024;
/** 200 clusters of 8 nodes are 8 MB; the file is read into memory. */
export const bulkConsolidationBytesMax = 64 * 1024 * 1024;
/** Of one cluster: ten nodes with five types, twice during rotations, and much room. */
export const bulkCertificatesMax = 4_096;
/** Clusters of one exchange. */
export const bulkClustersMax = 1_024;
/**
 * PBKDF2 and MAC rounds of an exported PKCS#12, the least that RFC 8018 §4.2 asks for: certificates are no secret,
 * integrity is the manifest's, and who merges 200 clusters pays for each of 1,800 files.
 */
export const bulkIterations = 1_000;
/** A SAST of a migration ends by itself, at the latest after this. */
export const migrationDaysMax = 366;

/**
 * New timestamps of signed files that share one transaction: about 10 ms of the database's lock. As many cold files are
 * on their way at once, most of them waiting for one of `signingConcurrentMax`.
 */
export const timestampsPerTransactionMax = 128;

/** PBKDF2 rounds around a backup: it leaves the house, so three times what a key in the folder has. */
export const backupIterations = 600_000;
/** A backup is sealed and opened in pieces of this size, so its size is bounded by the disk alone. */
export const backupPieceBytes = 64 * 1024;
/** What stands at the front of a backup: names and sizes of about 20 files. */
export const backupManifestBytesMax = 64 * 1024;
/** Without the old folder nobody knows how often phones got new lists since the backup; a year has a handful. */
export const restoreGenerationGap = 1_000;
/** Timestamps may run ahead of the clock by one second for each change within it. */
export const restoreAheadSeconds = 60;

/** A phone's configuration is about 10 KB; CUCM's largest are under 64 KB. */
export const importedFileBytesMax = 256 * 1024;
export const importedElementsMax = 10_000;
export const importedNestingMax = 64;
/** Devices written in one transaction: about 10 ms of the database's lock. */
export const devicesPerTransactionMax = 200;
/** Skeletons of imported files held in memory; a fleet has one per model and release. */
export const documentTemplatesKeptMax = 64;
/** Changed devices whose names are read at once to be signed before they ask: a storm of them boots from memory. */
export const signAheadDevicesMax = 1_000;
/** Of these at once, so that a phone that asks waits behind no more. */
export const signAheadConcurrentMax = 4;
/** A running server looks this often whether a certificate of its own ends soon. */
export const expiryLookMs = 24 * 60 * 60 * 1000;
/** A CSV of 100,000 devices with a few lines each is under 20 MB. */
export const importedCsvBytesMax = 64 * 1024 * 1024;

/** design.md §3: a home that answered is believed for as long as CUCM's own proxy remembers it ... */
export const homeRememberedMs = 30 * 60 * 1000;
/** ... and that nobody has a device only shortly: one just added must not wait. */
export const nowhereRememberedMs = 30 * 1000;
/** Devices of all remote clusters together, about 150 bytes each. */
export const homesRememberedMax = 200_000;
/** Names that nobody has. */
export const nowhereNamesMax = 20_000;
/** A device that completed a transfer is taken to be behind its address for this long ... */
export const sourceRememberedMs = 30 * 60 * 1000;
/** ... and one that only asked for as long as a boot takes. */
export const sourceAskedMs = 2 * 60 * 1000;
/** Addresses where a transfer was completed, whose devices are remembered. */
export const sourcesRememberedMax = 32_768;
/** Devices behind one address: a branch office behind NAT. */
export const sourceDevicesMax = 2_048;
/** Devices that only asked, behind one address: a branch office that boots at once … */
export const sourceDevicesAskedMax = 512;
/** … and in all, about 150 bytes each: requests can be forged, so this many cost 20 MB and not more. */
export const sourcesAskedDevicesMax = 131_072;
/** Evidence is as old as what a phone may hold: a TVS's word lives a day, ours must end long before. */
export const evidenceForMs = 60 * 60 * 1000;
/** `SK…`, `DR…` and `FP…` files of all clusters whose home is remembered by the name. */
export const uuidNamesRememberedMax = 50_000;
/** Devices behind one address whose forgotten homes are asked for before an un-named file is decided. */
export const homesAskedPerRequestMax = 4;
/** Configurations that homes gave: how long their absence is not believed while the device is still there … */
export const configGoneMs = 5_000;
/** … of so many names, about 100 bytes each. */
export const configsGivenMax = 200_000;
/** Homes that were learnt are written together this often. */
export const homesSavedEveryMs = 2_000;
/** Servers of pinned clusters are probed anew this often, so that evidence never runs out while they answer ... */
export const remoteProbeEveryMs = 20 * 60 * 1000;
/** ... sooner where phones do not believe our signer yet: whoever imports it over there does not tell us ... */
export const remoteProbeUncoveredEveryMs = 5 * 60 * 1000;
/** ... looked at this often ... */
export const remoteProbeLookMs = 60 * 1000;
/** ... and not more often than this, whatever the relay meets. */
export const remoteRefreshMinMs = 10_000;
/** A TVS's word about a foreign signer is asked again after this long; phones themselves keep it for a day. */
export const tvsWordsKeptMs = 5 * 60 * 1000;

/** An address of a remote cluster that has not said a word within this time is taken for dead (security.md §4) … */
export const remoteFirstAnswerMs = 800;
/** … after this many such requests, none of which was answered … */
export const remoteFailuresMax = 2;
/** … and is then left alone for this long. */
export const remoteRestMs = 30_000;
/** HTTP is asked first; a server that has not taken the connection after this long is asked by TFTP at the same time. */
export const remoteTftpAfterMs = 250;
/** What one request of a phone waits for remotes in all: its own TFTP timer is about 4 s. */
export const remoteBudgetMs = 3_000;
/** An old CUCM has five connection objects for everybody: at most this many requests at once at one cluster … */
export const remoteConcurrentMax = 2;
/** … of which large files may take this many, so that configurations always pass … */
export const remoteLargeConcurrentMax = 1;
/** … while this many wait; more are told to come back. */
export const remotePendingMax = 64;
/** A remote's transfer on which nothing moves. */
export const remoteIdleMs = 5_000;
/** A file that is not firmware is under 16 MiB: at 1 MB/s it is here long before. */
export const remoteTransferMsMax = 30_000;
/** Firmware of 200 MB at 350 kB/s. */
export const remoteFirmwareMsMax = 600_000;
/** Unsigned files from here on are answered busy once and fetched to disk; below it a phone's timer has patience. */
export const remoteLargeBytesMin = 1024 * 1024;
/** A relayed file is held in memory up to here and on disk beyond: with the sockets' buffers under 256 KiB per file. */
export const relayMemoryBytesMax = 64 * 1024;
/** Files of remotes on disk, before and after they were judged: firmware of a few models. */
export const quarantineBytesMax = 2 * 1024 * 1024 * 1024;
export const quarantineBytesPerRemoteMax = 1024 * 1024 * 1024;
/** What the /24 or /56 of one phone may make us fetch at once. */
export const quarantineBytesPerSourceMax = 512 * 1024 * 1024;
/** Firmware is named by its version and does not change: it is fetched once a day. */
export const relayedFirmwareFreshMs = 24 * 60 * 60 * 1000;
/** A file without a device's name is the same for a cluster's thousand phones that boot together. */
export const relayedCommonFreshMs = 2_000;
/** A device's own file is as old as one on a network file system may be: the search that found it has fetched it. */
export const relayedDeviceFreshMs = 1_000;
/** What was relayed in the last seconds and is repeated from memory: a storm's common files. */
export const relayedBytesKeptMax = 16 * 1024 * 1024;
/** A file on disk that was named in an answer stays for this long, so that the edge finds it. */
export const relayedFileGivenMs = 10_000;
/** What a search found out stays this long for who comes back after it took longer than the budget. */
export const searchRememberedMs = 5_000;
/** The lists of a remote are looked at anew because of one unknown signer at most this often. */
export const remoteTrustRefreshMs = 10_000;
/** Newest timestamps seen per server and name. */
export const relayedTimestampsMax = 65_536;
/** Devices that nobody knew yet and that remotes are asked for: in all and from one /24 or /56, per second. */
export const newNamesPerSecondMax = 20;
export const newNamesPerSubnetPerSecondMax = 2;
/** How remote clusters do is written for `status` at most this often. */
export const remoteStatusEveryMs = 1_000;
/** Searches under way; each lives for a few seconds. */
export const searchesMax = 256;
/** A program that resets one phone and takes longer hangs. */
export const resetCommandMsMax = 10_000;

/** Pairs of lists one phone may hold by name: eight generations without a sign of which it took; beyond, "any of ours". */
export const pairsPerSetMax = 64;
/** Addresses whose phones and list deliveries are remembered: a field of 100,000 phones without NAT fits. */
export const believedAddressesMax = 131_072;
/** Phones remembered behind one address: a branch behind NAT; more are counted and prove nothing anyway. */
export const devicesPerAddressMax = 4_096;
/** A lease of DHCP: for so long a list fetched from an address may have gone to any phone that was seen there. */
export const addressMemoryMs = 24 * 60 * 60 * 1000;
/** A booting phone asks for what its configuration names within seconds; after so long it says nothing any more. */
export const markerWaitMs = 120_000;
/** First deliveries told by `show-trust`, for each phone. */
export const deliveriesPerDeviceMax = 8;
/** How exactly the last delivery of a list is noted: a branch behind one address fetches thousands a minute. */
export const deliveryGrainMs = 60_000;
/** Unanswered configurations told by `show-trust`, for each phone. */
export const unansweredKeptMax = 4;
/** By so much the clocks of nodes may differ when what one heard is set against what another heard. */
export const nodeClockSkewMs = 60_000;
/** Beliefs reach the disk this often: what a crash loses is told by the list of that second. */
export const beliefFlushMs = 1_000;
/** Rows of beliefs per transaction: a few milliseconds of the back's thread. */
export const beliefsPerTransactionMax = 2_000;
/** What the edge heard travels in bundles … */
export const heardFlushMs = 50;
/** … of this many; a storm of 10,000 phones is 60,000 requests. */
export const heardPerMessageMax = 1_024;
/** Above this the edge says only that it lost count, and every phone may then hold the lists of that moment. */
export const heardWaitingMax = 131_072;
/** Names in requests that are no device here, told apart up to this many. */
export const strangerNamesMax = 4_096;
/** A phone that was not heard of for this long is offline: nobody waits for it. */
export const offlineAfterMs = 7 * 24 * 60 * 60 * 1000;
/** Configurations fetched without a sign of belief after which a phone counts as refusing: a reset or two are normal. */
export const refusingConfigsMin = 4;
/** Why somebody changed trust: a sentence, not the ticket's whole text. */
export const auditReasonCharactersMax = 500;
