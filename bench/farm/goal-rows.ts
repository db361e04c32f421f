import { median, type Row } from '../benchmark.ts';
import type { FarmRun } from './cells.ts';
import { indexCells } from './report/cell-index.ts';
import { predictionError, speedUp } from './report/figures.ts';
import { judgeGoals } from './report/goals.ts';

/** The goals of the farm as rows of a benchmark, and beside them what stands behind them. */
export function goalRows(run: FarmRun): Row[] {
  const cells = indexCells(run);
  const { share, vgg16Ms, hopMs } = run.calibration;
  const goals = judgeGoals(cells).flatMap(({ what, goal, unit, verdict }): Row[] =>
    verdict.state === 'met' || verdict.state === 'missed'
      ? [
          {
            name: what,
            ...(unit === 'bytes' ? inMegabytes(verdict.value, goal) : { value: verdict.value, unit, goal }),
          },
        ]
      : [],
  );
  const speedUps = cells.measured.flatMap((cell): Row[] => {
    const value = speedUp(cells, cell);
    if (value === undefined || cell.method === 'tfjs') return [];
    const { method, network, devices, objective, megabitsPerSecond } = cell;
    const name = `${network}, ${method} on ${devices} at ${megabitsPerSecond} Mbit/s, ${objective}: over plain TensorFlow.js on one`;
    return [{ name, value, unit: '×', goal: null }];
  });
  return [
    ...goals,
    { name: 'largest relative difference from the unsplit networks', value: Math.max(0, ...cells.measured.map(({ difference }) => difference)), unit: '', goal: { atMost: 1e-3 } },
    ...speedUps,
    { name: 'calibration: of a core for each device', value: share, unit: '', goal: null },
    { name: 'calibration: VGG16 on one device', value: vgg16Ms, unit: 'ms', goal: null },
    { name: 'floor: small message there and back, p50', value: hopMs.smallP50, unit: 'ms', goal: null },
    { name: 'floor: a megabyte and back, p50', value: hopMs.megabyteP50, unit: 'ms', goal: null },
    { name: 'cells measured', value: cells.measured.length, unit: `of ${cells.all.length}`, goal: null },
    { name: 'predicted against measured: median error', value: medianError(cells.measured), unit: '%', goal: null },
  ]; // prettier-ignore
}

function inMegabytes(bytes: number, goal: NonNullable<Row['goal']>): Pick<Row, 'value' | 'unit' | 'goal'> {
  return {
    value: bytes / 1e6,
    unit: 'MB',
    goal: { ...(goal.atMost === undefined ? {} : { atMost: goal.atMost / 1e6 }) },
  };
}

function medianError(cells: ReturnType<typeof indexCells>['measured']): number {
  const errors = cells.flatMap((cell) => {
    const error = predictionError(cell);
    return error === undefined ? [] : [100 * Math.abs(error)];
  });
  return errors.length > 0 ? median(errors) : 0;
}
