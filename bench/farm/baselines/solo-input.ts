import { randomInputs } from '../../../headless/frames.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { inputValues } from '../../../src/runtime/frame-input.ts';

/** The numbers of `randomInputs(graph, seed)`, of the graph's only input. */
export const soloInput = (graph: Graph, seed: number): Float32Array =>
  inputValues(randomInputs(graph, seed)[0]!);
