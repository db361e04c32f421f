import type { Engine } from '../src/engine/engine.ts';
import type { LoadedModel } from '../src/import/load-model.ts';
import { encodeImage } from '../src/models/image-encoding.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import type { Session } from '../src/runtime/session.ts';
import {
  compareOutputs,
  loadWholeModel,
  topPredictions,
  type Comparison,
  type Prediction,
} from '../src/runtime/whole-model.ts';
import { decodePicture } from './pictures.ts';

export interface Classified {
  readonly input: string;
  readonly top: readonly Prediction[];
  /** End to end, this frame alone in the mesh or not. */
  readonly latencyMs: number;
  readonly frame: FrameResult;
  readonly verify?: Comparison;
}

/** Pictures through the mesh, in order; with an engine for the unsplit model, each result is compared with it. */
export async function classifyPictures(options: {
  readonly session: Session;
  readonly model: LoadedModel;
  readonly pictures: readonly string[];
  readonly topCount: number;
  readonly verifyWith?: Engine;
  readonly onResult?: (result: Classified) => void;
}): Promise<Classified[]> {
  const { session, model, pictures, topCount, verifyWith, onResult } = options;
  const [input] = model.graph.inputs;
  const whole = verifyWith ? await loadWholeModel(verifyWith, model.graph, model.weights) : undefined;
  try {
    const results: Classified[] = [];
    for (const picture of pictures) {
      const encoded = encodeImage(await decodePicture(picture, input!), input!.image!, input!.shape);
      const frame = await session.run([encoded]);
      const expected = whole ? await whole.run([encoded]) : undefined;
      const result: Classified = {
        input: picture,
        top: topPredictions(frame.outputs[0]!, topCount, model.graph.labels),
        latencyMs: frame.latencyMs,
        frame,
        ...(expected ? { verify: compareOutputs(frame.outputs, expected.outputs) } : {}),
      };
      results.push(result);
      onResult?.(result);
    }
    return results;
  } finally {
    await whole?.dispose();
  }
}

/** The worst of several comparisons: what the whole run can claim. */
export function worstComparison(results: readonly Classified[]): Comparison | undefined {
  const all = results.flatMap(({ verify }) => verify ?? []);
  if (all.length === 0) return undefined;
  return {
    maxAbsDiff: Math.max(...all.map(({ maxAbsDiff }) => maxAbsDiff)),
    maxAbs: Math.max(...all.map(({ maxAbs }) => maxAbs)),
    sameTop1: all.every(({ sameTop1 }) => sameTop1),
    withinTolerance: all.every(({ withinTolerance }) => withinTolerance),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
