/**
 * The back: the resolution chain over the provisioning directory and, with a node, over its database and keys.
 * It has no socket. Something that changes (files, database, configuration) makes a new chain, whole, and tells who
 * listens: a request is answered by one chain from beginning to end, so generations never mix.
 */
import { noiseEventsPerSecondMax, storeVersionPollMs } from '../base/limits.ts';
import type { EventSink } from '../base/events.ts';
import type { Config } from '../config/schema.ts';
import type { StoredProvisioning } from '../core/devices/device-store.ts';
import { isNoiseMiss } from '../core/files/file-name.ts';
import { hostOf } from '../core/cluster/model.ts';
import { compileRewrite } from '../core/files/rewrite.ts';
import type { FileRequest, Resolution } from '../core/files/resolution.ts';
import type { Resolver, Signer, Store } from '../core/ports.ts';
import { allowAdoptedRsa4096 } from '../core/signing/sign-header.ts';
import { isMarker, markerName } from '../core/trust/marker.ts';
import { LeakyBuckets } from '../core/tftp/leaky-bucket.ts';
import { inUse } from '../core/trust/trust-plan.ts';
import { readClusterView, thisNodeOf, trustInputOf, type ClusterView } from '../app/cluster-view.ts';
import { openRenewals } from '../app/own-certificates.ts';
import { createChain } from '../files/chain.ts';
import { createDeviceConfigLink } from '../files/device-config.ts';
import { openLocal, type LocalLink } from '../files/local.ts';
import { fileOpener } from '../files/open-file.ts';
import { createClearConfigLink, createSecretsTold, type SecretsTold } from '../files/clear-config.ts';
import { createEncryptedLink } from '../files/encrypted.ts';
import { createKeptSignatures, type KeptSignatures } from '../files/signature-source.ts';
import { createSignedLink } from '../files/signed.ts';
import { createTrustListLink } from '../files/trust-list.ts';
import { createUnsignedOverTlsLink } from '../files/unsigned-over-tls.ts';
import { createEncryptor } from '../pki/encryptor.ts';
import { isIssuedBy } from '../pki/issued-by.ts';
import { assert } from '../base/assert.ts';
import type { ServedMoment } from './belief-watch.ts';
import type { OpenNode } from './open-node.ts';
import { phoneIssuers } from './phone-issuers.ts';
import type { RemoteSide } from './remote-side.ts';
import { watchSignAhead } from './sign-ahead-watch.ts';

export interface BackOptions {
  /** Undefined for `serve --root`: no database, no signing. */
  readonly node: OpenNode | undefined;
  readonly config: Config;
  readonly onEvent: EventSink;
  /** Answers given before may be out of date. */
  readonly onChange: () => void;
  /** Remote clusters; without them only what is ours is served. */
  readonly remote?: RemoteSide | undefined;
  /** Lists and signer that phones are given from now on; waited for, so that who listens knows it before they do. */
  readonly onServing?: ((moment: ServedMoment) => Promise<void>) | undefined;
}

export interface Back extends Resolver {
  /** A key is being renewed, at whichever node: phones are waited for. */
  readonly renewing: boolean;
  /** Answers from the new configuration on; Failure and the old chain when it cannot be had. */
  reconfigure(config: Config): Promise<void>;
  close(): void;
}

interface Chain {
  readonly resolver: Resolver;
  readonly local: LocalLink | undefined;
  /** There are remote clusters that are asked for what is not ours. */
  readonly asksOthers: boolean;
  /** The database's version that it answers from. */
  readonly version: number | undefined;
  readonly renewing: boolean;
}

interface OutlivingChains {
  readonly told: SecretsTold;
  readonly signatures: KeptSignatures;
  readonly fileSigner: ((view: ClusterView) => Promise<Signer>) | undefined;
}

export async function startBack(options: BackOptions): Promise<Back> {
  let config = options.config;
  const kept: OutlivingChains = {
    told: createSecretsTold(),
    signatures: createKeptSignatures(),
    fileSigner: options.node && createFileSigner(options.node),
  };
  let chain = await makeChain(options, config, kept);
  const replace = async (next: Config): Promise<void> => {
    const made = await makeChain(options, next, kept);
    chain.local?.close();
    chain = made;
    config = next;
    options.onChange();
  };

  const tell = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    options.onEvent({ type: 'warning', topic: 'database', message });
  };
  const ahead =
    options.node && (await watchSignAhead(options.node, () => chain.resolver, options.onEvent, tell));
  let looking = false;
  let isWanted = false;
  const look = async (node: OpenNode): Promise<void> => {
    isWanted = true;
    if (looking) return;
    looking = true;
    try {
      // What is told while a chain is made is looked at right after it.
      while (isWanted) {
        isWanted = false;
        const seen = await node.store.version();
        if (seen === chain.version) continue;
        await replace(config);
        ahead?.changed();
      }
    } catch (error) {
      tell(error); // The old chain goes on serving; the next look tries again.
    } finally {
      looking = false;
    }
  };
  // Row 0 (design.md §4): anybody can forge a mark, so only so many are told.
  const marks = new LeakyBuckets(noiseEventsPerSecondMax, noiseEventsPerSecondMax / 1000, 1);
  const ended = ({ address, name }: FileRequest): void => {
    const bucket = marks.of('', performance.now());
    if (marks.isFull(bucket, performance.now()) || isNoiseMiss(name)) return;
    bucket.level++;
    options.onEvent({ type: 'passed-on', address, name });
  };
  const { node } = options;
  const poll = node && setInterval(() => void look(node), storeVersionPollMs);
  const endListening = node?.store.onVersion(() => void look(node));
  return {
    get renewing() {
      return chain.renewing;
    },
    async resolve(request: FileRequest): Promise<Resolution> {
      const resolution = await chain.resolver.resolve(request);
      if (chain.asksOthers && request.hop !== undefined && resolution.kind === 'not-found') ended(request);
      return resolution;
    },
    reconfigure: replace,
    close() {
      clearInterval(poll);
      endListening?.();
      ahead?.close();
      chain.local?.close();
    },
  };
}

async function makeChain(
  { node, remote, onEvent, onChange, onServing }: BackOptions,
  config: Config,
  kept: OutlivingChains,
): Promise<Chain> {
  const { root, alternates, caseInsensitive, deviceTrustLists } = config.files;
  const rewrite = compileRewrite(config.files.rewrite);
  assert(rewrite.ok, 'the configuration was checked');
  const local =
    root === undefined
      ? undefined
      : await openLocal({ root, alternates, caseInsensitive, rewrite: rewrite.value, onEvent, onChange });
  const files = local === undefined ? {} : { local };
  const { fileSigner } = kept;
  if (node === undefined || fileSigner === undefined)
    return { ...unsigned, resolver: createChain({ links: files, onEvent }), local };

  const { version, view, lists } = await readMoment(node);
  const { store, crypto, clock } = node;
  const thisNode = thisNodeOf(view).name;
  const signer = await fileSigner(view);
  const { pure } = config.proxy;
  const provisioning = await readProvisioning(store, pure);
  const models = provisioning.provisioning?.models ?? {};
  const origin = await remote?.link({
    signer: signer.certificate.fingerprint,
    autoRegistration: provisioning.provisioning?.autoRegistration === true,
  });
  await onServing?.({
    version,
    cluster: view.cluster.id,
    lists: await lists.currentLists(),
    fileSigner: signer.certificate,
  });
  const signing = {
    signer,
    hash: view.cluster.hash,
    allowRsa4096: allowAdoptedRsa4096,
    crypto,
    timestamps: store,
    clock,
    kept: kept.signatures,
    opener: fileOpener,
  };
  const links = {
    ...files,
    ...(origin && { origin }),
    'trust-list': createTrustListLink({
      lists: pure ? noLists : lists,
      node: thisNode,
      // Behind one address with phones of others the un-named list says nothing about who asks (design.md §3).
      forDevices: deviceTrustLists || origin !== undefined,
    }),
    'unsigned-over-tls': createUnsignedOverTlsLink(),
    'device-config': createDeviceConfigLink({
      devices: store,
      provisioning,
      nodes: view.nodes.map(hostOf),
      crypto,
      markers: {
        of: (device) => markerName(crypto, view.cluster.id, device, signer.certificate.fingerprint),
        is: (base) => isMarker(crypto, view.cluster.id, base),
      },
      onEvent,
    }),
    encrypted: createEncryptedLink({
      devices: store,
      models,
      phones: { issuers: phoneIssuers(crypto, view), isIssuedBy },
      encryptor: createEncryptor(),
      ...signing,
    }),
    'clear-config': createClearConfigLink({
      devices: store,
      models,
      secretsInClear: config.files.secretsInClear,
      told: kept.told,
      crypto,
      opener: fileOpener,
      onEvent,
    }),
    signed: createSignedLink(signing),
  };
  const [resolver, renewing] = [createChain({ links, onEvent }), openRenewals(view).length > 0];
  return { resolver, local, asksOthers: origin !== undefined, version, renewing };
}

/** A chain without a node. */
const unsigned = { asksOthers: false, version: undefined, renewing: false };

/** A pure proxy registers nobody (domain.md §4) … */
async function readProvisioning(store: Store, pure: boolean): Promise<StoredProvisioning> {
  const stored = await store.readProvisioning();
  if (!pure || stored.provisioning === undefined) return stored;
  return { ...stored, provisioning: { ...stored.provisioning, autoRegistration: false } };
}

/** … and imprints nobody. */
const noLists: Pick<Store, 'currentLists'> = { currentLists: () => Promise.resolve([]) };

interface Moment {
  readonly version: number;
  readonly view: ClusterView;
  readonly lists: Pick<Store, 'currentLists'>;
}

/**
 * Lists and the key that signs files, of one moment: a phone that took new lists must not meet a file signed by the
 * key that they no longer name.
 */
async function readMoment(node: OpenNode): Promise<Moment> {
  for (;;) {
    const version = await node.store.version();
    const view = await readClusterView(node.store, node.crypto);
    const current = await node.store.currentLists();
    // Somebody published while it was read: again, a publication takes longer than this.
    if ((await node.store.version()) !== version) continue;
    return { version, view, lists: { currentLists: () => Promise.resolve(current) } };
  }
}

/**
 * The CallManager key of this node signs what phones ask for as `.sgn`. It is opened when the certificate is another
 * one: its passphrase costs 60 ms in which no phone is answered, and a chain is made for every device that changes.
 */
function createFileSigner({ signers, keyFiles }: OpenNode): (view: ClusterView) => Promise<Signer> {
  let opened: Signer | undefined;
  return async (view) => {
    const input = trustInputOf(view);
    const certificate = inUse(input, 'callmanager', input.thisNode);
    if (opened?.certificate.fingerprint !== certificate.fingerprint)
      opened = await signers.open(certificate, await keyFiles.read(certificate.fingerprint));
    return opened;
  };
}
