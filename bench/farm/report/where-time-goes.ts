import type { Calibration, CellResult } from '../cells.ts';
import type { CellIndex } from './cell-index.ts';
import { engineBusy, latencyMs, workOverOne } from './figures.ts';
import { digits, formatPercent, formatTime, listed } from './format.ts';

/** Parts of a frame's way, and what they are called in a sentence. */
export const PARTS = ['compute', 'link', 'wait'] as const;
export type Part = (typeof PARTS)[number];
const PART_TITLES: Readonly<Record<Part, string>> = {
  compute: 'computing',
  link: 'links',
  wait: 'waiting for other parts',
};

/** `71 / 20 / 9 %`: computing, links, waiting. Undefined where no trace was taken. */
export const sharesOf = ({ where }: CellResult): string | undefined =>
  where && `${PARTS.map((part) => Math.round(where[part] * 100)).join(' / ')} %`;

/** Where the time of the median frame goes and how busy the engines are: one sentence, without a full stop. */
export function whereTimeGoes(cells: CellIndex, cell: CellResult, calibration: Calibration): string {
  const { where } = cell;
  const parts =
    where &&
    PARTS.toSorted((a, b) => where[b] - where[a]).map(
      (part) => `${formatPercent(where[part])} ${PART_TITLES[part]}`,
    );
  const work = workOverOne(cells, cell);
  return [
    ...(parts ? [`the median frame's ${formatTime(latencyMs(cell))} are ${listed(parts)}`] : []),
    `engines work ${formatPercent(engineBusy(cell, calibration))} of the time`,
    ...(work === undefined ? [] : [`together ${digits(work)} times as much as one device would`]),
    ...(cell.used < cell.devices ? [`${cell.used} of ${cell.devices} devices are in use`] : []),
  ].join('; ');
}

/**
 * Why more devices did not bring what they could: of the median frame's parts, what each has become, beside what it would be had it shrunk as
 * devices were added; the part that lacks most is named.
 */
export function whatDoesNotShrink(fewer: CellResult, more: CellResult): string {
  const took = `it takes ${formatTime(latencyMs(fewer))} → ${formatTime(latencyMs(more))}`;
  const [then, now] = [fewer.where, more.where];
  if (!then || !now) return took;
  const ideal = fewer.devices / more.devices;
  const parts = PARTS.map((part) => {
    const beforeMs = latencyMs(fewer) * then[part];
    const afterMs = latencyMs(more) * now[part];
    return { part, beforeMs, afterMs, lackMs: afterMs - beforeMs * ideal };
  });
  const told = parts.map(
    ({ part, beforeMs, afterMs }) => `${PART_TITLES[part]} ${formatTime(beforeMs)} → ${formatTime(afterMs)}`,
  );
  const worst = parts.toSorted((a, b) => b.lackMs - a.lackMs)[0]!;
  return worst.lackMs <= 0
    ? told.join(', ')
    : `${told.join(', ')}; what shrinks least: ${PART_TITLES[worst.part]}, ${formatTime(worst.lackMs)} more than in proportion`;
}

/** The same for rates: how busy engines are, how much is computed in all, how many devices take part. */
export function whatIsLost(
  cells: CellIndex,
  fewer: CellResult,
  more: CellResult,
  calibration: Calibration,
): string {
  const busy = [fewer, more].map((cell) => engineBusy(cell, calibration));
  const work = [fewer, more].map((cell) => workOverOne(cells, cell));
  return [
    `engines work ${formatPercent(busy[0]!)} → ${formatPercent(busy[1]!)} of the time`,
    ...(work[0] === undefined || work[1] === undefined
      ? []
      : [`all together ${digits(work[0])} → ${digits(work[1])} times as much per frame as one device would`]),
    `${fewer.used} of ${fewer.devices} → ${more.used} of ${more.devices} devices are in use`,
  ].join('; ');
}
