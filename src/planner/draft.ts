import type { Codec } from './codec.ts';
import { workMs } from './cost-model.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import { memoryOfTiles, PACKED_COPIES } from './memory.ts';
import type { PlacedPlan, PlacedTile } from './placed-plan.ts';
import type { Places } from './places.ts';
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

export interface LaidLane {
  readonly share: number;
  readonly tiles: readonly { readonly device: number; readonly cost: TileCost }[];
}

/** The tiles of every lane; `undefined` where some ops cannot be cut like that. */
export function layDraft(space: SearchSpace, draft: Draft): readonly (readonly LaidLane[])[] | undefined {
  const laid: LaidLane[][] = [];
  for (const { start, end, lanes } of draft) {
    const made: LaidLane[] = [];
    for (const { share, layout, devices } of lanes) {
      const costs = space.tiles(start, end, layout);
      if (!costs) return undefined;
      made.push({ share, tiles: costs.map((cost, index) => ({ device: devices[index]!, cost })) });
    }
    laid.push(made);
  }
  return laid;
}

export type Laid = NonNullable<ReturnType<typeof layDraft>>;

export const devicesOf = (draft: Draft): number[] =>
  [...new Set(draft.flatMap(({ lanes }) => lanes.flatMap(({ devices }) => devices)))].sort((a, b) => a - b);

/** Bytes on each device with `window` frames in flight if its engine held weights packed: never too little. */
function packedBytes(laid: Laid, count: number, window: number): Float64Array {
  const bytes = new Float64Array(count);
  const work = new Float64Array(count);
  for (const lanes of laid) {
    for (const { tiles } of lanes) {
      for (const { device, cost } of tiles) {
        bytes[device]! += cost.weightBytes * PACKED_COPIES + cost.inputBytes * window;
        work[device] = Math.max(work[device]!, cost.workBytes);
      }
    }
  }
  for (let device = 0; device < count; device++) bytes[device]! += work[device]!;
  return bytes;
}

const exactBytes = (laid: Laid, device: number, window: number): number =>
  memoryOfTiles(programsOf(laid, device), window, 'once').totalBytes;

/** Whether every device has room for its tiles with `window` frames in flight, as `verifyPlan` judges it. */
export function fitsMemory(laid: Laid, devices: readonly Device[], window: number): boolean {
  const packed = packedBytes(laid, devices.length, window);
  return devices.every(
    ({ memoryBytes, weightStorage }, device) =>
      // Only where packed weights do not fit the exact sum is worth its time.
      packed[device]! <= memoryBytes ||
      (weightStorage === 'once' && exactBytes(laid, device, window) <= memoryBytes),
  );
}

/** Bytes on each device with one frame in flight. */
export function draftBytes(laid: Laid, devices: readonly Device[]): Float64Array {
  const bytes = packedBytes(laid, devices.length, 1);
  return bytes.map((packed, device) =>
    packed > 0 && devices[device]!.weightStorage === 'once' ? exactBytes(laid, device, 1) : packed,
  );
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
  let window = windowOf(
    draft.map(({ lanes }) => lanes.map((lane) => lane.devices)),
    objective,
  );
  while (window > 0 && !fitsMemory(laid, devices, window)) window -= 1;
  return window;
}

/** For simulations; `placeOf[device]` is its place. */
export function placeDraft(
  space: SearchSpace,
  draft: Draft,
  laid: Laid,
  context: { readonly places: Places; readonly placeOf: readonly number[]; readonly codec: Codec },
): PlacedPlan {
  const { places, placeOf, codec } = context;
  const { graph } = space;
  const segments = draft.map(({ start, end }, segment) => ({
    ops: [start, end] as const,
    lanes: laid[segment]!.map(({ share, tiles }) => ({
      share,
      tiles: tiles.map(({ device, cost }): PlacedTile => {
        const place = placeOf[device]!;
        const profile = places.places[place]!.profile!;
        return {
          place,
          computeMs: cost.computes ? profile.tileMs + workMs(cost.work, profile) : 0,
          inputs: cost.inputs,
          outputs:
            codec === 'f32' || cost.reduce
              ? cost.outputs
              : cost.outputs.map((output) => ({ ...output, codec })),
          ...(cost.reduce && !cost.computes ? { silent: true } : {}),
        };
      }),
    })),
  }));
  const inputCodecs = new Map(graph.inputs.map(({ id }) => [id, codec]));
  return { graph, segments, inputCodecs };
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
