import { REQUESTER } from './compiled-plan.ts';
import { EventQueue } from './event-queue.ts';
import { LaneDealer } from './lane-dealer.ts';
import type { Places } from './places.ts';
import { Routes, type Passage, type Passages, type PlacedPlan, type PlacedTile } from './placed-plan.ts';
import { SharedRate } from './shared-rate.ts';

/** What streams are cut into: a receiver works on the first of them while the rest is under way. */
const CHUNK_BYTES = 65_536;

/** Tiles that a device has given to its engine: the second waits in the engine's own queue, and is not overtaken. */
const POSTED_AT_ONCE = 2;

/**
 * By how much of its time a tile of steady frames is quicker or slower than expected, at most. Devices that work on whole frames and all
 * take part in what follows lose nothing as long as they keep in step; once they differ by a few percent, frames wait for whole
 * frames of others. A plan has to do without such luck.
 */
const UNEVENNESS = 0.05;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Around 1: of each tile evenly spread over frames that follow each other, so that few of them have the same mean as many. */
function unevenness(frame: number, tile: number): number {
  const place = frame * GOLDEN + tile * Math.SQRT2;
  return 1 + UNEVENNESS * (2 * (place - Math.floor(place)) - 1);
}

const TILE_DONE = 0;
const SEND_BEGINS = 1;
const ARRIVAL_BEGINS = 2;
const UPLINK_NEXT = 3;
const DOWNLINK_NEXT = 4;
const DELIVERED = 5;
const LINK_FREE = 6;
const KINDS = 7;

/** A piece under way. */
interface Transfer {
  passage: Passage;
  consumer: number;
  slot: number;
  /** Of uplink and downlink: how many have yet to carry all of it. */
  carriers: number;
  /** Not through before, as far as is known. */
  endMs: number;
  receivedMs: number;
}

export interface FrameRun {
  readonly window: number;
  /** Frames that have to be done; later ones keep the mesh as busy until then. */
  readonly frames: number;
  /** Whether tiles take a little more or less than expected, as they do on devices. */
  readonly uneven?: boolean;
  /** Called for each tile of the first frame. */
  readonly onTile?: (segment: number, lane: number, tile: number, startMs: number, endMs: number) => void;
}

export interface FrameTimes {
  /** In order of completion: when, and how long since admission. */
  readonly doneMs: readonly number[];
  readonly latenciesMs: readonly number[];
}

/**
 * Frames on their way through a plan, event by event, by the rules of the runtime: a window of frames, oldest first on every
 * engine; one thread per device for all that is sent and received; radios shared equally by what travels at one time;
 * and everything in chunks, so that a piece is encoded, sent and received at the same time.
 */
export class FrameSimulation {
  readonly #plan: PlacedPlan;
  readonly #places: Places;
  readonly #routes: Routes;
  /** By producer + 1. */
  readonly #consumers: readonly (readonly number[])[];
  /** Of a segment's tiles (its widest lane), the sink's one last. */
  readonly #firstTile: readonly number[];
  readonly #tileCount: number;

  /** @param routes of the same graph and codecs of its inputs. */
  constructor(plan: PlacedPlan, places: Places, routes = new Routes(plan)) {
    this.#plan = plan;
    this.#places = places;
    this.#routes = routes;
    const { segments } = plan;
    this.#consumers = [REQUESTER, ...segments.keys()].map((producer) => this.#consumersOf(producer));
    let tiles = 0;
    this.#firstTile = segments.map(({ lanes }) => {
      const first = tiles;
      tiles += Math.max(...lanes.map((lane) => lane.tiles.length));
      return first;
    });
    this.#firstTile = [...this.#firstTile, tiles];
    this.#tileCount = tiles + 1;
  }

  /** The segments that the tiles of `producer` (`REQUESTER` for the inputs) send to, their number for the requester. */
  consumers(producer: number): readonly number[] {
    return this.#consumers[producer + 1]!;
  }

  /** What passes between two of them for a frame with these lanes. */
  passages(lanes: readonly number[], producer: number, consumer: number): Passages {
    return this.#routes.between(
      this.#tiles(producer, lanes[producer] ?? 0),
      this.#tiles(consumer, lanes[consumer] ?? 0),
    );
  }

  #consumersOf(producer: number): number[] {
    const { segments } = this.#plan;
    const makers = this.#tiles(producer, 0);
    const found: number[] = [];
    for (let segment = Math.max(0, producer + 1); segment <= segments.length; segment++) {
      const lanes = segments[segment]?.lanes ?? [{ tiles: this.#routes.sink }];
      if (lanes.some(({ tiles }) => this.#routes.between(makers, tiles).counts.length > 0))
        found.push(segment);
    }
    return found;
  }

  #tiles(segment: number, lane: number): readonly PlacedTile[] {
    const { segments } = this.#plan;
    if (segment === REQUESTER) return this.#routes.source;
    return segment === segments.length ? this.#routes.sink : segments[segment]!.lanes[lane]!.tiles;
  }

  run({ window, frames, uneven = false, onTile }: FrameRun): FrameTimes {
    const { places, latencyMs, bytesPerMs } = this.#places;
    const { segments } = this.#plan;
    const sinkSegment = segments.length;
    const tileCount = this.#tileCount;
    const firstTile = this.#firstTile;
    const placeCount = places.length;
    const queue = new EventQueue();
    const dealer = new LaneDealer(this.#plan, window);

    const threadFreeMs = new Float64Array(placeCount);
    const engineFreeMs = new Float64Array(placeCount);
    const posted = new Int32Array(placeCount);
    const waiting: number[][] = places.map(() => []);
    const uplinks = places.map(({ transport }) => new SharedRate(transport.uplinkBytesPerMs));
    const downlinks = places.map(({ transport }) => new SharedRate(transport.downlinkBytesPerMs));
    const uplinkNextMs = new Float64Array(placeCount).fill(Infinity);
    const downlinkNextMs = new Float64Array(placeCount).fill(Infinity);
    // A link carries one piece after the other, of those that wait the oldest frame's first.
    const linkEndMs = new Float64Array(placeCount * placeCount);
    const carries = new Uint8Array(placeCount * placeCount);
    const queued: (number[] | undefined)[] = [];

    // Frames in flight, by slot.
    const missing = new Int32Array(window * tileCount);
    const lanesOf: (readonly number[])[] = [];
    const frameOf = new Int32Array(window);
    const admittedMs = new Float64Array(window);
    let admitted = 0;

    const transfers: Transfer[] = [];
    const freeTransfers: number[] = [];
    const doneMs: number[] = [];
    const latenciesMs: number[] = [];

    const post = (place: number, nowMs: number): void => {
      const ready = waiting[place]!;
      while (posted[place]! < POSTED_AT_ONCE && ready.length > 0) {
        const instance = ready.shift()!;
        posted[place]! += 1;
        const startMs = Math.max(nowMs, engineFreeMs[place]!);
        const tile = instance % tileCount;
        const slot = (instance - tile) / tileCount;
        const segment = segmentOf(tile);
        const lane = lanesOf[slot]![segment]!;
        const index = tile - firstTile[segment]!;
        const { computeMs } = segments[segment]!.lanes[lane]!.tiles[index]!;
        const endMs = startMs + (uneven ? computeMs * unevenness(frameOf[slot]!, tile) : computeMs);
        engineFreeMs[place] = endMs;
        if (frameOf[slot] === 0) onTile?.(segment, lane, index, startMs, endMs);
        queue.add(endMs, instance * KINDS + TILE_DONE);
      }
    };
    const segmentByTile = new Int32Array(tileCount);
    for (let segment = 0; segment <= sinkSegment; segment++) {
      segmentByTile.fill(segment, firstTile[segment], firstTile[segment + 1] ?? tileCount);
    }
    const segmentOf = (tile: number): number => segmentByTile[tile]!;

    const arrived = (slot: number, segment: number, tile: number, nowMs: number): void => {
      const instance = slot * tileCount + firstTile[segment]! + tile;
      if (--missing[instance]! > 0) return;
      if (segment === sinkSegment) {
        doneMs.push(nowMs);
        latenciesMs.push(nowMs - admittedMs[slot]!);
        // Of tiles with nothing to do nobody hears.
        for (let at = 0; at < sinkSegment; at++) if (undone[slot * sinkSegment + at]! > 0) passed(slot, at);
        if (doneMs.length < frames) admit(slot, nowMs);
        return;
      }
      const { place } = segments[segment]!.lanes[lanesOf[slot]![segment]!]!.tiles[tile]!;
      const ready = waiting[place]!;
      let position = ready.length;
      const frame = frameOf[slot]!;
      for (; position > 0; position--) {
        const before = ready[position - 1]!;
        if (frameOf[Math.floor(before / tileCount)]! <= frame) break;
        ready[position] = before;
      }
      ready[position] = instance;
      post(place, nowMs);
    };

    const send = (passage: Passage, consumer: number, slot: number, nowMs: number): void => {
      const { from, to, sizeBytes } = passage;
      const { transport, copyMsPerByte } = places[from]!;
      const startMs = Math.max(nowMs, threadFreeMs[from]!);
      const index = freeTransfers.pop() ?? transfers.length;
      if (from === to) {
        const endMs = startMs + sizeBytes * copyMsPerByte;
        threadFreeMs[from] = endMs;
        transfers[index] = { passage, consumer, slot, carriers: 0, endMs, receivedMs: 0 };
        queue.add(endMs, index * KINDS + DELIVERED);
        return;
      }
      const firstMs = transport.pieceMs + Math.min(sizeBytes, CHUNK_BYTES) * transport.sendMsPerByte;
      const sentMs = startMs + transport.pieceMs + sizeBytes * transport.sendMsPerByte;
      threadFreeMs[from] = sentMs;
      const endMs = sentMs + latencyMs[from * placeCount + to]!;
      transfers[index] = { passage, consumer, slot, carriers: 2, endMs, receivedMs: 0 };
      queue.add(startMs + firstMs, index * KINDS + SEND_BEGINS);
    };

    const sendAll = (producer: number, tile: number, slot: number, nowMs: number): void => {
      for (const consumer of this.consumers(producer)) {
        const sent = this.passages(lanesOf[slot]!, producer, consumer).byTile[tile];
        if (sent) for (const passage of sent) send(passage, consumer, slot, nowMs);
      }
    };

    // Frames that have not passed a lane yet, and tiles that a frame has to pass there.
    const waitsAt = segments.map(({ lanes }) => new Int32Array(lanes.length));
    const undone = new Int32Array(window * sinkSegment);
    const waitingAt = (segment: number, lane: number): number => waitsAt[segment]![lane]!;
    const passed = (slot: number, segment: number): void => {
      undone[slot * sinkSegment + segment] = 0;
      waitsAt[segment]![lanesOf[slot]![segment]!]! -= 1;
    };
    const admit = (slot: number, nowMs: number): void => {
      const lanes = dealer.next(waitingAt);
      for (let segment = 0; segment < sinkSegment; segment++) {
        waitsAt[segment]![lanes[segment]!]! += 1;
        undone[slot * sinkSegment + segment] = segments[segment]!.lanes[lanes[segment]!]!.tiles.length;
      }
      lanesOf[slot] = lanes;
      frameOf[slot] = admitted++;
      admittedMs[slot] = nowMs;
      missing.fill(0, slot * tileCount, (slot + 1) * tileCount);
      for (let producer = REQUESTER; producer < sinkSegment; producer++) {
        for (const consumer of this.consumers(producer)) {
          const { counts } = this.passages(lanes, producer, consumer);
          const base = slot * tileCount + firstTile[consumer]!;
          for (let tile = 0; tile < counts.length; tile++) missing[base + tile]! += counts[tile] ?? 0;
        }
      }
      sendAll(REQUESTER, 0, slot, nowMs);
    };

    const watch = (rate: SharedRate, nextMs: Float64Array, place: number, kind: number): void => {
      const atMs = rate.nextMs();
      nextMs[place] = atMs;
      if (atMs < Infinity) queue.add(atMs, place * KINDS + kind);
    };

    const carry = (index: number, link: number, nowMs: number): void => {
      const transfer = transfers[index]!;
      const { from, sizeBytes } = transfer.passage;
      carries[link] = 1;
      linkEndMs[link] = nowMs + sizeBytes / bytesPerMs[link]!;
      transfer.endMs = Math.max(transfer.endMs, linkEndMs[link] + latencyMs[link]!);
      uplinks[from]!.begin(nowMs, sizeBytes, index);
      watch(uplinks[from]!, uplinkNextMs, from, UPLINK_NEXT);
      queue.add(nowMs + latencyMs[link]!, index * KINDS + ARRIVAL_BEGINS);
    };

    const carried = (index: number, nowMs: number): void => {
      const transfer = transfers[index]!;
      transfer.endMs = Math.max(transfer.endMs, nowMs);
      if (--transfer.carriers > 0) return;
      const { passage } = transfer;
      const lastMs =
        Math.min(passage.sizeBytes, CHUNK_BYTES) * places[passage.to]!.transport.receiveMsPerByte;
      queue.add(Math.max(transfer.endMs + lastMs, transfer.receivedMs), index * KINDS + DELIVERED);
    };

    for (let slot = 0; slot < window; slot++) admit(slot, 0);
    while (doneMs.length < frames && queue.size > 0) {
      const nowMs = queue.nextMs;
      const event = queue.take();
      const kind = event % KINDS;
      const index = (event - kind) / KINDS;
      switch (kind) {
        case TILE_DONE: {
          const tile = index % tileCount;
          const slot = (index - tile) / tileCount;
          const segment = segmentOf(tile);
          const within = tile - firstTile[segment]!;
          const { place } = segments[segment]!.lanes[lanesOf[slot]![segment]!]!.tiles[within]!;
          posted[place]! -= 1;
          if (--undone[slot * sinkSegment + segment]! === 0) passed(slot, segment);
          sendAll(segment, within, slot, nowMs);
          post(place, nowMs);
          break;
        }
        case SEND_BEGINS: {
          const { passage, slot } = transfers[index]!;
          const link = passage.from * placeCount + passage.to;
          if (carries[link] === 0) {
            carry(index, link, nowMs);
            break;
          }
          const waits = (queued[link] ??= []);
          let position = waits.length;
          const frame = frameOf[slot]!;
          for (; position > 0; position--) {
            const before = waits[position - 1]!;
            if (frameOf[transfers[before]!.slot]! <= frame) break;
            waits[position] = before;
          }
          waits[position] = index;
          break;
        }
        case LINK_FREE: {
          const next = queued[index]?.shift();
          if (next === undefined) carries[index] = 0;
          else carry(next, index, nowMs);
          break;
        }
        case ARRIVAL_BEGINS: {
          const transfer = transfers[index]!;
          const { to, sizeBytes } = transfer.passage;
          const { pieceMs, receiveMsPerByte } = places[to]!.transport;
          const receivedMs = Math.max(nowMs, threadFreeMs[to]!) + pieceMs + sizeBytes * receiveMsPerByte;
          threadFreeMs[to] = receivedMs;
          transfer.receivedMs = receivedMs;
          downlinks[to]!.begin(nowMs, sizeBytes, index);
          watch(downlinks[to]!, downlinkNextMs, to, DOWNLINK_NEXT);
          break;
        }
        case UPLINK_NEXT: {
          // Another transfer has begun since, and everything takes longer.
          if (uplinkNextMs[index] !== nowMs) break;
          const done = uplinks[index]!.finish(nowMs);
          const { from, to } = transfers[done]!.passage;
          const link = from * placeCount + to;
          queue.add(Math.max(nowMs, linkEndMs[link]!), link * KINDS + LINK_FREE);
          carried(done, nowMs + latencyMs[link]!);
          watch(uplinks[index]!, uplinkNextMs, index, UPLINK_NEXT);
          break;
        }
        case DOWNLINK_NEXT: {
          if (downlinkNextMs[index] !== nowMs) break;
          carried(downlinks[index]!.finish(nowMs), nowMs);
          watch(downlinks[index]!, downlinkNextMs, index, DOWNLINK_NEXT);
          break;
        }
        default: {
          const { consumer, passage, slot } = transfers[index]!;
          freeTransfers.push(index);
          arrived(slot, consumer, passage.toTile, nowMs);
        }
      }
    }
    return { doneMs, latenciesMs };
  }
}
