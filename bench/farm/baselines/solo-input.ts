import { shapeSize } from '../../../src/graph/box.ts';
import type { Graph } from '../../../src/graph/graph.ts';
import { encodeImage } from '../../../src/models/image-encoding.ts';
import { seededRandom } from '../../../src/shared/random.ts';

/** The numbers of frame 1 of `randomFrames(graph, seed, 1)`: random pixels. Of the graph's only input. */
export function soloInput({ inputs: [input] }: Graph, seed: number): Float32Array {
  const random = seededRandom(seed);
  const { shape, image } = input!;
  if (!image) return Float32Array.from({ length: shapeSize(shape) }, () => random.next() * 2 - 1);
  const pixels = Uint8Array.from({ length: shapeSize(shape) }, () => random.integer(256));
  return encodeImage(pixels, image, shape);
}
