import type { NetworkName } from '../../../../src/models/presets.ts';
import type { Cell, CellKey, CellResult } from '../../cells.ts';
import { METHOD_TITLES, METHODS, NETWORK_TITLES, NETWORKS_SHOWN, OBJECTIVES } from '../../names.ts';
import { isMeasured, type CellIndex } from '../cell-index.ts';
import { gainOver, latencyMs, speedUp } from '../figures.ts';
import { digits, formatGain, formatMegabytes, formatTime } from '../format.ts';
import { bullets, escapeMarkdown, markdownTable, NONE, paragraphs } from '../markdown.ts';

/** Other runtimes, the paper's layouts and plans of one method, each with ours on as many devices. */
export function methodsSection(cells: CellIndex): string {
  const networks = NETWORKS_SHOWN.flatMap((network) => {
    const others = othersOf(cells, network);
    return others.length === 0
      ? []
      : [`### ${NETWORK_TITLES[network]}, beside others`, table(cells, others), bullets(refusals(others))];
  });
  return paragraphs([
    '## Beside others',
    'Other runtimes, the layouts of arXiv:1901.02537 and the best plans that know one kind of split only, in the same run and on the same devices. All but TensorFlow.js and onnxruntime-web run on our runtime. Where devices are not alike the farm is named; "equal parts" takes no notice of that.',
    '![Latency of all methods](farm/methods-latency.svg)',
    '![Rates of all methods](farm/methods-throughput.svg)',
    ...(networks.length === 0 ? ['Nothing of this was measured.'] : networks),
  ]);
}

function othersOf(cells: CellIndex, network: NetworkName): Cell[] {
  const place = ({ method, objective }: Cell): number =>
    OBJECTIVES.indexOf(objective) * METHODS.length + METHODS.indexOf(method);
  return cells.all
    .filter((cell) => cell.network === network && cell.method !== 'ours')
    .toSorted(
      (a, b) => place(a) - place(b) || a.devices - b.devices || b.megabitsPerSecond - a.megabitsPerSecond,
    );
}

/** What a cell of another method is held against: ours, for the same end on the same devices. */
export const oursBeside = (cells: CellIndex, other: CellKey): CellResult | undefined =>
  cells.measuredAt({ ...other, method: 'ours' });

function table(cells: CellIndex, others: readonly Cell[]): string {
  const figure = (title: string, of: (cell: CellResult) => string) => ({
    title,
    align: 'figure' as const,
    cell: (cell: Cell) => (isMeasured(cell) ? of(cell) : NONE),
  });
  return markdownTable<Cell>(
    [
      { title: 'planned for', align: 'text', cell: ({ objective }) => objective },
      { title: 'method', align: 'text', cell: ({ method }) => METHOD_TITLES[method] },
      { title: 'devices', align: 'figure', cell: devicesText },
      { title: 'Mbit/s', align: 'figure', cell: ({ megabitsPerSecond }) => String(megabitsPerSecond) },
      {
        title: 'latency p50',
        align: 'figure',
        cell: (cell) => (isMeasured(cell) ? formatTime(latencyMs(cell)) : 'refused'),
      },
      figure('frames/s', ({ framesPerSecond }) => digits(framesPerSecond)),
      figure('speed-up', (cell) => {
        const gain = speedUp(cells, cell);
        return gain === undefined ? NONE : formatGain(gain);
      }),
      figure('memory, most', ({ memoryBytes }) => formatMegabytes(memoryBytes.most)),
      {
        title: 'ours there',
        align: 'figure',
        cell: (cell) => {
          const ours = oursBeside(cells, cell);
          if (!ours) return NONE;
          return cell.objective === 'latency'
            ? formatTime(latencyMs(ours))
            : `${digits(ours.framesPerSecond)}/s`;
        },
      },
      figure('ours over it', (cell) => {
        const ours = oursBeside(cells, cell);
        return ours ? formatGain(gainOver(ours, cell)) : NONE;
      }),
    ],
    others,
  );
}

const devicesText = ({ devices, farm }: Cell): string =>
  farm === undefined ? String(devices) : `${devices} of ${escapeMarkdown(farm)}`;

const refusals = (others: readonly Cell[]): string[] =>
  others.flatMap((cell) =>
    isMeasured(cell)
      ? []
      : [
          `${METHOD_TITLES[cell.method]} on ${cell.devices} for ${cell.objective} refused: ${escapeMarkdown(cell.why)}`,
        ],
  );
