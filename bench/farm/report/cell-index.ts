import type { NetworkName } from '../../../src/models/presets.ts';
import { keyOf, type Cell, type CellKey, type CellResult, type FarmRun } from '../cells.ts';
import type { FarmObjective } from '../names.ts';

/** Of every device's link, unless a table is about links. */
export const USUAL_MEGABITS = 90;
export const DEVICE_COUNTS = [1, 4, 8, 11] as const;

/** The cells of a run by what they are of. Where a cell was measured again, the later one counts. */
export interface CellIndex {
  readonly all: readonly Cell[];
  readonly measured: readonly CellResult[];
  at(key: CellKey): Cell | undefined;
  measuredAt(key: CellKey): CellResult | undefined;
}

export function indexCells({ cells }: FarmRun): CellIndex {
  const byKey = new Map(cells.map((cell) => [keyOf(cell), cell]));
  // A run that was taken up again has its cells in another order, and says the same.
  const all = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
  const at = (key: CellKey): Cell | undefined => byKey.get(keyOf(key));
  return {
    all,
    measured: all.filter(isMeasured),
    at,
    measuredAt: (key) => {
      const cell = at(key);
      return cell && isMeasured(cell) ? cell : undefined;
    },
  };
}

export const isMeasured = (cell: Cell): cell is CellResult => cell.state === 'measured';

/** Our own cell on devices that are alike. */
export const oursOn = (
  network: NetworkName,
  devices: number,
  objective: FarmObjective,
  megabitsPerSecond: number = USUAL_MEGABITS,
): CellKey => ({ method: 'ours', network, devices, objective, megabitsPerSecond });

/** Our own cells of rates within a bound of latency, over usual links. */
export const boundedOn = ({ measured }: CellIndex, network: NetworkName): readonly CellResult[] =>
  measured.filter(
    (cell) =>
      cell.method === 'ours' &&
      cell.network === network &&
      cell.latencyBoundMs !== undefined &&
      cell.megabitsPerSecond === USUAL_MEGABITS &&
      cell.farm === undefined,
  );
