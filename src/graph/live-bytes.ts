import { boxEquals, boxSize, isEmpty } from './box.ts';
import { freedSlots, fuseSteps } from './fusion.ts';
import { slotBox, type TileProgram, type TileStep } from './tile-program.ts';

const FLOAT_BYTES = 4;

const known = new WeakMap<TileProgram, number>();

/**
 * The most bytes of tensors that a tile has at a time on an engine that joins steps as `fuseSteps` does, keeps a tensor until its last reader is
 * done, and whose convolutions need no more than input and output: what it was given, what lies between steps, crops, and what a
 * step holds meanwhile. Weights are not in it, nor the results once more as they are handed out.
 */
export function liveBytes(program: TileProgram): number {
  let bytes = known.get(program);
  if (bytes === undefined) known.set(program, (bytes = FLOAT_BYTES * liveFloats(program)));
  return bytes;
}

/** Never less than `liveBytes`, and looked up in no time. */
export function mostLiveBytes({ inputs, steps }: TileProgram): number {
  let floats = 0;
  let aside = 0;
  for (const { box } of inputs) floats += boxSize(box);
  for (const step of steps) {
    floats += boxSize(step.output);
    let most = temporary(step);
    for (const { region } of step.inputs) most += boxSize(region);
    aside = Math.max(aside, most);
  }
  return FLOAT_BYTES * (floats + aside);
}

function liveFloats(program: TileProgram): number {
  const steps = fuseSteps(program);
  const freed = freedSlots(steps, program.outputs);
  const sizeOf = (slot: number): number => boxSize(slotBox(program, slot));
  let live = program.inputs.reduce((sum, { box }) => sum + boxSize(box), 0);
  let most = live;
  for (const [index, fused] of steps.entries()) {
    live += boxSize(fused.step.output);
    most = Math.max(most, live + cropped(program, fused.step) + temporary(fused.step));
    for (const slot of freed[index]!) live -= sizeOf(slot);
  }
  return most;
}

/** Of inputs, what is a copy of a part of its tensor. */
function cropped(program: TileProgram, step: TileStep): number {
  return step.inputs.reduce(
    (sum, { slot, region }) =>
      slot < 0 || isEmpty(region) || boxEquals(slotBox(program, slot), region) ? sum : sum + boxSize(region),
    0,
  );
}

/** What a step holds while it runs, beside input and output. */
function temporary({ op, inputs, inputShapes, output }: TileStep): number {
  const made = boxSize(output);
  const readAll = (): number => inputs.reduce((sum, { region }) => sum + boxSize(region), 0);
  switch (op.kind) {
    case 'conv': {
      const isDepthwise = op.groups > 1 && inputShapes[0]!.at(-1)! === op.groups;
      if (!isDepthwise) return 0;
      return op.kernelSize.length === 3 ? 2 * (readAll() + made) : made;
    }
    case 'dense':
    case 'bias':
    case 'global-pool':
    case 'concat':
    case 'pad':
    case 'reshape':
    case 'identity':
      return 0;
    case 'merge':
      // Two at a time; a mean is divided in the end.
      return inputs.length > 2 || op.mode === 'average' ? made : 0;
    case 'max-pool':
      if (op.dilations?.some((dilation) => dilation > 1)) return readAll() + made;
      // Over time: the frames, each made smaller.
      return op.poolSize.length === 3 ? made * op.strides[0]! : 0;
    case 'avg-pool':
      // With padding around it.
      return readAll() + made;
    case 'lrn':
    case 'upsample':
      // Squares and powers of all; both neighbours of every element.
      return readAll() + 2 * made;
    case 'activation':
    case 'batch-norm':
    case 'softmax':
      return made;
  }
}
