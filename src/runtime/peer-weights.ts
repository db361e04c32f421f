import type { Box } from '../graph/box.ts';
import { foldBatchNorm } from '../graph/fold.ts';
import { parseGraph } from '../graph/parse.ts';
import { simplify } from '../graph/simplify.ts';
import type { ControlMessage, StreamMeta } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { PeerId, SessionId } from '../shared/ids.ts';
import type { PeerChannel, StreamSink } from '../transport/channel.ts';
import { cacheFileId, MemoryBlockCache, type BlockCache } from '../weights/block-cache.ts';
import { originBlocks } from '../weights/block-reader.ts';
import { blockSource } from '../weights/block-source.ts';
import type { ByteSource } from '../weights/byte-source.ts';
import { derivedSource } from '../weights/derived-source.ts';
import { parseLayout, type WeightsLayout } from '../weights/layout.ts';
import { checkWeights, seededModelWeights } from '../weights/seeded-model.ts';
import { sha256Hex } from '../weights/sha256.ts';
import { dealBlocks } from './block-deal.ts';
import { BlockAnswerer, BlockAsker, type BlockRequest } from './block-exchange.ts';
import { ByteBudget } from './byte-budget.ts';
import type { PeerEpoch } from './peer-epoch.ts';
import { noOrigins, RoomBlocks, type WeightOrigins } from './room-blocks.ts';
import type { RuntimeNode } from './runtime-node.ts';
import { WeightFetch } from './weight-fetch.ts';

type PrepareMessage = Extract<ControlMessage, { type: 'prepare' }>;

/** What a device has for weights that lie in our own layout. */
export interface WeightStore {
  /** Kept between sessions, and seeded from. */
  readonly cache: BlockCache;
  /**
   * A copy of the weights file at a URL that a plan names; throws ORIGIN_REFUSED unless the operator allows it. Absent
   * where this device fetches nothing by itself.
   */
  readonly open?: (url: string) => ByteSource;
}

export interface PeerWeightsOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  readonly store?: WeightStore | undefined;
  /** A source of weights is given up: out of reach, refused, or it sent something else. */
  readonly onSetAside?: (session: SessionId, source: string, error: PeerceptronError) => void;
}

/** The slices of one epoch, wherever they come from. */
export interface SliceReader {
  read(name: string, box: Box, onBytes: (sizeBytes: number) => void): Promise<Float32Array>;
  /** Absent where weights are computed. */
  readonly origins?: Readonly<WeightOrigins>;
}

/** Beside the slices, where a device keeps no cache. */
const MEMORY_CACHE_BYTES = 16 * 1024 * 1024;
/** A request may overtake the PREPARE that it belongs to. */
const HOLD_MS = 5_000;
/** Read at a time, of one epoch: enough to hide a round trip. */
const SLICES_AT_ONCE = 4;

interface Seeding {
  readonly epoch: PeerEpoch;
  readonly layout: WeightsLayout;
  readonly blocks: RoomBlocks;
}

/** A peer's side of weights: what it asks of others for its sessions, and what it gives them of what it has. */
export class PeerWeights {
  readonly #options: PeerWeightsOptions;
  readonly #store: WeightStore;
  readonly #fetches = new Map<PeerChannel, WeightFetch>();
  readonly #askers = new Map<PeerChannel, BlockAsker>();
  readonly #answerers = new WeakMap<PeerChannel, BlockAnswerer>();
  readonly #seeding = new Map<string, Seeding>();
  /** Requests for epochs that are not known yet. */
  readonly #waiting = new Map<string, Set<(seeding: Seeding) => void>>();

  constructor(options: PeerWeightsOptions) {
    this.#options = options;
    this.#store = options.store ?? { cache: new MemoryBlockCache(MEMORY_CACHE_BYTES) };
  }

  onControl(
    channel: PeerChannel,
    message: Extract<ControlMessage, { type: 'weight-refused' | 'block-refused' | 'block-request' }>,
  ): void {
    switch (message.type) {
      case 'weight-refused':
        this.#fetches.get(channel)?.refused(message.request, message.code, message.message);
        return;
      case 'block-refused':
        this.#askers.get(channel)?.refused(message.request, message.code, message.message);
        return;
      case 'block-request': {
        const answerer = this.#answerers.get(channel) ?? new BlockAnswerer(channel);
        this.#answerers.set(channel, answerer);
        answerer.answer(message, () => this.#find(channel, message));
      }
    }
  }

  onStream(
    channel: PeerChannel,
    { kind, request }: Extract<StreamMeta, { kind: 'weight' | 'block' }>,
    totalBytes: number,
  ): StreamSink {
    const asked = kind === 'weight' ? this.#fetches.get(channel) : this.#askers.get(channel);
    if (!asked) throw new PeerceptronError('PROTOCOL_MALFORMED', 'no weights were asked for on this link');
    return asked.sink(request, totalBytes);
  }

  onChannelClosed(peer: PeerId, error: PeerceptronError | undefined): void {
    const reason = error ?? new PeerceptronError('LINK_CLOSED', 'the other side closed the link');
    for (const open of [this.#fetches, this.#askers]) {
      for (const [channel, asked] of open) {
        if (channel.peer !== peer) continue;
        asked.close(reason);
        open.delete(channel);
      }
    }
  }

  /**
   * How an epoch gets its slices, as its PREPARE says.
   * @throws GRAPH_*, WEIGHTS_MISSING, WEIGHTS_CORRUPT (a layout that is not of the plan's graph)
   */
  async open(epoch: PeerEpoch, { weights }: PrepareMessage, channel: PeerChannel): Promise<SliceReader> {
    const { plan, graph } = epoch.compiled;
    switch (weights?.kind) {
      case 'seeded': {
        const source = seededModelWeights({ seed: weights.seed, unfolded: parseGraph(weights.unfolded) });
        checkWeights(graph, source);
        return {
          read: async (name, box, onBytes) => {
            const values = await source.read(name, box);
            onBytes(values.byteLength);
            return values;
          },
        };
      }
      case 'origin':
        return this.#openOrigin(epoch, weights);
      case 'requester':
      case undefined: {
        const orders = new Map(weights?.orders);
        const fetch = this.#fetches.get(channel) ?? new WeightFetch(channel);
        this.#fetches.set(channel, fetch);
        const origins = noOrigins();
        return {
          origins,
          read: (name, box, onBytes) =>
            fetch.fetch({
              session: plan.session,
              epoch: plan.epoch,
              name,
              box,
              order: orders.get(name),
              onBytes: (sizeBytes) => {
                origins.requesterBytes += sizeBytes;
                onBytes(sizeBytes);
              },
            }),
        };
      }
    }
  }

  /** Nothing more is seeded of it. */
  close(epoch: PeerEpoch): void {
    const { session, epoch: number } = epoch.compiled.plan;
    const key = keyOf(session, number);
    if (this.#seeding.get(key)?.epoch === epoch) this.#seeding.delete(key);
  }

  async #openOrigin(
    epoch: PeerEpoch,
    weights: Extract<NonNullable<PrepareMessage['weights']>, { kind: 'origin' }>,
  ): Promise<SliceReader> {
    const { compiled, requester } = epoch;
    const { session, epoch: number } = compiled.plan;
    const { node, onSetAside } = this.#options;
    const layout = await parseLayout(weights.layout, 'the layout in PREPARE');
    const folded = foldBatchNorm(simplify(parseGraph(weights.unfolded)));
    const setAside = (source: string, error: PeerceptronError): void => onSetAside?.(session, source, error);
    const copies = this.#copies(weights.urls, setAside);
    let onBytes: ((sizeBytes: number) => void) | undefined;
    const blocks = new RoomBlocks({
      layout,
      fileId: cacheFileId('layout', await sha256Hex(weights.layout)),
      deal: dealBlocks(compiled, folded, layout),
      self: node.self,
      requester,
      cache: this.#store.cache,
      origin: copies.length > 0 ? originBlocks(copies, { onSetAside: setAside }) : undefined,
      ask: async (peer, { index, lengthBytes }) =>
        this.#asker(await node.channel(peer)).ask(session, number, index, lengthBytes),
      onBytes: (sizeBytes) => onBytes?.(sizeBytes),
      onSetAside: setAside,
    });
    const source = derivedSource(blockSource(layout, blocks), folded);
    checkWeights(compiled.graph, source);
    const key = keyOf(session, number);
    const seeding = { epoch, layout, blocks };
    this.#seeding.set(key, seeding);
    for (const go of this.#waiting.get(key) ?? []) go(seeding);
    const turns = new ByteBudget(SLICES_AT_ONCE);
    return {
      origins: blocks.origins,
      read: async (name, box, report) => {
        onBytes = report;
        await turns.take(1);
        try {
          return await source.read(name, box);
        } finally {
          turns.giveBack(1);
        }
      },
    };
  }

  /** Those copies that this device may ask; why it does not ask the others is said. */
  #copies(
    urls: readonly string[],
    setAside: (source: string, error: PeerceptronError) => void,
  ): ByteSource[] {
    const { open } = this.#store;
    if (!open) return [];
    return urls.flatMap((url) => {
      try {
        return [open(url)];
      } catch (thrown) {
        setAside(url, toPeerceptronError(thrown, 'ORIGIN_REFUSED'));
        return [];
      }
    });
  }

  #asker(channel: PeerChannel): BlockAsker {
    const asker = this.#askers.get(channel) ?? new BlockAsker(channel, this.#options.clock);
    this.#askers.set(channel, asker);
    return asker;
  }

  async #find(channel: PeerChannel, { session, epoch, block }: BlockRequest): Promise<Uint8Array> {
    const key = keyOf(session, epoch);
    const seeding = this.#seeding.get(key) ?? (await this.#announced(key));
    if (!seeding.epoch.compiled.peers.includes(channel.peer)) {
      throw new PeerceptronError('SESSION_REFUSED', 'blocks are for the peers of their plan');
    }
    if (block >= seeding.layout.blocks.length) {
      const error = new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `there is no block ${block}: the file has ${seeding.layout.blocks.length}`,
      );
      channel.close(error);
      throw error;
    }
    return seeding.blocks.seed(block);
  }

  #announced(key: string): Promise<Seeding> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const leave = (): void => {
        cancel();
        waiting.delete(go);
        if (waiting.size === 0) this.#waiting.delete(key);
      };
      const go = (seeding: Seeding): void => {
        leave();
        resolve(seeding);
      };
      const cancel = this.#options.clock.after(HOLD_MS, () => {
        leave();
        reject(new PeerceptronError('SESSION_CLOSED', 'this session is over, or was never prepared here'));
      });
      waiting.add(go);
    });
  }
}

const keyOf = (session: SessionId, epoch: number): string => `${session} ${epoch}`;
