import {
  METHOD_TITLES,
  NETWORK_TITLES,
  OBJECTIVES,
  NETWORKS_SHOWN,
  type FarmObjective,
} from '../../names.ts';
import { DEVICE_COUNTS, oursOn, USUAL_MEGABITS, type CellIndex } from '../cell-index.ts';
import { speedUp } from '../figures.ts';
import { digits, formatGain } from '../format.ts';
import { bullets, markdownTable, NONE, paragraphs } from '../markdown.ts';
import {
  BEST_PUBLISHED,
  PUBLISHED_LAYOUTS,
  PUBLISHED_SINGLES,
  PUBLISHED_SYSTEMS,
  type PublishedLayout,
  type PublishedSystem,
} from '../published.ts';

/** What others published, beside what this run says of the same. */
export function publishedSection(cells: CellIndex): string {
  const singles = NETWORKS_SHOWN.flatMap((network) => {
    const figures = PUBLISHED_SINGLES[network];
    return figures === undefined ? [] : [`${NETWORK_TITLES[network]}: ${figures}`];
  });
  return paragraphs([
    '## What others published',
    'Their figures are from real Raspberry Pis over Wi-Fi and from other software, ours from an emulation over links of a fixed rate: columns of one row can be compared with each other only as far as the calibration goes, and speed-ups, each over a single device of its own kind, better than frames per second.',
    '### Frames per second of the paper (arXiv:1901.02537)',
    `The first device of its layouts only sends. At ${USUAL_MEGABITS} Mbit/s here; ours is the plan for the highest rate on as many devices, or on fewer where it says so.`,
    markdownTable<PublishedLayout>(
      [
        { title: 'network', align: 'text', cell: ({ network }) => NETWORK_TITLES[network] },
        { title: 'devices', align: 'figure', cell: ({ devices }) => String(devices) },
        {
          title: 'published, on Pi 3s over Wi-Fi',
          align: 'figure',
          cell: ({ framesPerSecond }) => digits(framesPerSecond),
        },
        { title: 'its layout, this run', align: 'figure', cell: (layout) => layoutRate(cells, layout) },
        {
          title: `${METHOD_TITLES.ours}, this run`,
          align: 'figure',
          cell: (layout) => ourRate(cells, layout),
        },
      ],
      PUBLISHED_LAYOUTS,
    ),
    `Frames per second on one device, published: ${singles.join('. ')}.`,
    '### Speed-ups over one device',
    markdownTable<PublishedSystem>(
      [
        { title: 'system', align: 'text', cell: ({ name }) => name },
        { title: 'published', align: 'text', cell: ({ headline }) => headline },
      ],
      PUBLISHED_SYSTEMS,
    ),
    bullets(OBJECTIVES.map((objective) => besideBest(cells, objective))),
  ]);
}

/** Of the layout on our runtime, the best of its cells. */
function layoutRate(cells: CellIndex, { network, devices }: PublishedLayout): string {
  const rates = cells.measured
    .filter(
      (cell) =>
        cell.method === 'paper' &&
        cell.network === network &&
        cell.devices === devices &&
        cell.megabitsPerSecond === USUAL_MEGABITS,
    )
    .map(({ framesPerSecond }) => framesPerSecond);
  return rates.length === 0 ? NONE : digits(Math.max(...rates));
}

/** Of our plan on as many devices, or on the most below that were measured. */
function ourRate(cells: CellIndex, { network, devices }: PublishedLayout): string {
  const cell = DEVICE_COUNTS.filter((count) => count <= devices)
    .toReversed()
    .map((count) => cells.measuredAt(oursOn(network, count, 'throughput')))
    .find((found) => found !== undefined);
  if (!cell) return NONE;
  return `${digits(cell.framesPerSecond)}${cell.devices === devices ? '' : ` on ${cell.devices}`}`;
}

function besideBest(cells: CellIndex, objective: FarmObjective): string {
  const { name, devices, gain } = BEST_PUBLISHED[objective];
  const ours = NETWORKS_SHOWN.map((network) => {
    const cell = cells.measuredAt(oursOn(network, devices, objective));
    const value = cell && speedUp(cells, cell);
    return `${NETWORK_TITLES[network]} ${value === undefined ? NONE : formatGain(value)}`;
  });
  const aim = objective === 'latency' ? 'latency' : 'throughput';
  return `The best published ${aim} on ${devices} devices: up to ${formatGain(gain)} (${name}). Ours: ${ours.join(', ')}.`;
}
