import type { Codec } from './codec.ts';
import type { TileProgram } from '../graph/tile-program.ts';
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

/** Bytes on each device if its engine held weights packed: never too little. */
class PackedBytes {
  /** Of weights, and of the largest tile at work. */
  readonly #held: Float64Array;
  readonly #perFrame: Float64Array;

  constructor(laid: Laid, count: number) {
    this.#held = new Float64Array(count);
    this.#perFrame = new Float64Array(count);
    const work = new Float64Array(count);
    for (const lanes of laid) {
      for (const { tiles } of lanes) {
        for (const { device, cost } of tiles) {
          this.#held[device]! += cost.weightBytes * PACKED_COPIES;
          this.#perFrame[device]! += cost.inputBytes;
          work[device] = Math.max(work[device]!, cost.workBytes);
        }
      }
    }
    for (let device = 0; device < count; device++) this.#held[device]! += work[device]!;
  }

  of(device: number, window: number): number {
    return this.#held[device]! + this.#perFrame[device]! * window;
  }
}

const exactBytes = (laid: Laid, device: number, window: number): number =>
  memoryOfTiles(programsOf(laid, device), window, 'once').totalBytes;

/** The most frames in flight, up to `window`, for which every device has room as `verifyPlan` judges it; 0 where not even one fits. */
export function windowThatFits(laid: Laid, devices: readonly Device[], window: number): number {
  const packed = new PackedBytes(laid, devices.length);
  const fits = (device: number, frames: number): boolean => {
    const { memoryBytes, weightStorage } = devices[device]!;
    // Only where packed weights do not fit the exact sum is worth its time.
    if (packed.of(device, frames) <= memoryBytes) return true;
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
  const packed = new PackedBytes(laid, devices.length);
  return devices.map(({ weightStorage }, device) => {
    const bytes = packed.of(device, 1);
    return bytes > 0 && weightStorage === 'once' ? exactBytes(laid, device, 1) : bytes;
  });
}

/** In the order in which a peer loads them. */
const programsOf = (laid: Laid, device: number): TileProgram[] =>
  laid.flatMap((lanes) =>
    lanes.flatMap(({ tiles }) =>
      tiles.filter((tile) => tile.device === device).map(({ cost }) => cost.program),
    ),
  );

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
