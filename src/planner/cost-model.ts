import type { Box, Shape } from '../graph/box.ts';
import type { Op } from '../graph/op.ts';
import { definitionOf } from '../graph/ops/index.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import { OP_CLASSES, type DeviceProfile, type OpClass } from './profile.ts';

/**
 * What computing takes, whoever does it: per op class the steps, multiply-accumulates and bytes. Work adds up, so a run
 * of ops is the sum of its ops, and the time on a device is one product with its rates.
 */
export type Work = Float64Array;

const PER_CLASS = 3;

export const noWork = (): Work => new Float64Array(OP_CLASSES.length * PER_CLASS);

export function opClass(op: Op): OpClass {
  if (op.kind === 'conv') {
    if (op.groups > 1) return 'depthwise';
    return op.kernelSize.every((size) => size === 1) ? 'pointwise' : 'conv';
  }
  if (op.kind === 'dense') return 'dense';
  return op.kind.endsWith('-pool') ? 'pool' : 'elementwise';
}

/** Adds what one op takes for an output box. */
export function addOpWork(work: Work, op: Op, inputs: readonly Shape[], output: Box, reduce?: Box): void {
  const { macs, bytesRead, bytesWritten } = definitionOf(op).cost(op, inputs, output, reduce);
  const at = OP_CLASSES.indexOf(opClass(op)) * PER_CLASS;
  work[at]! += 1;
  work[at + 1]! += macs;
  work[at + 2]! += bytesRead + bytesWritten;
}

export function programWork(program: TileProgram): Work {
  const work = noWork();
  for (const { op, inputShapes, output, reduce } of program.steps) {
    addOpWork(work, op, inputShapes, output, reduce);
  }
  return work;
}

/** Milliseconds of the device's engine, without `tileMs`. */
export function workMs(work: Work, { rates }: DeviceProfile): number {
  let ms = 0;
  for (const [index, name] of OP_CLASSES.entries()) {
    const { stepMs, msPerMac, msPerByte } = rates[name];
    const at = index * PER_CLASS;
    ms += work[at]! * stepMs + work[at + 1]! * msPerMac + work[at + 2]! * msPerByte;
  }
  return ms;
}
