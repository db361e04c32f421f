import type { Engine, LoadedTile } from '../engine/engine.ts';
import { fullBox } from '../graph/box.ts';
import { cropRegion } from '../graph/region-copy.ts';
import type { Graph } from '../graph/graph.ts';
import { tensorShapes } from '../graph/shapes.ts';
import { compileTile } from '../graph/tile-program.ts';
import { liveTensors } from '../planner/liveness.ts';
import { programWeightBytes } from '../planner/memory.ts';
import { inputValues, type FrameInput } from './frame-input.ts';
import type { WeightSource } from '../weights/weight-source.ts';

/** The unsplit model on one engine: what a spread one is compared with. */
export interface WholeModel {
  /** One per graph input; resolves to one per graph output, in the graph's order. The inputs are left alone. */
  run(inputs: readonly FrameInput[]): Promise<{ outputs: readonly Float32Array[]; computeMs: number }>;
  dispose(): Promise<void>;
}

export async function loadWholeModel(
  engine: Engine,
  graph: Graph,
  weights: WeightSource,
  onProgress?: (loadedBytes: number, totalBytes: number) => void,
): Promise<WholeModel> {
  const shapes = tensorShapes(graph);
  const ops = [0, graph.nodes.length] as const;
  const live = liveTensors(graph, ops);
  const outputs = live.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
  const program = compileTile(graph, { ops, outputs });
  const totalBytes = programWeightBytes(program);
  let loadedBytes = 0;
  const slices = await Promise.all(
    program.weights.map(async ({ name, box }) => {
      const slice = await weights.read(name, box);
      loadedBytes += slice.byteLength;
      onProgress?.(loadedBytes, totalBytes);
      return slice;
    }),
  );
  const loaded: LoadedTile = await engine.load(program, slices);
  return {
    run: async (inputs) => {
      // The engine may take the buffers away, and the caller's frame goes elsewhere too.
      const own = program.inputs.map(({ tensor, box }) => {
        const index = graph.inputs.findIndex(({ id }) => id === tensor);
        return cropRegion(inputValues(inputs[index]!), fullBox(shapes.get(tensor)!), box);
      });
      const result = await loaded.run(own);
      return {
        outputs: graph.outputs.map((id) => result.outputs[live.indexOf(id)]!),
        computeMs: result.computeMs,
      };
    },
    dispose: () => loaded.dispose(),
  };
}

export interface Comparison {
  readonly maxAbsDiff: number;
  /** Largest magnitude in the unsplit model's outputs: the scale that the difference is judged by. */
  readonly maxAbs: number;
  /** The same largest element in every output; a tie within the tolerance counts as the same. */
  readonly sameTop1: boolean;
  readonly withinTolerance: boolean;
}

/** Exactness as the project promises it: max |Δ| ≤ 1e-4 × max |activation|, and the same top-1. */
export const EXACT_TOLERANCE = 1e-4;

export function compareOutputs(
  actual: readonly Float32Array[],
  expected: readonly Float32Array[],
  tolerance = EXACT_TOLERANCE,
): Comparison {
  let maxAbsDiff = 0;
  let maxAbs = 0;
  let sameTop1 = true;
  let withinTolerance = actual.length === expected.length;
  for (const [index, want] of expected.entries()) {
    const got = actual[index];
    if (got?.length !== want.length)
      return { maxAbsDiff: Infinity, maxAbs, sameTop1: false, withinTolerance: false };
    let scale = 0;
    let difference = 0;
    for (let i = 0; i < want.length; i++) {
      // Comparing with `!(≤)` makes a NaN on either side count as different.
      const delta = Math.abs(got[i]! - want[i]!);
      if (!(delta <= difference)) difference = Number.isNaN(delta) ? Infinity : delta;
      scale = Math.max(scale, Math.abs(want[i]!));
    }
    const limit = tolerance * scale;
    if (!(difference <= limit)) withinTolerance = false;
    const top = argMax(got);
    const wanted = argMax(want);
    if (top !== wanted && want[wanted]! - want[top]! > limit) sameTop1 = false;
    maxAbsDiff = Math.max(maxAbsDiff, difference);
    maxAbs = Math.max(maxAbs, scale);
  }
  return { maxAbsDiff, maxAbs, sameTop1, withinTolerance };
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

export interface Prediction {
  readonly index: number;
  readonly label?: string;
  readonly score: number;
}

/** The `count` largest entries, largest first. */
export function topPredictions(
  scores: Float32Array,
  count: number,
  labels?: readonly string[],
): Prediction[] {
  return [...scores.keys()]
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count)
    .map((index) => ({
      index,
      ...(labels?.[index] === undefined ? {} : { label: labels[index] }),
      score: scores[index]!,
    }));
}
