import type { Graph } from '../../graph/graph.ts';
import { tensorShapes } from '../../graph/shapes.ts';

/** How many classes a network tells apart; 0 where its answer is something else. */
export function classCount(graph: Graph): number {
  const shape = tensorShapes(graph).get(graph.outputs[0]!)!;
  const sizes = shape.filter((extent) => extent > 1);
  return graph.outputs.length === 1 && sizes.length === 1 ? sizes[0]! : 0;
}

/** A sum further from 1 is not that of shares. */
const SUM_TOLERANCE = 0.02;

/** Shares that add up to 1: a network's answer where it is that, and its softmax where it is scores. */
export function probabilities(answer: Float32Array): Float32Array {
  let sum = 0;
  let largest = -Infinity;
  let smallest = Infinity;
  for (const value of answer) {
    sum += value;
    largest = Math.max(largest, value);
    smallest = Math.min(smallest, value);
  }
  if (smallest >= 0 && Math.abs(sum - 1) <= SUM_TOLERANCE) return answer;
  const powers = answer.map((value) => Math.exp(value - largest));
  const total = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / total);
}
