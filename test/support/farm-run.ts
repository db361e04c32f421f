import {
  keyOf,
  type Cell,
  type CellKey,
  type CellRefused,
  type CellResult,
  type FarmRun,
} from '../../bench/farm/cells.ts';
import type { NetworkName } from '../../src/models/presets.ts';
import { seededRandom } from '../../src/shared/random.ts';

/** One frame on one made-up device, ms; and what a frame of it spends on links of 90 Mbit/s as soon as there are two. */
const ONE: Readonly<Record<NetworkName, { readonly computeMs: number; readonly linkMs: number }>> = {
  alexnet: { computeMs: 600, linkMs: 70 },
  vgg16: { computeMs: 10_400, linkMs: 180 },
  xception: { computeMs: 5_000, linkMs: 280 },
  c3d: { computeMs: 24_000, linkMs: 500 },
};

const SHARE = 0.096;
const AT = '2030-01-02T03:04:05.000Z';

/** A cell with figures that hang together; `change` replaces any of them. */
export function measuredCell(key: CellKey, change: Partial<CellResult> = {}): CellResult {
  const { computeMs, linkMs } = ONE[key.network];
  const { devices, objective, megabitsPerSecond } = key;
  const random = seededRandom([...keyOf(key)].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7));
  const frames = key.network === 'vgg16' || key.network === 'c3d' ? 8 : 30;
  const compute = computeMs / devices;
  const link = devices === 1 ? 0 : (linkMs * 90) / megabitsPerSecond;
  const wait = devices === 1 ? 0 : compute * 0.05;
  const alone = compute + link + wait;
  const latency = objective === 'latency' ? alone : alone * 1.6;
  const framesPerSecond = objective === 'latency' ? 1000 / alone : (devices / computeMs) * 1000 * 0.95;
  return {
    ...key,
    state: 'measured',
    frames,
    latenciesMs: Array.from({ length: frames }, () => latency * (1 + 0.02 * (random.next() - 0.5))),
    framesPerSecond,
    predicted: { latencyMs: latency * 1.04, framesPerSecond: framesPerSecond * 0.97 },
    used: devices,
    bytesPerFrame: 150_000 + 600_000 * (devices - 1),
    processors: { computeMs: compute * SHARE, otherMs: compute * SHARE * 0.1 },
    memoryBytes: { mean: 120e6 + 500e6 / devices, most: 130e6 + 600e6 / devices },
    joulesPerFrame: (2.6 * devices) / framesPerSecond,
    difference: 3e-6,
    where: { compute: compute / alone, link: link / alone, wait: wait / alone },
    at: AT,
    ...change,
  };
}

export const refusedCell = (key: CellKey, why: string): CellRefused => ({
  ...key,
  state: 'refused',
  why,
  at: AT,
});

export const farmRun = (cells: readonly Cell[], change: Partial<FarmRun> = {}): FarmRun => ({
  commit: '0123456789abcdef0123456789abcdef01234567',
  machine: { cpu: 'Made-up CPU', cores: 2, memoryBytes: 24 * 2 ** 30, os: 'Linux 6', node: '20.20.2' },
  startedAt: AT,
  finishedAt: '2030-01-02T04:30:00.000Z',
  command: 'npm run bench -- farm',
  calibration: {
    share: SHARE,
    vgg16Ms: 10_430,
    goalMs: 10_400,
    hopMs: { smallP50: 9.1, smallP95: 14.2, megabyteP50: 104 },
    kind: 'namespaces',
  },
  cells,
  ...change,
});

export const cellKey = (
  method: CellKey['method'],
  network: NetworkName,
  devices: number,
  objective: CellKey['objective'],
  megabitsPerSecond = 90,
  farm?: string,
): CellKey => ({
  method,
  network,
  devices,
  objective,
  megabitsPerSecond,
  ...(farm === undefined ? {} : { farm }),
});

/** A whole run, with one cell refused and one missing. */
export function wholeRun(): FarmRun {
  const networks = Object.keys(ONE) as NetworkName[];
  const objectives = ['latency', 'throughput'] as const;
  const cells = networks.flatMap((network) =>
    objectives.flatMap((objective) => [
      ...[1, 4, 8, 11].map((devices) => measuredCell(cellKey('ours', network, devices, objective))),
      ...[30, 10].map((megabits) => {
        const single = network === 'alexnet' && megabits === 10;
        const { latenciesMs } = measuredCell(cellKey('ours', network, 1, objective, megabits));
        return measuredCell(
          cellKey('ours', network, 8, objective, megabits),
          single ? { used: 1, latenciesMs } : {},
        );
      }),
      ...(network === 'c3d' ? [] : [measuredCell(cellKey('tfjs', network, 1, objective))]),
      ...(['pipeline', 'spatial', 'channel', 'lanes'] as const).map((method, index) =>
        slower(measuredCell(cellKey(method, network, 8, objective)), 1.4 + index * 0.5),
      ),
    ]),
  );
  const others: Cell[] = [
    ...networks
      .filter((network) => network !== 'c3d')
      .map((network) => slower(measuredCell(cellKey('onnxruntime-web', network, 1, 'latency')), 0.9)),
    refusedCell(
      cellKey('onnxruntime-web', 'c3d', 1, 'latency'),
      'onnxruntime-web: Conv of five axes | <not> there',
    ),
    ...objectives.flatMap((objective) => [
      slower(measuredCell(cellKey('paper', 'alexnet', 5, objective)), 1.9),
      slower(measuredCell(cellKey('paper', 'alexnet', 6, objective)), 1.9),
      slower(measuredCell(cellKey('paper', 'vgg16', 9, objective)), 3),
      slower(measuredCell(cellKey('paper', 'vgg16', 11, objective)), 2.5),
      measuredCell(cellKey('ours', 'vgg16', 6, objective, 90, 'mixed.json')),
      slower(measuredCell(cellKey('equal', 'vgg16', 6, objective, 90, 'mixed.json')), 1.5),
    ]),
  ];
  const all = [...cells, ...others].map((cell): Cell =>
    keyOf(cell) === 'ours/c3d/4/throughput/90'
      ? refusedCell(cellKey('ours', 'c3d', 4, 'throughput'), 'a device lacks 120 MB')
      : cell,
  );
  return farmRun(all.filter((cell) => keyOf(cell) !== 'ours/xception/11/throughput/90'));
}

/** The same cell, `factor` times as slow. */
export const slower = (cell: CellResult, factor: number): CellResult => ({
  ...cell,
  latenciesMs: cell.latenciesMs.map((ms) => ms * factor),
  framesPerSecond: cell.framesPerSecond / factor,
});
