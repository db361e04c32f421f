import type { NetworkName } from '../../../../src/models/presets.ts';
import type { Cell, CellResult } from '../../cells.ts';
import { count, METHOD_TITLES, NETWORK_TITLES, OBJECTIVES, type FarmObjective } from '../../names.ts';
import { baselineOf, latencyMs, p95Ms, predictionError, speedUp } from '../figures.ts';
import { boundedOn, DEVICE_COUNTS, isMeasured, oursOn, type CellIndex } from '../cell-index.ts';
import {
  digits,
  formatError,
  formatGain,
  formatMegabytes,
  formatPercent,
  formatSize,
  formatTime,
} from '../format.ts';
import { bullets, escapeMarkdown, markdownTable, NONE, paragraphs, type Column } from '../markdown.ts';
import { sharesOf } from '../where-time-goes.ts';

interface Entry {
  readonly objective: FarmObjective;
  readonly devices: number;
  readonly cell: Cell | undefined;
}

/** All that was measured of a network at the usual rate of links, by number of devices and objective. */
export function networkSection(cells: CellIndex, network: NetworkName): string {
  const entries = [
    ...OBJECTIVES.flatMap((objective) =>
      DEVICE_COUNTS.map((devices): Entry => ({
        objective,
        devices,
        cell: cells.at(oursOn(network, devices, objective)),
      })),
    ),
    ...boundedOn(cells, network).map((cell): Entry => ({ ...cell, cell })),
  ];
  const refused = entries.flatMap(({ objective, devices, cell }) =>
    cell && !isMeasured(cell)
      ? [`${objective} on ${count(devices, 'device')} refused: ${escapeMarkdown(cell.why)}`]
      : [],
  );
  return paragraphs([
    `### ${NETWORK_TITLES[network]}`,
    baselineSentence(cells, network),
    markdownTable(columns(cells), entries),
    bullets(refused),
  ]);
}

function baselineSentence(cells: CellIndex, network: NetworkName): string {
  const baseline = baselineOf(cells, network, 'latency') ?? baselineOf(cells, network, 'throughput');
  if (!baseline) return 'What speed-ups are over was not measured.';
  const { method, framesPerSecond } = baseline;
  return `Speed-ups are over ${METHOD_TITLES[method]} on one device: ${formatTime(latencyMs(baseline))} per frame, ${digits(framesPerSecond)} frames per second.`;
}

const plannedFor = ({ objective, cell }: Entry): string =>
  cell?.latencyBoundMs === undefined
    ? objective
    : `${objective}, latency ≤ ${formatTime(cell.latencyBoundMs)}`;

function columns(cells: CellIndex): readonly Column<Entry>[] {
  const figure = (title: string, of: (cell: CellResult) => string | undefined): Column<Entry> => ({
    title,
    align: 'figure',
    cell: ({ cell }) => (cell && isMeasured(cell) ? (of(cell) ?? NONE) : NONE),
  });
  return [
    { title: 'planned for', align: 'text', cell: plannedFor },
    { title: 'devices', align: 'figure', cell: ({ devices }) => String(devices) },
    figure('used', ({ used }) => String(used)),
    {
      title: 'latency p50',
      align: 'figure',
      cell: ({ cell }) => (!cell ? NONE : isMeasured(cell) ? formatTime(latencyMs(cell)) : 'refused'),
    },
    figure('p95', (cell) => given(p95Ms(cell), formatTime)),
    figure('frames/s', ({ framesPerSecond }) => digits(framesPerSecond)),
    figure('speed-up', (cell) => given(speedUp(cells, cell), formatGain)),
    figure('efficiency', (cell) => given(speedUp(cells, cell), (gain) => formatPercent(gain / cell.devices))),
    figure('predicted', predictedText),
    figure('sent per frame', ({ bytesPerFrame }) => formatSize(bytesPerFrame)),
    figure(
      'processor ms',
      ({ processors }) => `${digits(processors.computeMs)} + ${digits(processors.otherMs)}`,
    ),
    figure(
      'memory, mean (most)',
      ({ memoryBytes }) => `${formatMegabytes(memoryBytes.mean)} (${digits(memoryBytes.most / 1e6)})`,
    ),
    figure('energy', ({ joulesPerFrame }) => `${digits(joulesPerFrame)} J`),
    figure('compute / link / wait', sharesOf),
  ];
}

const given = <Value>(value: Value | undefined, written: (value: Value) => string): string | undefined =>
  value === undefined ? undefined : written(value);

/** What was predicted of the figure that the cell is for, and how far that is off. */
function predictedText(cell: CellResult): string | undefined {
  const { predicted, objective } = cell;
  if (!predicted) return undefined;
  const value =
    objective === 'latency' ? formatTime(predicted.latencyMs) : `${digits(predicted.framesPerSecond)}/s`;
  return `${value} (${formatError(predictionError(cell)!)})`;
}
