import { shapeSize } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { pixelsToF32, type PixelInput } from '../graph/pixels.ts';
import { PeerceptronError } from '../shared/errors.ts';

/** One input of a network, row-major: its numbers, or an 8-bit picture with the map that makes them. */
export type FrameInput = Float32Array | PixelInput;

/** The numbers that a network gets from an input, here as on every peer. */
export const inputValues = (input: FrameInput): Float32Array =>
  input instanceof Float32Array ? input : pixelsToF32(input);

/** Throws `INPUT_INVALID` unless there is one input of the right size for every input of the graph. */
export function checkInputs({ inputs: wanted }: Graph, inputs: readonly FrameInput[]): void {
  const expected = wanted.map(({ id, shape }) => `'${id}' [${shape.join(', ')}]`).join(', ');
  const fits =
    inputs.length === wanted.length &&
    wanted.every(({ shape }, index) => {
      const input = inputs[index]!;
      const values = input instanceof Float32Array ? input : input.pixels;
      return values.length === shapeSize(shape);
    });
  if (!fits) {
    throw new PeerceptronError('INPUT_INVALID', `the model takes ${expected}; the buffers given do not fit`);
  }
  for (const [index, { id, shape }] of wanted.entries()) {
    const input = inputs[index]!;
    if (input instanceof Float32Array) continue;
    const channels = shape.at(-1) ?? 1;
    const { scale, offset } = input;
    const legal = scale.length === channels && offset.length === channels;
    if (!legal || ![...scale, ...offset].every(Number.isFinite)) {
      throw new PeerceptronError(
        'INPUT_INVALID',
        `pixels for '${id}' need a finite scale and offset for each of its ${channels} channels`,
      );
    }
  }
}
