import type { Codec } from './codec.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import { laneFrames } from './lane-dealer.ts';
import { memoryOfTiles, PACKED_COPIES } from './memory.ts';
import { windowOf, type WindowObjective } from './plan-window.ts';
import type { Plan } from './plan.ts';
import type { Layout, SearchSpace, TileCost } from './search-space.ts';
import type { Device } from './world.ts';

/** A lane in the making: its share of the frames, and who computes which part. Devices are indexes into the searcher's list. */
export interface DraftLane {
  readonly share: number;
  readonly layout: Layout;
  readonly devices: readonly number[];
}

export interface DraftSegment {
  readonly start: number;
  readonly end: number;
  readonly lanes: readonly DraftLane[];
}

/** A plan in the making. */
export type Draft = readonly DraftSegment[];

export interface LaidTile {
  readonly device: number;
  readonly cost: TileCost;
}

export interface LaidLane {
  readonly share: number;
  readonly tiles: readonly LaidTile[];
}

/** Of each segment, its lanes. */
export type Laid = readonly (readonly LaidLane[])[];

/** `undefined` where the ops cannot be cut like that. */
export function layLane(
  space: SearchSpace,
  { start, end }: DraftSegment,
  { layout, devices }: DraftLane,
): LaidTile[] | undefined {
  return space.tiles(start, end, layout)?.map((cost, index) => ({ device: devices[index]!, cost }));
}

/** The tiles of every lane; `undefined` where some ops cannot be cut like that. */
export function layDraft(space: SearchSpace, draft: Draft): Laid | undefined {
  const laid: LaidLane[][] = [];
  for (const segment of draft) {
    const made: LaidLane[] = [];
    for (const lane of segment.lanes) {
      const tiles = layLane(space, segment, lane);
      if (!tiles) return undefined;
      made.push({ share: lane.share, tiles });
    }
    laid.push(made);
  }
  return laid;
}

export function devicesOf(draft: Draft): number[] {
  const used = new Set<number>();
  for (const { lanes } of draft) {
    for (const { devices } of lanes) for (const device of devices) used.add(device);
  }
  return [...used].sort((a, b) => a - b);
}

/** Equal for the same cuts and layouts, whatever the shares. */
export const structureOf = (draft: Draft): string =>
  draft
    .map(({ end, lanes }) => {
      const { layout, devices } = lanes[0]!;
      return [end, lanes.length, layout.cuts.map(({ axis }) => axis), layout.sum?.axis, devices].join();
    })
    .join(';');

/** Bytes on each device: exact where its engine holds weights packed, and never too little. */
class MostBytes {
  /** Of weights, twice, and of the largest tile at work. */
  readonly #held: Float64Array;
  /** Of inputs of one frame: of all that are in flight, and of lanes that have a part of them. */
  readonly #perFrame: Float64Array;
  readonly #dealt: readonly {
    readonly lanes: readonly LaidLane[];
    readonly lane: number;
    readonly bytes: number;
  }[][];

  constructor(laid: Laid, devices: readonly Device[]) {
    const count = devices.length;
    this.#held = new Float64Array(count);
    this.#perFrame = new Float64Array(count);
    this.#dealt = Array.from({ length: count }, () => []);
    const work = new Float64Array(count);
    for (const lanes of laid) {
      for (const [lane, { tiles }] of lanes.entries()) {
        for (const { device, cost } of tiles) {
          this.#held[device]! += cost.weightBytes * PACKED_COPIES;
          if (lanes.length === 1) this.#perFrame[device]! += cost.inputBytes;
          else this.#dealt[device]!.push({ lanes, lane, bytes: cost.inputBytes });
          const isOnce = devices[device]!.weightStorage === 'once';
          work[device] = Math.max(work[device]!, isOnce ? cost.mostLiveBytes : cost.workBytes);
        }
      }
    }
    for (let device = 0; device < count; device++) this.#held[device]! += work[device]!;
  }

  of(device: number, window: number): number {
    let bytes = this.#held[device]! + this.#perFrame[device]! * window;
    for (const dealt of this.#dealt[device]!)
      bytes += dealt.bytes * laneFrames(dealt.lanes, dealt.lane, window);
    return bytes;
  }
}

function exactBytes(laid: Laid, device: number, window: number): number {
  const programs: TileProgram[] = [];
  const frames: number[] = [];
  // In the order in which a peer loads them.
  for (const lanes of laid) {
    for (const [lane, { tiles }] of lanes.entries()) {
      for (const tile of tiles) {
        if (tile.device !== device) continue;
        programs.push(tile.cost.program);
        frames.push(laneFrames(lanes, lane, window));
      }
    }
  }
  return memoryOfTiles(programs, frames, 'once').totalBytes;
}

/** The most frames in flight, up to `window`, for which every device has room as `verifyPlan` judges it; 0 where not even one fits. */
export function windowThatFits(laid: Laid, devices: readonly Device[], window: number): number {
  const most = new MostBytes(laid, devices);
  const fits = (device: number, frames: number): boolean => {
    const { memoryBytes, weightStorage } = devices[device]!;
    // Only where that does not fit the exact sum is worth its time.
    if (most.of(device, frames) <= memoryBytes) return true;
    return weightStorage === 'once' && exactBytes(laid, device, frames) <= memoryBytes;
  };
  let frames = window;
  for (let device = 0; device < devices.length; device++) {
    while (frames > 0 && !fits(device, frames)) frames -= 1;
  }
  return frames;
}

/** Bytes on each device with one frame in flight. */
export function draftBytes(laid: Laid, devices: readonly Device[]): number[] {
  const most = new MostBytes(laid, devices);
  return devices.map(({ weightStorage }, device) => {
    const bytes = most.of(device, 1);
    return bytes > 0 && weightStorage === 'once' ? exactBytes(laid, device, 1) : bytes;
  });
}

/** As many frames in flight as `planWindow` asks for and memory allows; 0 where not even one fits. */
export function draftWindow(
  draft: Draft,
  laid: Laid,
  devices: readonly Device[],
  objective: WindowObjective,
): number {
  const window = windowOf(
    draft.map(({ lanes }) => lanes.map((lane) => lane.devices)),
    objective,
  );
  return windowThatFits(laid, devices, window);
}

/** As a plan. */
export function planOfDraft(
  space: SearchSpace,
  draft: Draft,
  laid: Laid,
  context: { readonly devices: readonly Device[]; readonly codec: Codec } & Pick<Plan, 'session' | 'epoch'>,
): Plan {
  const { devices, codec, session, epoch } = context;
  const { graph } = space;
  const segments = draft.map(({ start, end }, segment) => ({
    ops: [start, end] as const,
    lanes: laid[segment]!.map(({ share, tiles }) => ({
      share,
      tiles: tiles.map(({ device, cost }) => ({
        peer: devices[device]!.id,
        outputs: cost.outputs.map(({ tensor, box }) => ({
          tensor,
          box,
          ...(codec === 'f32' || cost.reduce ? {} : { codec }),
        })),
        ...(cost.reduce ? { reduce: cost.reduce } : {}),
      })),
    })),
  }));
  const inputs = codec === 'f32' ? {} : { inputs: graph.inputs.map(({ id }) => ({ tensor: id, codec })) };
  return { session, epoch, model: graph.name, ...inputs, segments };
}
