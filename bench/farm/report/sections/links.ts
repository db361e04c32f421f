import type { NetworkName } from '../../../../src/models/presets.ts';
import { NETWORK_TITLES, NETWORKS_SHOWN, OBJECTIVES, type FarmObjective } from '../../names.ts';
import { isMeasured, oursOn, type CellIndex } from '../cell-index.ts';
import { latencyMs, speedUp } from '../figures.ts';
import { digits, formatGain, formatTime } from '../format.ts';
import { bullets, escapeMarkdown, markdownTable, NONE, paragraphs } from '../markdown.ts';

export const LINK_MEGABITS = [90, 30, 10] as const;
export const LINK_DEVICES = 8;

interface Entry {
  readonly network: NetworkName;
  readonly objective: FarmObjective;
}

/** Eight devices over ever slower links. */
export function linksSection(cells: CellIndex): string {
  const entries = NETWORKS_SHOWN.flatMap((network) =>
    OBJECTIVES.map((objective): Entry => ({ network, objective })),
  );
  const cellText = ({ network, objective }: Entry, megabits: number): string => {
    const cell = cells.at(oursOn(network, LINK_DEVICES, objective, megabits));
    if (!cell) return NONE;
    if (!isMeasured(cell)) return 'refused';
    const value =
      objective === 'latency' ? formatTime(latencyMs(cell)) : `${digits(cell.framesPerSecond)} frames/s`;
    const gain = speedUp(cells, cell);
    const notes = [
      ...(gain === undefined ? [] : [formatGain(gain)]),
      ...(cell.used < LINK_DEVICES ? [`on ${cell.used}`] : []),
    ];
    return notes.length === 0 ? value : `${value} (${notes.join(', ')})`;
  };
  const refused = entries.flatMap(({ network, objective }) =>
    LINK_MEGABITS.flatMap((megabits) => {
      const cell = cells.at(oursOn(network, LINK_DEVICES, objective, megabits));
      return cell && !isMeasured(cell)
        ? [
            `${NETWORK_TITLES[network]}, ${objective} at ${megabits} Mbit/s refused: ${escapeMarkdown(cell.why)}`,
          ]
        : [];
    }),
  );
  return paragraphs([
    '## Slower links',
    `${LINK_DEVICES} devices, the link of each at 90, 30 and 10 Mbit/s each way; behind it the speed-up, and how many devices the plan uses where it leaves some out.`,
    `![Latency on ${LINK_DEVICES} devices by the rate of their links](farm/links-latency.svg)`,
    markdownTable<Entry>(
      [
        { title: 'network', align: 'text', cell: ({ network }) => NETWORK_TITLES[network] },
        { title: 'planned for', align: 'text', cell: ({ objective }) => objective },
        ...LINK_MEGABITS.map((megabits) => ({
          title: `${megabits} Mbit/s`,
          align: 'figure' as const,
          cell: (entry: Entry) => cellText(entry, megabits),
        })),
      ],
      entries,
    ),
    bullets(refused),
  ]);
}
