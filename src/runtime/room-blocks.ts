import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { shortId, type PeerId } from '../shared/ids.ts';
import type { BlockCache } from '../weights/block-cache.ts';
import { verifyBlock, type BlockReader } from '../weights/block-reader.ts';
import type { WeightBlock, WeightsLayout } from '../weights/layout.ts';
import type { BlockDeal, BlockRun } from './block-deal.ts';
import { ByteBudget } from './byte-budget.ts';

/** Where the bytes of a peer's weights came from. */
export interface WeightOrigins {
  cacheBytes: number;
  peerBytes: number;
  originBytes: number;
  requesterBytes: number;
}

export const noOrigins = (): WeightOrigins => ({
  cacheBytes: 0,
  peerBytes: 0,
  originBytes: 0,
  requesterBytes: 0,
});

export function sumOrigins(parts: readonly Readonly<WeightOrigins>[]): WeightOrigins {
  const sum = noOrigins();
  for (const part of parts) {
    for (const key of Object.keys(sum) as (keyof WeightOrigins)[]) sum[key] += part[key];
  }
  return sum;
}

export interface RoomBlocksOptions {
  readonly layout: WeightsLayout;
  /** What the file is called in the cache: derived from the hash of its layout. */
  readonly fileId: string;
  readonly deal: BlockDeal;
  readonly self: PeerId;
  readonly requester: PeerId;
  readonly cache: BlockCache;
  /** The copies of the file that this device may ask; absent where there are none. */
  readonly origin?: BlockReader | undefined;
  /** A block from another member, not verified. */
  readonly ask: (peer: PeerId, block: WeightBlock) => Promise<Uint8Array>;
  /** Bytes that were not here yet. */
  readonly onBytes?: (sizeBytes: number) => void;
  /** A source is given up, for this file. */
  readonly onSetAside?: (source: string, error: PeerceptronError) => void;
}

/** Under way at a time: hides round trips, and bounds what is held beside the slices. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;
/** Of one member: well below what it takes for a flood. */
const ASKED_AT_ONCE = 32;
/** Damaged blocks after which the origin is asked no more. */
const ORIGIN_FAILURES = 4;
/** Who refuses so often in a row has nothing for us. */
const REFUSALS = 16;

/**
 * The blocks of a weights file at one peer of a room: from the cache, from the member whose turn it is to bring a block,
 * from other members that need it, from the requester, from the origin. Every block is verified before it is used, kept or
 * passed on.
 */
export class RoomBlocks implements BlockReader {
  readonly origins = noOrigins();
  readonly #options: RoomBlocksOptions;
  readonly #budget = new ByteBudget(IN_FLIGHT_BYTES);
  readonly #asked = new Map<PeerId, ByteBudget>();
  readonly #refusals = new Map<PeerId, number>();
  readonly #setAside = new Set<PeerId>();
  #originFailures = 0;
  readonly #counted = new Set<number>();
  readonly #underWay = new Map<number, Promise<Uint8Array>>();

  constructor(options: RoomBlocksOptions) {
    this.#options = options;
  }

  async read(
    blocks: readonly WeightBlock[],
    take: (block: WeightBlock, bytes: Uint8Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const failures: unknown[] = [];
    const taken: Promise<void>[] = [];
    for (const block of blocks) {
      await this.#budget.take(block.lengthBytes);
      if (failures.length > 0 || signal?.aborted) {
        this.#budget.giveBack(block.lengthBytes);
        break;
      }
      taken.push(
        this.#obtain(block.index)
          .then((bytes) => take(block, bytes))
          .catch((thrown: unknown) => void failures.push(thrown))
          .finally(() => this.#budget.giveBack(block.lengthBytes)),
      );
    }
    await Promise.all(taken);
    signal?.throwIfAborted();
    if (failures.length > 0) throw failures[0];
  }

  /**
   * For another member that needs the block: what is here, or this device's to bring. Nobody waits here for what this
   * device itself waits for: two could wait for each other.
   * @throws WEIGHTS_UNAVAILABLE
   */
  async seed(index: number): Promise<Uint8Array> {
    const { cache, fileId, deal, self } = this.#options;
    if (deal.run(index)?.fetcher === self) return this.#obtain(index);
    const here = await cache.get(fileId, index);
    if (here) return here;
    throw new PeerceptronError('WEIGHTS_UNAVAILABLE', `block ${index} is not here`);
  }

  #obtain(index: number): Promise<Uint8Array> {
    const known = this.#underWay.get(index);
    if (known) return known;
    const block = this.#bring(index).finally(() => {
      if (this.#underWay.get(index) === block) this.#underWay.delete(index);
    });
    this.#underWay.set(index, block);
    return block;
  }

  async #bring(index: number): Promise<Uint8Array> {
    const { cache, fileId, layout, deal, self } = this.#options;
    const block = layout.blocks[index]!;
    const cached = await cache.get(fileId, index);
    if (cached?.length === block.lengthBytes) {
      this.#count(index, cached, 'cacheBytes');
      return cached;
    }
    const run = deal.run(index);
    const errors: PeerceptronError[] = [];
    if (run && run.fetcher !== self) {
      for (const peer of [run.fetcher, ...run.needers.filter((other) => other !== run.fetcher)]) {
        const bytes = peer === self ? undefined : await this.#from(peer, block, errors);
        if (bytes) return this.#kept(block, bytes, 'peerBytes');
      }
    } else {
      const bytes = await this.#fromOrigin(run, block, errors);
      if (bytes) return bytes;
    }
    const bytes = await this.#from(this.#options.requester, block, errors);
    if (bytes) return this.#kept(block, bytes, 'requesterBytes');
    if (run && run.fetcher !== self) {
      const last = await this.#fromOrigin(undefined, block, errors);
      if (last) return last;
    }
    throw this.#nobody(block, errors);
  }

  /** By where a block came from first: later it is in the cache. */
  #count(index: number, bytes: Uint8Array, source: keyof WeightOrigins): void {
    if (this.#counted.has(index)) return;
    this.#counted.add(index);
    this.origins[source] += bytes.length;
    this.#options.onBytes?.(bytes.length);
  }

  async #kept(block: WeightBlock, bytes: Uint8Array, source: keyof WeightOrigins): Promise<Uint8Array> {
    this.#count(block.index, bytes, source);
    await this.#options.cache.put(this.#options.fileId, block.index, bytes);
    return bytes;
  }

  /**
   * The block from the origin, and with it the rest of its run that is neither here nor under way: what one request brings
   * does not need several.
   */
  async #fromOrigin(
    run: BlockRun | undefined,
    block: WeightBlock,
    errors: PeerceptronError[],
  ): Promise<Uint8Array | undefined> {
    const { origin, layout, cache, fileId } = this.#options;
    if (!origin || this.#originFailures >= ORIGIN_FAILURES) return undefined;
    const wanted = [block];
    for (let index = run?.first ?? 0; run && index < run.stop; index++) {
      if (index === block.index || this.#underWay.has(index)) continue;
      wanted.push(layout.blocks[index]!);
    }
    wanted.sort((a, b) => a.index - b.index);
    let found: Uint8Array | undefined;
    const settle = new Map<number, (bytes: Uint8Array | undefined) => void>();
    for (const { index } of wanted) {
      if (index === block.index) continue;
      // Without it from here, each goes its own way.
      const arrival = new Promise<Uint8Array | undefined>((resolve) => settle.set(index, resolve))
        .then((bytes) => bytes ?? this.#alone(index))
        .finally(() => {
          if (this.#underWay.get(index) === arrival) this.#underWay.delete(index);
        });
      arrival.catch(() => undefined);
      this.#underWay.set(index, arrival);
    }
    const kept: Promise<void>[] = [];
    try {
      const missing: WeightBlock[] = [];
      for (const candidate of wanted) {
        const here = candidate === block ? undefined : await cache.get(fileId, candidate.index);
        if (here) settle.get(candidate.index)!(here);
        else missing.push(candidate);
      }
      await origin.read(missing, (arrived, shared) => {
        const bytes = shared.slice();
        this.#count(arrived.index, bytes, 'originBytes');
        kept.push(cache.put(fileId, arrived.index, bytes));
        if (arrived === block) found = bytes;
        else settle.get(arrived.index)!(bytes);
      });
    } catch (thrown) {
      const error = toPeerceptronError(thrown, 'WEIGHTS_UNAVAILABLE');
      errors.push(error);
      if (this.#originFailures === 0) this.#options.onSetAside?.('the origin', error);
      // Of a damaged file other parts may be sound; who is out of reach has been asked often enough.
      this.#originFailures += error.code === 'WEIGHTS_CORRUPT' ? 1 : ORIGIN_FAILURES;
    }
    for (const resolve of settle.values()) resolve(undefined);
    await Promise.all(kept);
    return found;
  }

  /** A block of a run whose request broke off: from the requester, or by a request of its own. */
  async #alone(index: number): Promise<Uint8Array> {
    const block = this.#options.layout.blocks[index]!;
    const errors: PeerceptronError[] = [];
    const bytes = await this.#from(this.#options.requester, block, errors);
    if (bytes) return this.#kept(block, bytes, 'requesterBytes');
    const last = await this.#fromOrigin(undefined, block, errors);
    if (last) return last;
    throw this.#nobody(block, errors);
  }

  /** A block from a member; nothing where it refuses, is slow, or sends something else. */
  async #from(peer: PeerId, block: WeightBlock, errors: PeerceptronError[]): Promise<Uint8Array | undefined> {
    if (this.#setAside.has(peer)) return undefined;
    const asked = this.#asked.get(peer) ?? new ByteBudget(ASKED_AT_ONCE);
    this.#asked.set(peer, asked);
    await asked.take(1);
    const name = peer === this.#options.requester ? 'the requester' : `peer ${shortId(peer)}`;
    try {
      if (this.#setAside.has(peer)) return undefined;
      const bytes = await this.#options.ask(peer, block);
      await verifyBlock(block, bytes, name);
      this.#refusals.set(peer, 0);
      return bytes;
    } catch (thrown) {
      const error = toPeerceptronError(thrown, 'WEIGHTS_UNAVAILABLE');
      errors.push(error);
      const refusals = (this.#refusals.get(peer) ?? 0) + 1;
      this.#refusals.set(peer, refusals);
      // Damage is no accident between members that verify; a lost or silent one costs every block its patience.
      const forGood = error.details['refusal'] !== true || refusals >= REFUSALS;
      if (forGood && !this.#setAside.has(peer)) {
        this.#setAside.add(peer);
        this.#options.onSetAside?.(name, error);
      }
      return undefined;
    } finally {
      asked.giveBack(1);
    }
  }

  #nobody(block: WeightBlock, errors: readonly PeerceptronError[]): PeerceptronError {
    const corrupt = errors.find(({ code }) => code === 'WEIGHTS_CORRUPT');
    const list = errors.map(({ code, message }) => `${code}, ${message}`);
    return new PeerceptronError(
      corrupt ? 'WEIGHTS_CORRUPT' : 'WEIGHTS_UNAVAILABLE',
      `weight tensor '${block.tensor}', block ${block.index}: nobody gives it${
        list.length > 0 ? `: ${list.join('; ')}` : ''
      }. Check the server that holds the weights, or start again with another copy`,
      { details: { tensor: block.tensor, block: block.index } },
    );
  }
}
