import type { Engine } from '../src/engine/engine.ts';
import type { Graph } from '../src/graph/graph.ts';
import type { LoadedModel } from '../src/import/load-model.ts';
import { runInOrder } from '../src/runtime/frame-stream.ts';
import { compilePlan } from '../src/planner/compiled-plan.ts';
import { frameTraffic, isLossyTraffic, type CodecTraffic } from '../src/planner/plan-codec.ts';
import type { FrameInput } from '../src/runtime/frame-input.ts';
import type { FrameResult } from '../src/runtime/frames-in-flight.ts';
import type { Session } from '../src/runtime/session.ts';
import {
  compareOutputs,
  loadWholeModel,
  topPredictions,
  type Comparison,
  type Prediction,
} from '../src/runtime/whole-model.ts';
import { pictureFrames, type NamedFrame } from './frames.ts';

export interface Classified {
  readonly input: string;
  readonly top: readonly Prediction[];
  /** End to end, this frame alone in the mesh or not. */
  readonly latencyMs: number;
  readonly frame: FrameResult;
  /** What the frame sent over links. */
  readonly traffic: readonly CodecTraffic[];
  readonly verify?: Comparison;
}

interface ClassifyOptions {
  readonly session: Session;
  readonly model: LoadedModel;
  readonly topCount: number;
  readonly verifyWith?: Engine;
  /** While the weights of the unsplit model are read; with all of them there, it warms up. */
  readonly onUnsplitLoading?: (loadedBytes: number, totalBytes: number) => void;
  /** Everything is loaded. */
  readonly onStart?: () => void;
  readonly onResult?: (result: Classified) => void;
}

/** Pictures through the mesh, results in order, as many in flight as the session's window; with an engine for the unsplit model, each result is compared with it. */
export function classifyPictures(
  options: ClassifyOptions & { readonly pictures: readonly string[] },
): Promise<Classified[]> {
  return classifyFrames({ ...options, frames: pictureFrames(options.model.graph, options.pictures) });
}

/** The same for inputs of any kind. */
export async function classifyFrames(
  options: ClassifyOptions & { readonly frames: readonly NamedFrame[] },
): Promise<Classified[]> {
  const { session, model, frames, topCount, verifyWith, onUnsplitLoading, onStart, onResult } = options;
  const whole = verifyWith
    ? await loadWholeModel(verifyWith, model.graph, model.weights, onUnsplitLoading)
    : undefined;
  try {
    onStart?.();
    const results: Classified[] = [];
    let compiled = compilePlan(model.graph, session.plan);
    for await (const { frame: named, inputs, result: frame } of runInOrder(session, frames, (next) =>
      next.inputs(),
    )) {
      const expected = whole ? await whole.run(inputs) : undefined;
      // Frames may have taken different plans.
      if (frame.plan !== compiled.plan) compiled = compilePlan(model.graph, frame.plan);
      const result: Classified = {
        input: named.name,
        top: topPredictions(frame.outputs[0]!, topCount, model.graph.labels),
        latencyMs: frame.latencyMs,
        frame,
        traffic: frameTraffic(compiled, frame.lanes, picturesAmong(model.graph, inputs)),
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

const picturesAmong = ({ inputs }: Graph, given: readonly FrameInput[]): Set<string> =>
  new Set(inputs.filter((_, index) => !(given[index] instanceof Float32Array)).map(({ id }) => id));

/** What the comparisons of a whole run say. */
export interface Verification extends Comparison {
  /** Nothing was rounded on its way: the results have to be equal. Otherwise the same answers are all that is asked for. */
  readonly exact: boolean;
  /** Share of the inputs with the same first answer. */
  readonly top1Agreement: number;
}

export const isVerified = ({ exact, withinTolerance, sameTop1 }: Verification): boolean =>
  sameTop1 && (withinTolerance || !exact);

/** The worst of several comparisons: what the whole run can claim. */
export function worstComparison(results: readonly Classified[]): Verification | undefined {
  const all = results.flatMap(({ verify }) => verify ?? []);
  if (all.length === 0) return undefined;
  return {
    exact: !results.some(({ traffic }) => isLossyTraffic(traffic)),
    top1Agreement: all.filter(({ sameTop1 }) => sameTop1).length / all.length,
    maxAbsDiff: Math.max(...all.map(({ maxAbsDiff }) => maxAbsDiff)),
    maxAbs: Math.max(...all.map(({ maxAbs }) => maxAbs)),
    sameTop1: all.every(({ sameTop1 }) => sameTop1),
    withinTolerance: all.every(({ withinTolerance }) => withinTolerance),
  };
}
