import { boxShape, shapeSize, type Box, type Shape } from '../../graph/box.ts';
import type { Op, Padding } from '../../graph/op.ts';
import { PeerceptronError } from '../../shared/errors.ts';

/** One input of a step: `data` holds `region`, row-major; the kernel imagines `padding` around it. */
export interface KernelInput {
  readonly data: Float32Array;
  readonly region: Box;
  readonly padding: readonly Padding[];
  /** Shape of the whole tensor. */
  readonly shape: Shape;
}

export interface KernelCall<O extends Op> {
  readonly op: O;
  readonly inputs: readonly KernelInput[];
  /** By role; each holds the box that `OpDefinition.weightBoxes` names. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** What to compute, in whole-tensor coordinates. */
  readonly output: Box;
}

/** Computes one step; returns a buffer that holds `output`, row-major. */
export type Kernel<O extends Op> = (call: KernelCall<O>) => Float32Array;

export const allocate = (box: Box): Float32Array => new Float32Array(shapeSize(boxShape(box)));

/** Sliding windows with their spatial axes brought to three: axes of extent 1 in front change nothing. */
export interface SlidingLoop {
  /** Spatial extents of the output box. */
  readonly output: readonly [number, number, number];
  /** Spatial extents of the input region, without its padding. */
  readonly input: readonly [number, number, number];
  readonly size: readonly [number, number, number];
  readonly strides: readonly [number, number, number];
  readonly dilations: readonly [number, number, number];
  /** Imagined elements in front of the region. */
  readonly before: readonly [number, number, number];
}

/** Throws `ENGINE_FAILED` when region and padding are not what the output box needs: the tile was compiled wrong. */
export function slidingLoop(
  input: KernelInput,
  output: Box,
  size: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): SlidingLoop {
  const rank = size.length;
  const regionShape = boxShape(input.region);
  const outputShape = boxShape(output);
  for (let axis = 0; axis < rank; axis++) {
    const [before, after] = input.padding[axis]!;
    const held = before + regionShape[axis]! + after;
    const wanted = (outputShape[axis]! - 1) * strides[axis]! + (size[axis]! - 1) * dilations[axis]! + 1;
    if (held !== wanted) {
      throw new PeerceptronError(
        'ENGINE_FAILED',
        `axis ${axis}: ${outputShape[axis]} windows need ${wanted} elements, the region and its padding have ${held}`,
      );
    }
  }
  const three = (values: readonly number[], filler: number) =>
    [...new Array<number>(3 - rank).fill(filler), ...values.slice(0, rank)] as unknown as readonly [
      number,
      number,
      number,
    ];
  return {
    output: three(outputShape, 1),
    input: three(regionShape, 1),
    size: three(size, 1),
    strides: three(strides, 1),
    dilations: three(dilations, 1),
    before: three(
      input.padding.map((pair) => pair[0]),
      0,
    ),
  };
}

/**
 * Calls `visit` for every tap of the window at one output position that lies in the region, with the index of the
 * position in the region (channels aside) and of the tap in the kernel, both row-major.
 */
export function forEachTap(
  loop: SlidingLoop,
  position: readonly [number, number, number],
  visit: (place: number, tap: number) => void,
): void {
  const [id, ih, iw] = loop.input;
  const [sd, sh, sw] = loop.size;
  const [dd, dh, dw] = loop.dilations;
  const d0 = position[0] * loop.strides[0] - loop.before[0];
  const h0 = position[1] * loop.strides[1] - loop.before[1];
  const w0 = position[2] * loop.strides[2] - loop.before[2];
  for (let kd = 0; kd < sd; kd++) {
    const d = d0 + kd * dd;
    if (d < 0 || d >= id) continue;
    for (let kh = 0; kh < sh; kh++) {
      const h = h0 + kh * dh;
      if (h < 0 || h >= ih) continue;
      for (let kw = 0; kw < sw; kw++) {
        const w = w0 + kw * dw;
        if (w < 0 || w >= iw) continue;
        visit((d * ih + h) * iw + w, (kd * sh + kh) * sw + kw);
      }
    }
  }
}

/** Calls `visit` for every output position, row-major, with its index. */
export function forEachPosition(
  loop: SlidingLoop,
  visit: (position: readonly [number, number, number], index: number) => void,
): void {
  const position: [number, number, number] = [0, 0, 0];
  let index = 0;
  for (position[0] = 0; position[0] < loop.output[0]; position[0]++) {
    for (position[1] = 0; position[1] < loop.output[1]; position[1]++) {
      for (position[2] = 0; position[2] < loop.output[2]; position[2]++) visit(position, index++);
    }
  }
}
