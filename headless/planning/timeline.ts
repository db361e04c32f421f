import type { SimulatedTile } from '../../src/planner/prediction.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { formatMs } from '../terminal.ts';

export interface TimelineRow {
  readonly label: string;
  readonly tiles: readonly SimulatedTile[];
}

/** One row per device that computes, in the order in which they begin. */
export function timelineRows(
  timeline: readonly SimulatedTile[],
  nameOf: (peer: PeerId) => string,
): TimelineRow[] {
  const rows = new Map<PeerId, SimulatedTile[]>();
  for (const tile of [...timeline].sort((a, b) => a.startMs - b.startMs)) {
    const row = rows.get(tile.peer) ?? [];
    row.push(tile);
    rows.set(tile.peer, row);
  }
  return [...rows].map(([peer, tiles]) => ({ label: nameOf(peer), tiles }));
}

const LABEL_CELLS = 16;
/** More rows than fit on a screen help nobody. */
const MOST_ROWS = 16;
/** Neighbouring segments in different shades, so that one sees where a tile ends. */
const SHADES = ['█', '▓'] as const;
/** A cell in which something short happens. */
const TOUCHED = '▏';

/** One frame as a chart of text: a row per device, time to the right, blocks where it computes. */
export function textTimeline(rows: readonly TimelineRow[], latencyMs: number, columns = 80): string {
  // Frames of other lanes may take longer than the mean, which the latency is.
  const endMs = Math.max(latencyMs, ...rows.flatMap(({ tiles }) => tiles.map((tile) => tile.endMs)));
  const shown = rows.slice(0, MOST_ROWS);
  const labelCells = Math.min(LABEL_CELLS, Math.max(...shown.map(({ label }) => label.length), 9));
  const cells = Math.max(20, columns - labelCells - 4);
  const fit = (label: string): string =>
    (label.length > labelCells ? `${label.slice(0, labelCells - 1)}…` : label).padEnd(labelCells);
  const perCell = endMs / cells;
  const bar = ({ tiles }: TimelineRow): string =>
    Array.from({ length: cells }, (_, cell) => cellOf(tiles, cell * perCell, (cell + 1) * perCell)).join('');
  const lines = shown.map((row) => `${fit(row.label)} │${bar(row)}│`);
  if (rows.length > shown.length) lines.push(`${fit(`+ ${rows.length - shown.length} more`)} │`);
  const middle = formatMs(endMs / 2);
  const end = formatMs(endMs);
  const left = '0'.padEnd(Math.floor((cells - middle.length) / 2)) + middle;
  lines.push(`${' '.repeat(labelCells)}  ${left}${end.padStart(cells - left.length)}`);
  return lines.join('\n');
}

function cellOf(tiles: readonly SimulatedTile[], fromMs: number, toMs: number): string {
  let busyMs = 0;
  let longestMs = 0;
  let shade: string = SHADES[0];
  for (const { startMs, endMs, segment } of tiles) {
    const ms = Math.min(endMs, toMs) - Math.max(startMs, fromMs);
    if (ms <= 0) continue;
    busyMs += ms;
    if (ms <= longestMs) continue;
    longestMs = ms;
    shade = SHADES[segment % SHADES.length]!;
  }
  if (busyMs >= (toMs - fromMs) / 2) return shade;
  return busyMs > 0 ? TOUCHED : ' ';
}
