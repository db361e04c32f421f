import { consumersOf } from '../graph/consumers.ts';
import { boxShape, boxSize, isEmpty, shapeSize, type Box, type Shape } from '../graph/box.ts';
import { fuseSteps } from '../graph/fusion.ts';
import type { Graph, OpNode } from '../graph/graph.ts';
import type { ConvOp, Op } from '../graph/op.ts';
import { definitionOf } from '../graph/ops/index.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import { unreachable } from '../shared/errors.ts';
import { OP_CLASSES, type DeviceProfile, type OpClass } from './profile.ts';

/**
 * What computing takes, whoever does it: per op class the steps, multiply-accumulates and bytes, and at the end the bytes
 * that enter and leave a tile. Work adds up, so a run of ops is the sum of its ops, and the time on a device is one
 * product with its rates.
 */
export type Work = Float64Array;

const PER_CLASS = 3;
const TILE_BYTES = OP_CLASSES.length * PER_CLASS;
export const WORK_LENGTH = TILE_BYTES + 1;

export const noWork = (): Work => new Float64Array(WORK_LENGTH);

/** Kernels sum several outputs at a time: what does not fill the last group costs as much as if it did. */
const PLACES_AT_ONCE = 4;
const CHANNELS_AT_ONCE = 8;
/** Beginning another place of a filter takes about as long as so many of its input channels. */
const CHANNELS_PER_TAP = 3;

const roundedUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** @param inChannels of the whole input. */
export function opClass(op: Op, inChannels: number): OpClass {
  switch (op.kind) {
    case 'conv':
      if (op.groups > 1 && op.groups === inChannels) return 'depthwise';
      return op.kernelSize.every((size) => size === 1) ? 'pointwise' : 'conv';
    case 'dense':
      return 'dense';
    case 'max-pool':
    case 'avg-pool':
    case 'global-pool':
      return 'pool';
    case 'bias':
    case 'batch-norm':
    case 'merge':
    case 'concat':
    case 'pad':
    case 'reshape':
    case 'activation':
    case 'softmax':
    case 'upsample':
    case 'identity':
    case 'lrn':
      return 'elementwise';
    default:
      return unreachable(op);
  }
}

/** Adds what one op takes for an output box. What its neighbours in a tile may save is not in it: see `programWork`. */
export function addOpWork(work: Work, op: Op, inputs: readonly Shape[], output: Box, reduce?: Box): void {
  if (isEmpty(output)) return;
  const { macs, bytesRead, bytesWritten } = definitionOf(op).cost(op, inputs, output, reduce);
  const inChannels = inputs[0]!.at(-1)!;
  const name = opClass(op, inChannels);
  const bytes = bytesRead + bytesWritten;
  if (op.kind === 'conv') {
    add(work, name, 1, name === 'depthwise' ? macs : convMacs(op, macs, output), bytes);
  } else if (op.kind === 'dense' || op.kind === 'global-pool') {
    add(work, name, 1, macs, bytes);
  } else if (op.kind === 'max-pool' || op.kind === 'avg-pool') {
    // Time is a pass of its own.
    add(work, name, op.poolSize.length > 2 ? 2 : 1, boxSize(output) * shapeSize(op.poolSize), bytes);
  } else {
    const { passes, functions } = elementwisePasses(op, inputs);
    add(work, name, passes, functions * boxSize(output), passes * bytes);
    if (op.kind !== 'lrn') return;
    // The sum over neighbours is a 1×1 convolution.
    const channels = boxShape(output).at(-1)!;
    add(work, 'pointwise', 1, boxSize(output) * (channels + CHANNELS_PER_TAP), bytes);
  }
}

/** Adds what a tile takes beside its ops: bringing in the boxes that it reads and taking out those that it makes. */
export function addTileBytes(work: Work, bytes: number): void {
  work[TILE_BYTES]! += bytes;
}

/** All of a tile but `tileMs`. */
export function programWork(program: TileProgram): Work {
  const work = noWork();
  for (const { step } of fuseSteps(program)) {
    addOpWork(work, step.op, step.inputShapes, step.output, step.reduce);
  }
  let bytes = 0;
  for (const { box } of [...program.inputs, ...program.outputs]) bytes += 4 * boxSize(box);
  addTileBytes(work, bytes);
  return work;
}

/** Milliseconds of the device's engine, without `tileMs`. */
export function workMs(work: Work, { rates, tileMsPerByte }: DeviceProfile): number {
  let ms = work[TILE_BYTES]! * tileMsPerByte;
  for (const [index, name] of OP_CLASSES.entries()) {
    const { stepMs, msPerMac, msPerByte } = rates[name];
    const at = index * PER_CLASS;
    ms += work[at]! * stepMs + work[at + 1]! * msPerMac + work[at + 2]! * msPerByte;
  }
  return ms;
}

function add(work: Work, name: OpClass, steps: number, macs: number, bytes: number): void {
  const at = OP_CLASSES.indexOf(name) * PER_CLASS;
  work[at]! += steps;
  work[at + 1]! += macs;
  work[at + 2]! += bytes;
}

/** With the outputs that fill up groups, and the beginnings of taps. */
function convMacs(op: ConvOp, macs: number, output: Box): number {
  const channels = boxShape(output).at(-1)!;
  const places = boxSize(output) / channels;
  const taps = shapeSize(op.kernelSize);
  const inChannels = macs / (boxSize(output) * taps);
  const outputs = roundedUp(places, PLACES_AT_ONCE) * roundedUp(channels, CHANNELS_AT_ONCE);
  return outputs * taps * (inChannels + CHANNELS_PER_TAP);
}

/** How often the tensor is walked through, and how many exponentials, roots and divisions each element takes. */
function elementwisePasses(
  op: Exclude<Op, { kind: 'conv' | 'dense' | 'max-pool' | 'avg-pool' | 'global-pool' }>,
  inputs: readonly Shape[],
): { readonly passes: number; readonly functions: number } {
  switch (op.kind) {
    case 'bias':
    case 'concat':
    case 'pad':
    case 'upsample':
      return { passes: 1, functions: 0 };
    case 'batch-norm':
      return { passes: 2, functions: 0 };
    case 'merge':
      return { passes: inputs.length - (op.mode === 'average' ? 0 : 1), functions: 0 };
    case 'reshape':
    case 'identity':
      return { passes: 0, functions: 0 };
    case 'softmax':
      return { passes: 2, functions: 1 };
    case 'lrn':
      return { passes: 7, functions: 3 };
    case 'activation':
      switch (op.function) {
        case 'relu':
        case 'relu6':
          return { passes: 1, functions: 0 };
        case 'elu':
        case 'selu':
        case 'sigmoid':
        case 'softplus':
        case 'exp':
          return { passes: 1, functions: 1 };
        case 'swish':
          return { passes: 2, functions: 1 };
        case 'hard-sigmoid':
          return { passes: 3, functions: 0 };
        case 'softsign':
          return { passes: 3, functions: 1 };
        case 'leaky-relu':
          return { passes: 4, functions: 0 };
        case 'tanh':
          return { passes: 4, functions: 1 };
        case 'gelu':
          return { passes: 5, functions: 1 };
        default:
          return unreachable(op.function);
      }
    default:
      return unreachable(op);
  }
}

/**
 * For each op of the graph, the convolution or dense layer whose kernel does it on the way when both are in one tile and
 * that layer gives no partial sums: then it takes nothing. −1 where there is none.
 */
export function absorbingOps(graph: Graph): Int32Array {
  const absorbing = new Int32Array(graph.nodes.length).fill(-1);
  const consumers = consumersOf(graph);
  const indexOf = new Map(graph.nodes.map(({ id }, index) => [id, index]));
  const soleConsumer = (id: string): OpNode | undefined => {
    const list = consumers.get(id) ?? [];
    return list.length === 1 && !graph.outputs.includes(id) ? list[0] : undefined;
  };
  for (const [index, { id, op }] of graph.nodes.entries()) {
    if (op.kind !== 'conv' && op.kind !== 'dense') continue;
    let next = soleConsumer(id);
    if (next?.op.kind === 'bias') {
      absorbing[indexOf.get(next.id)!] = index;
      next = soleConsumer(next.id);
    }
    if (next?.op.kind === 'activation' && (next.op.function === 'relu' || next.op.function === 'relu6')) {
      absorbing[indexOf.get(next.id)!] = index;
    }
  }
  return absorbing;
}
