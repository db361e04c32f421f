import type { Cell, FarmRun } from '../cells.ts';
import {
  METHOD_TITLES,
  METHODS,
  NETWORK_TITLES,
  NETWORKS_SHOWN,
  OBJECTIVES,
  type FarmObjective,
} from '../names.ts';
import { barsSvg, type Bar } from './bars-svg.ts';
import { isMeasured, oursOn, USUAL_MEGABITS, type CellIndex } from './cell-index.ts';
import { baselineOf, gainOver, latencyMs, speedUp } from './figures.ts';
import { digits, formatGain, formatMinute, formatTime } from './format.ts';
import { NONE } from './markdown.ts';
import { BEST_PUBLISHED } from './published.ts';
import { LINK_DEVICES, LINK_MEGABITS } from './sections/links.ts';
import { speedUpPoints } from './sections/scaling.ts';
import { speedUpSvg } from './speed-up-svg.ts';

/** File name to SVG. */
export type Charts = Readonly<Record<string, string>>;

export function farmCharts(run: FarmRun, cells: CellIndex): Charts {
  const from = `measured ${formatMinute(run.startedAt).slice(0, 10)}${run.calibration.kind === 'portable' ? ', portable farm: links are not limited' : ''}`;
  return {
    'speed-up-latency.svg': speedUpChart(cells, 'latency', from),
    'speed-up-throughput.svg': speedUpChart(cells, 'throughput', from),
    'links-latency.svg': linksChart(cells, from),
    'methods-latency.svg': methodsChart(cells, 'latency', from),
    'methods-throughput.svg': methodsChart(cells, 'throughput', from),
  };
}

const OVER = 'over plain TensorFlow.js on one device (C3D: over our convolutions)';

const speedUpChart = (cells: CellIndex, objective: FarmObjective, from: string): string =>
  speedUpSvg({
    heading:
      objective === 'latency'
        ? 'How much faster a frame is done on more devices'
        : 'How many times the frames more devices do',
    subtitle: `${USUAL_MEGABITS} Mbit/s; ${OVER}; ${from}`,
    lines: NETWORKS_SHOWN.map((network) => ({
      name: NETWORK_TITLES[network],
      network,
      points: speedUpPoints(cells, network, objective),
    })),
    published: BEST_PUBLISHED[objective],
  });

/** A frame's latency as a share of that on one device. */
function linksChart(cells: CellIndex, from: string): string {
  const bar = (cell: Cell | undefined): Omit<Bar, 'label'> => {
    const baseline = cell && baselineOf(cells, cell.network, 'latency');
    if (!cell || !baseline) return { kind: 'ours', length: { none: NONE }, figure: '' };
    if (!isMeasured(cell)) return { kind: 'ours', length: { none: `refused: ${cell.why}` }, figure: '' };
    const notes = cell.used < cell.devices ? `, on ${cell.used}` : '';
    return {
      kind: 'ours',
      length: 1 / gainOver(cell, baseline),
      figure: `${formatTime(latencyMs(cell))}${notes}`,
    };
  };
  return barsSvg({
    heading: `A frame's latency on ${LINK_DEVICES} devices, by the rate of their links`,
    subtitle: `Relative to plain TensorFlow.js on one device (C3D: to our convolutions); ${from}`,
    unit: 'latency, as a multiple of that on one device',
    one: 'one device',
    groups: NETWORKS_SHOWN.map((network) => ({
      title: NETWORK_TITLES[network],
      bars: LINK_MEGABITS.map((megabits) => ({
        label: `${megabits} Mbit/s`,
        ...bar(cells.at(oursOn(network, LINK_DEVICES, 'latency', megabits))),
      })),
    })),
  });
}

/** Speed-ups of all methods at the usual rate of links; ours on each number of devices that another method has, on one and on eight. */
function methodsChart(cells: CellIndex, objective: FarmObjective, from: string): string {
  const groups = NETWORKS_SHOWN.map((network) => {
    const found = cells.all.filter(
      (cell) =>
        cell.network === network &&
        cell.objective === objective &&
        cell.megabitsPerSecond === USUAL_MEGABITS &&
        cell.farm === undefined,
    );
    const sizes = new Set([
      1,
      LINK_DEVICES,
      ...found.filter(({ method }) => method !== 'ours').map(({ devices }) => devices),
    ]);
    const shown = found
      .filter(({ devices }) => sizes.has(devices))
      .toSorted((a, b) => a.devices - b.devices || METHODS.indexOf(a.method) - METHODS.indexOf(b.method));
    return { title: NETWORK_TITLES[network], bars: shown.map((cell) => methodBar(cells, cell)) };
  });
  return barsSvg({
    heading: `${objective === 'latency' ? 'Latency' : 'Rate'}: ours beside other runtimes, the paper's layouts and single methods`,
    subtitle: `Speed-up ${OVER}; ${USUAL_MEGABITS} Mbit/s; ${from}`,
    unit: 'speed-up; behind each name the number of devices',
    one: '1 ×',
    groups: groups.filter(({ bars }) => bars.length > 0),
  });
}

function methodBar(cells: CellIndex, cell: Cell): Bar {
  const bound = cell.latencyBoundMs === undefined ? '' : ` (≤ ${formatTime(cell.latencyBoundMs)})`;
  const label = `${METHOD_TITLES[cell.method]}, ${cell.devices}${bound}`;
  const kind = cell.method === 'ours' ? 'ours' : 'other';
  if (!isMeasured(cell)) return { label, kind, length: { none: `refused: ${cell.why}` }, figure: '' };
  const gain = speedUp(cells, cell);
  if (gain === undefined) return { label, kind, length: { none: NONE }, figure: '' };
  const value =
    cell.objective === 'latency' ? formatTime(latencyMs(cell)) : `${digits(cell.framesPerSecond)} frames/s`;
  return { label, kind, length: gain, figure: `${formatGain(gain)}, ${value}` };
}

/** Objectives in the order of the page, each with its chart of speed-ups. */
export const speedUpPictures = OBJECTIVES.map(
  (objective) => `![Speed-up of ${objective} by number of devices](farm/speed-up-${objective}.svg)`,
);
