import { shapeSize } from '../src/graph/box.ts';
import type { Graph } from '../src/graph/graph.ts';
import { pixelInput } from '../src/models/image-encoding.ts';
import type { FrameInput } from '../src/runtime/frame-input.ts';
import { seededRandom } from '../src/shared/random.ts';
import { decodePicture } from './pictures.ts';

/** One input of every graph input, read or made when its turn comes. */
export interface NamedFrame {
  readonly name: string;
  /** One per graph input: pictures as 8-bit pixels. */
  readonly inputs: () => Promise<FrameInput[]>;
}

/** A picture each, stretched to the graph's first input. */
export function pictureFrames(graph: Graph, paths: readonly string[]): NamedFrame[] {
  const [input] = graph.inputs;
  return paths.map((name) => ({
    name,
    inputs: async () => [pixelInput(await decodePicture(name, input!), input!.image!, input!.shape)],
  }));
}

/** Random pixels where an input takes pictures or clips, and numbers between −1 and 1 elsewhere; for any shape. */
export function randomInputs(graph: Graph, seed: number): FrameInput[] {
  const random = seededRandom(seed);
  return graph.inputs.map(({ shape, image }) => {
    if (!image) return Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1);
    const pixels = Uint8Array.from({ length: shapeSize(shape) }, () => random.integer(256));
    return pixelInput(pixels, image, shape);
  });
}

/** `randomInputs` of one seed after the other. */
export function randomFrames(graph: Graph, seed: number, count: number): NamedFrame[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `random input ${index + 1} (seed ${seed})`,
    inputs: async () => randomInputs(graph, seed + index),
  }));
}
