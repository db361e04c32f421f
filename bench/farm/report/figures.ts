import { percentile } from '../../benchmark.ts';
import { median } from '../../../src/shared/median.ts';
import type { NetworkName } from '../../../src/models/presets.ts';
import type { Calibration, CellResult } from '../cells.ts';
import type { FarmObjective } from '../names.ts';
import type { CellIndex } from './cell-index.ts';

/** Fewer frames have no 95th percentile worth the name. */
const FRAMES_FOR_P95 = 30;

export const latencyMs = ({ latenciesMs }: CellResult): number => median(latenciesMs);

/** The latency that 95 % of the frames keep to (nearest rank). */
export function p95Ms({ latenciesMs }: CellResult): number | undefined {
  return latenciesMs.length < FRAMES_FOR_P95 ? undefined : percentile(latenciesMs, 95);
}

/**
 * What speed-ups are over: plain TensorFlow.js on one such device; of C3D, whose `tf.conv3d` takes minutes, our decomposed one. A
 * run that has it for one objective only is compared with that.
 */
export function baselineOf(
  cells: CellIndex,
  network: NetworkName,
  objective: FarmObjective,
): CellResult | undefined {
  const method = network === 'c3d' ? 'ours' : 'tfjs';
  const found = cells.measured.filter(
    (cell) =>
      cell.method === method && cell.network === network && cell.devices === 1 && cell.farm === undefined,
  );
  const closest = (cell: CellResult): number => (cell.objective === objective ? 0 : 1);
  return found.toSorted((a, b) => closest(a) - closest(b) || b.megabitsPerSecond - a.megabitsPerSecond)[0];
}

/** How many times as good as `other` a cell is, at what it is for: a frame's latency or the rate. */
export const gainOver = (cell: CellResult, other: CellResult): number =>
  cell.objective === 'latency'
    ? latencyMs(other) / latencyMs(cell)
    : cell.framesPerSecond / other.framesPerSecond;

/** Speed-up over the baseline; undefined where that was not measured. */
export function speedUp(cells: CellIndex, cell: CellResult): number | undefined {
  const baseline = baselineOf(cells, cell.network, cell.objective);
  return baseline && gainOver(cell, baseline);
}

/** What was predicted of the figure that the cell is for, over what was measured, less 1. */
export function predictionError(cell: CellResult): number | undefined {
  if (!cell.predicted) return undefined;
  return cell.objective === 'latency'
    ? cell.predicted.latencyMs / latencyMs(cell) - 1
    : cell.predicted.framesPerSecond / cell.framesPerSecond - 1;
}

/** Share of the time in which the compute thread of a device works, mean over the devices that the plan uses. */
export const engineBusy = (cell: CellResult, { share }: Calibration): number =>
  Math.min(1, (cell.processors.computeMs * cell.framesPerSecond) / 1000 / share);

/** Processor time for computing a frame, of all devices together, over that of one device that does it all; 1 where nothing is done twice. */
export function workOverOne(cells: CellIndex, cell: CellResult): number | undefined {
  const one = cells.measured.find(
    ({ method, network, used, farm }) =>
      method === 'ours' && network === cell.network && used === 1 && farm === undefined,
  );
  return one && (cell.processors.computeMs * cell.used) / one.processors.computeMs;
}
