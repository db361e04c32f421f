import type { NetworkName } from '../../../src/models/presets.ts';
import { isMet, type Goal } from '../../benchmark.ts';
import type { Cell, CellKey, CellResult } from '../cells.ts';
import { NETWORK_TITLES, NETWORKS_SHOWN, OBJECTIVES, type FarmObjective } from '../names.ts';
import { boundedOn, isMeasured, oursOn, USUAL_MEGABITS, type CellIndex } from './cell-index.ts';
import { gainOver, latencyMs, speedUp } from './figures.ts';

/** `×` of a ratio, or bytes. */
export type GoalUnit = '×' | 'bytes';

export interface JudgedGoal {
  readonly what: string;
  readonly goal: Goal;
  readonly unit: GoalUnit;
  readonly verdict: Verdict;
}

export type Verdict =
  | { readonly state: 'met' | 'missed'; readonly value: number; readonly cell: CellResult }
  | { readonly state: 'refused'; readonly why: string }
  /** The run lacks the cell, or what it would be compared with. */
  | { readonly state: 'not measured' };

/** Least speed-ups of a frame's latency on 4 and on 8 devices. */
const LATENCY_GOALS: Readonly<Record<NetworkName, readonly [number, number]>> = {
  alexnet: [2.2, 2.8],
  vgg16: [3.4, 6],
  xception: [2.8, 4.5],
  c3d: [3.4, 6],
};
/** Likewise of the rate, whatever the network. */
const RATE_GOALS = [3.7, 7.3] as const;
/** Most that a device may hold meanwhile, bytes. */
const MEMORY_GOALS = [450e6, 256e6] as const;
const SIZES = [4, 8] as const;

/** The paper's largest layout: how many devices it is for, how much higher our rate has to be, and our latency relative to its own. */
const PAPER = { devices: 11, rate: 1.25, latency: 0.5 } as const;
const SLOW_MEGABITS = 10;
const OVER_EQUAL_PARTS = 1.3;

/** All goals of the farm, in the order in which they are shown. */
export function judgeGoals(cells: CellIndex): JudgedGoal[] {
  const bySize = (objective: FarmObjective, least: (network: NetworkName) => readonly [number, number]) =>
    NETWORKS_SHOWN.flatMap((network) =>
      SIZES.map((devices, index): JudgedGoal => {
        const what = `${NETWORK_TITLES[network]} on ${devices}: ${objective === 'latency' ? 'latency' : 'rate'}`;
        const goal = { atLeast: least(network)[index]! };
        const cell = cells.at(oursOn(network, devices, objective));
        return { what, goal, unit: '×', verdict: judged(cell, goal, (result) => speedUp(cells, result)) };
      }),
    );
  const memory = NETWORKS_SHOWN.flatMap((network) =>
    SIZES.map((devices, index): JudgedGoal => {
      const goal = { atMost: MEMORY_GOALS[index]! };
      const cell = cells.at(oursOn(network, devices, 'throughput'));
      const verdict = judged(cell, goal, ({ memoryBytes }) => memoryBytes.most);
      return { what: `${NETWORK_TITLES[network]} on ${devices}: memory`, goal, unit: 'bytes', verdict };
    }),
  );
  return [
    ...bySize('latency', (network) => LATENCY_GOALS[network]),
    ...bySize('throughput', () => RATE_GOALS),
    ...memory,
    ...againstPaper(cells),
    ...NETWORKS_SHOWN.map((network) => onSlowLinks(cells, network)),
    ...onUnlikeDevices(cells),
  ];
}

function judged(
  cell: Cell | undefined,
  goal: Goal,
  valueOf: (cell: CellResult) => number | undefined,
): Verdict {
  if (!cell) return { state: 'not measured' };
  if (!isMeasured(cell)) return { state: 'refused', why: cell.why };
  const value = valueOf(cell);
  if (value === undefined) return { state: 'not measured' };
  const met = isMet({ name: '', value, unit: '', goal });
  return { state: met ? 'met' : 'missed', value, cell };
}

/**
 * VGG16 on as many devices as the paper's largest layout, which runs on our runtime. Both goals are one plan's: of ours for latency,
 * for rate, and for rate within a bound of latency, the one that is further from missing either. The rate is held against the layout's best, the latency against that of
 * the layout measured in the same way (frames alone, or in flight).
 */
function againstPaper(cells: CellIndex): JudgedGoal[] {
  const papers = cells.measured.filter(
    ({ method, network, devices, megabitsPerSecond, farm }) =>
      method === 'paper' &&
      network === 'vgg16' &&
      devices === PAPER.devices &&
      megabitsPerSecond === USUAL_MEGABITS &&
      farm === undefined,
  );
  const ours = [
    ...OBJECTIVES.map((objective) => cells.measuredAt(oursOn('vgg16', PAPER.devices, objective))),
    ...boundedOn(cells, 'vgg16').filter(({ devices }) => devices === PAPER.devices),
  ];
  const ratios = ours.flatMap((cell) => {
    const paper = papers.find((other) => other.objective === cell?.objective) ?? papers[0];
    if (!cell || !paper) return [];
    const rate = cell.framesPerSecond / Math.max(...papers.map(({ framesPerSecond }) => framesPerSecond));
    return [{ cell, rate, latency: latencyMs(cell) / latencyMs(paper) }];
  });
  const margin = ({ rate, latency }: (typeof ratios)[number]): number =>
    Math.min(rate / PAPER.rate, PAPER.latency / latency);
  const best = ratios.toSorted((a, b) => margin(b) - margin(a))[0];
  const what = `VGG16 on ${PAPER.devices}, over the paper's layout`;
  const rate = { atLeast: PAPER.rate };
  const latency = { atMost: PAPER.latency };
  return [
    { what: `${what}: rate`, goal: rate, unit: '×', verdict: judged(best?.cell, rate, () => best?.rate) },
    {
      what: `${what}: latency`,
      goal: latency,
      unit: '×',
      verdict: judged(best?.cell, latency, () => best?.latency),
    },
  ];
}

/**
 * Over slow links, the worst cell of a network (any number of devices, latency or rate) against one device: over such a link where that was
 * measured, over the usual one otherwise. A plan that uses one device is that device, and counts as 1.
 */
function onSlowLinks(cells: CellIndex, network: NetworkName): JudgedGoal {
  const goal = { atLeast: 1 };
  const ratios = cells.measured.flatMap((cell) => {
    const { method, devices, objective, megabitsPerSecond, farm } = cell;
    if (method !== 'ours' || cell.network !== network || farm !== undefined) return [];
    if (devices === 1 || megabitsPerSecond !== SLOW_MEGABITS) return [];
    const one =
      cells.measuredAt(oursOn(network, 1, objective, SLOW_MEGABITS)) ??
      cells.measuredAt(oursOn(network, 1, objective));
    if (cell.used === 1) return [{ cell, value: 1 }];
    return one ? [{ cell, value: gainOver(cell, one) }] : [];
  });
  const worst = ratios.toSorted((a, b) => a.value - b.value)[0];
  const what = `${NETWORK_TITLES[network]} at ${SLOW_MEGABITS} Mbit/s, over one device`;
  return { what, goal, unit: '×', verdict: judged(worst?.cell, goal, () => worst?.value) };
}

/** On devices that are not alike, over a plan that gives each an equal part. */
function onUnlikeDevices(cells: CellIndex): JudgedGoal[] {
  const goal = { atLeast: OVER_EQUAL_PARTS };
  const found = cells.all.filter(({ method, farm }) => method === 'ours' && farm !== undefined);
  if (found.length === 0) {
    const what = 'Devices that are not alike, over equal parts';
    return [{ what, goal, unit: '×', verdict: { state: 'not measured' } }];
  }
  return found.map((cell): JudgedGoal => {
    const other: CellKey = { ...cell, method: 'equal' };
    const equal = cells.measuredAt(other);
    const verdict = judged(cell, goal, (result) => equal && gainOver(result, equal));
    const aim = cell.objective === 'latency' ? 'latency' : 'rate';
    const what = `${NETWORK_TITLES[cell.network]} on ${cell.devices} that are not alike, over equal parts: ${aim}`;
    return { what, goal, unit: '×', verdict };
  });
}
