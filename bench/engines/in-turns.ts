import { setTimeout } from 'node:timers/promises';
import { startBackend, type NodeBackend } from '../../headless/node-engine.ts';
import { shapeSize } from '../../src/graph/box.ts';
import { loadWholeModel } from '../../src/runtime/whole-model.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { median, type Goal } from '../benchmark.ts';
import type { SoloModel } from '../farm/baselines/solo-model.ts';
import type { Network } from '../overhead/networks.ts';
import { relativeDifference } from '../relative-difference.ts';

/** Sums of thousands of products in different orders, relative to the largest output. */
export const SAME: Goal = { atMost: 1e-4 };

export type Opened = SoloModel & { close(): Promise<void> };

/** A network as one tile on an engine in a thread of its own, as peers have it. */
export async function openWhole(network: Network, backend: NodeBackend, threads: number): Promise<Opened> {
  const engine = await startBackend(backend, { threads });
  const model = await loadWholeModel(engine, network.graph, network.weights);
  return {
    predict: async (input) => (await model.run([input])).outputs[0]!,
    close: async () => {
      await model.dispose();
      await engine.dispose();
    },
  };
}

export interface Timed {
  readonly timesMs: readonly (readonly number[])[];
  /** Between the first one's output and that of any other. */
  readonly difference: number;
}

/** The same input for whoever computes the network. */
export function inputOf({ graph }: Network): Float32Array {
  const random = seededRandom(7);
  return Float32Array.from({ length: shapeSize(graph.inputs[0]!.shape) }, () => random.next() * 2 - 1);
}

/** Threads of ONNX Runtime that wait with a loop for what comes next would take a processor from whoever has the next turn. */
const PAUSE_MS = 300;

/** All in turns, so that whatever else the machine does slows everybody; the first round warms up. */
export async function inTurns(network: Network, models: readonly Opened[], rounds: number): Promise<Timed> {
  const input = inputOf(network);
  const timesMs = models.map((): number[] => []);
  const outputs: Float32Array[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const [index, model] of models.entries()) {
      await setTimeout(PAUSE_MS);
      const startMs = performance.now();
      const output = await model.predict(input);
      if (round > 0) timesMs[index]!.push(performance.now() - startMs);
      outputs[index] = output;
    }
  }
  const difference = Math.max(0, ...outputs.slice(1).map((other) => relativeDifference(other, outputs[0]!)));
  return { timesMs, difference };
}

/** The median of the ratios of neighbours: what slows the machine for a while slows both. */
export const ratio = (over: readonly number[], under: readonly number[]): number =>
  median(over.map((ms, round) => ms / under[round]!));

/** Closes what was opened, whatever happens meanwhile. */
export async function withAll<T>(
  opening: readonly (() => Promise<Opened>)[],
  use: (models: readonly Opened[]) => Promise<T>,
): Promise<T> {
  const models: Opened[] = [];
  try {
    for (const open of opening) models.push(await open());
    return await use(models);
  } finally {
    for (const model of models) await model.close();
  }
}
