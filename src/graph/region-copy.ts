import { boxShape, isEmpty, type Box } from './box.ts';

type Combine = 'copy' | 'add';

/**
 * Copies (or adds) `region` of a buffer that holds `sourceBox` into a buffer that holds `targetBox`, row-major.
 * All three boxes are in the coordinates of the whole tensor; `region` lies inside both others.
 */
export function transferRegion(
  source: Float32Array,
  sourceBox: Box,
  target: Float32Array,
  targetBox: Box,
  region: Box,
  combine: Combine = 'copy',
): void {
  if (isEmpty(region)) return;
  const rank = region.length;
  if (rank === 0) {
    if (combine === 'copy') target[0] = source[0]!;
    else target[0] = target[0]! + source[0]!;
    return;
  }
  const extent = boxShape(region);
  const sourceStrides = strides(sourceBox);
  const targetStrides = strides(targetBox);
  let sourceBase = 0;
  let targetBase = 0;
  for (let axis = 0; axis < rank; axis++) {
    sourceBase += (region[axis]![0] - sourceBox[axis]![0]) * sourceStrides[axis]!;
    targetBase += (region[axis]![0] - targetBox[axis]![0]) * targetStrides[axis]!;
  }
  // Axes that both buffers hold whole collapse into one contiguous run.
  let inner = rank - 1;
  let run = extent[inner]!;
  while (inner > 0 && run === sourceStrides[inner - 1]! && run === targetStrides[inner - 1]!) {
    inner -= 1;
    run *= extent[inner]!;
  }
  const counter = new Array<number>(inner).fill(0);
  for (;;) {
    if (combine === 'copy') {
      target.set(source.subarray(sourceBase, sourceBase + run), targetBase);
    } else {
      for (let i = 0; i < run; i++)
        target[targetBase + i] = target[targetBase + i]! + source[sourceBase + i]!;
    }
    let axis = inner - 1;
    for (; axis >= 0; axis--) {
      counter[axis]! += 1;
      sourceBase += sourceStrides[axis]!;
      targetBase += targetStrides[axis]!;
      if (counter[axis]! < extent[axis]!) break;
      sourceBase -= extent[axis]! * sourceStrides[axis]!;
      targetBase -= extent[axis]! * targetStrides[axis]!;
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** `region` of a buffer that holds `sourceBox`, as a buffer of its own. */
export function cropRegion(source: Float32Array, sourceBox: Box, region: Box): Float32Array {
  const target = new Float32Array(boxShape(region).reduce((size, extent) => size * extent, 1));
  transferRegion(source, sourceBox, target, region, region);
  return target;
}

function strides(box: Box): number[] {
  const shape = boxShape(box);
  const result = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = stride;
    stride *= shape[axis]!;
  }
  return result;
}
