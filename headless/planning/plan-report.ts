import pc from 'picocolors';
import type { Graph } from '../../src/graph/graph.ts';
import type { Objective } from '../../src/planner/choice.ts';
import type { Prediction } from '../../src/planner/prediction.ts';
import { unreachable } from '../../src/shared/errors.ts';
import type { PeerId } from '../../src/shared/ids.ts';
import { formatBytes, formatMs, table } from '../terminal.ts';
import type { DevicePreview, PlanPreview, PredictionSummary } from './plan-preview.ts';
import { segmentGroups } from './segment-lines.ts';
import { textTimeline, timelineRows } from './timeline.ts';

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** `2.4`, `0.031`, `118`: three digits of a rate. */
export function formatRate(framesPerSecond: number): string {
  if (framesPerSecond >= 100) return framesPerSecond.toFixed(0);
  return framesPerSecond >= 10 ? framesPerSecond.toFixed(1) : framesPerSecond.toPrecision(2);
}

/** Milliseconds below ten seconds, seconds above. */
export const formatTime = (ms: number): string =>
  ms < 10_000 ? formatMs(ms) : `${(ms / 1000).toFixed(1)} s`;

/** Ticks of an axis of times, all in one unit. */
export function formatTicks(ticksMs: readonly number[]): string[] {
  const [unit, factor] = (ticksMs.at(-1) ?? 0) >= 2000 ? ['s', 1000] : ['ms', 1];
  return ticksMs.map((ms) => (ms === 0 ? '0' : `${Number((ms / factor).toPrecision(6))} ${unit}`));
}

/** Times, as people say gains: `3.4 ×`. */
export const formatGain = (gain: number): string => `${gain.toFixed(gain < 10 ? 2 : 1)} ×`;

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

export function describeObjective(objective: Objective): string {
  switch (objective.kind) {
    case 'latency':
      return 'lowest latency';
    case 'throughput':
      return objective.latencyBoundMs === undefined
        ? 'highest rate'
        : `highest rate, no frame longer than ${formatTime(objective.latencyBoundMs)}`;
    case 'rate':
      return `${formatRate(objective.framesPerSecond)} frames per second with the ${objective.prefer === 'devices' ? 'fewest devices' : 'least energy'}`;
    default:
      return unreachable(objective);
  }
}

/** What a plan is expected to do, against the best single device, and what holds it up: three to five lines. */
export function describePrediction(summary: PredictionSummary, columns = 80): string {
  const { model, deviceCount, offeredCount, latencyMs, framesPerSecond, loadedLatencyMs, window } = summary;
  const over =
    offeredCount > deviceCount
      ? `${deviceCount} of ${count(offeredCount, 'device')}`
      : count(deviceCount, 'device');
  const head = `${model} on ${over}: ${formatTime(latencyMs)} per frame, ${formatRate(framesPerSecond)} frames per second`;
  const loaded =
    window > 1
      ? `With ${window} frames in flight, each takes ${formatTime(loadedLatencyMs)}.`
      : 'One frame in flight at a time.';
  const sentences = [loaded, describeGain(summary), `Bottleneck: ${summary.bottleneck.sentence}.`];
  return [pc.bold(head), ...sentences.map((sentence) => wrap(sentence, columns))].join('\n');
}

function describeGain({ solo, gain, deviceCount, objective }: PredictionSummary): string {
  if (!solo) return 'No single device can hold the model.';
  if (deviceCount === 1 && gain === 1) {
    return 'A single device is the best plan: with more of them it would not be better.';
  }
  const alone = `${solo.device} alone: ${formatTime(solo.latencyMs)}, ${formatRate(solo.framesPerSecond)} frames per second`;
  if (gain === undefined) return `The best single device: ${alone}.`;
  const what = objective.kind === 'latency' ? 'as fast as' : 'the rate of';
  return `${formatGain(gain)} ${what} the best single device (${alone}).`;
}

/** A row per device: its share of the work, and what it takes there. */
export function describeDevices(devices: readonly DevicePreview[]): string {
  const shown = devices.slice(0, MOST_DEVICES);
  const rows = shown.map((device) => [
    device.name,
    percent(device.computeShare),
    formatTime(device.computeMs),
    formatBytes(device.weightBytes),
    formatBytes(device.activationBytes),
    percent(device.memoryBytes / device.offeredBytes),
    formatBytes(Math.round(device.bytesIn)),
    formatBytes(Math.round(device.bytesOut)),
    percent(Math.min(1, Math.max(...Object.values(device.busy)))),
  ]);
  const more = devices.length - shown.length;
  const header = ['device', 'work', 'compute', 'weights', 'tensors', 'memory', 'in', 'out', 'busy'];
  return table(header, rows) + (more > 0 ? `\nand ${more} more, all of them in --json` : '');
}

const MOST_DEVICES = 16;
const MOST_GROUPS = 24;
/** Devices named after a group of segments. */
const MOST_PARTS = 8;

/** Which ops are divided how, and who makes which part. */
export function describeSegments(graph: Graph, preview: PlanPreview, columns = 80): string {
  const names = new Map(preview.devices.map(({ id, name }) => [id, name]));
  const groups = segmentGroups(graph, preview.plan);
  const lines = groups.slice(0, MOST_GROUPS).flatMap(({ segments, firstOp, lastOp, how, parts }) => {
    const number = segments[1] - segments[0] + 1;
    const ops = firstOp === lastOp ? firstOp : `${firstOp} … ${lastOp}`;
    const head = `${ops}: ${number > 1 ? `${number} segments, each ` : ''}${how}`;
    const shown = parts
      .slice(0, MOST_PARTS)
      .map(({ peer, part }) => `${names.get(peer) ?? peer} ${part}`.trim());
    const more = parts.length - shown.length;
    const line = `${head} on ${shown[0]}`;
    if (parts.length === 1 && line.length <= columns) return [line];
    // Of segments that are divided alike, the parts of the last one stand for all.
    const of = number > 1 && /\d/.test(parts[0]!.part) ? [`of ${lastOp}:`] : [];
    return [head, ...wrapped([...of, ...shown, ...(more > 0 ? [`${more} more`] : [])], columns)];
  });
  const more = groups.length - MOST_GROUPS;
  return [...lines, ...(more > 0 ? [`and ${more} more groups of segments, all of them in --json`] : [])].join(
    '\n',
  );
}

/** Words in lines of at most so many columns. */
export function wrap(text: string, columns: number, indent = ''): string {
  const lines = [indent];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last === indent) lines[lines.length - 1] = indent + word;
    else if (last.length + word.length + 1 <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}  ${word}`);
  }
  return lines.join('\n');
}

/** Items in lines of at most so many columns, indented. */
function wrapped(items: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + item.length + 3 <= columns) {
      lines[lines.length - 1] = `${last}${last.endsWith(':') ? ' ' : ' · '}${item}`;
    } else lines.push(`    ${item}`);
  }
  return lines;
}

/** Who has nothing to do, and why. */
export function describeLeftOut(leftOut: PlanPreview['leftOut'], columns = 80): string | undefined {
  if (leftOut.length === 0) return undefined;
  const byReason = new Map<string, PlanPreview['leftOut'][number][]>();
  for (const entry of leftOut) {
    // Of those that are left out for the same reason, each explanation names its own device.
    const key = entry.explanation.replaceAll(entry.name, 'it');
    byReason.set(key, [...(byReason.get(key) ?? []), entry]);
  }
  const lines = [...byReason].map(([explanation, entries]) => {
    const shown = entries.slice(0, MOST_PARTS).map(({ name }) => name);
    const more = entries.length - shown.length;
    return wrap(`${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}: ${explanation}`, columns, '  ');
  });
  return ['Left out:', ...lines].join('\n');
}

/** Everything about a plan, for a terminal. */
export function describePlan(graph: Graph, preview: PlanPreview, columns = 80): string {
  const nameOf = namesIn(preview);
  const extra =
    preview.recompute > 1.005 ? `, ${percent(preview.recompute - 1)} of the work is done twice` : '';
  return [
    describePrediction(preview, columns),
    describeDevices(preview.devices),
    `${formatBytes(Math.round(preview.bytesPerFrame))} cross links per frame${extra}.`,
    describeSegments(graph, preview, columns),
    `One frame, alone${hasLanes(preview) ? ', by the first lanes' : ''} (█ ▓ computing, a shade per segment; ${TOUCHED_LEGEND}):\n${textTimeline(timelineRows(preview.timeline, nameOf), preview.latencyMs, columns)}`,
    describeLeftOut(preview.leftOut, columns),
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

const hasLanes = ({ plan }: PlanPreview): boolean => plan.segments.some(({ lanes }) => lanes.length > 1);

const TOUCHED_LEGEND = '▏ briefly';

const namesIn = (preview: PlanPreview): ((peer: PeerId) => string) => {
  const names = new Map(preview.devices.map(({ id, name }) => [id, name]));
  return (peer) => names.get(peer) ?? 'requester';
};

/** What a run has measured, to stand beside what was expected of it. */
export interface Measured {
  /** Median, end to end. */
  readonly latencyMs: number;
  /** Whether other frames were in flight meanwhile. */
  readonly loaded: boolean;
  /** Absent where too few frames ran to say. */
  readonly framesPerSecond?: number;
  /** Mean compute time per frame of each peer, over its lanes' frames. */
  readonly computeMs: ReadonlyMap<PeerId, number>;
}

/** Predicted and measured, side by side, with the difference. */
export function describeComparisons(figures: readonly ComparedFigure[]): string {
  const rows = figures.map(({ what, predicted, actual, format }) => [
    what,
    format(predicted),
    format(actual),
    difference(predicted, actual),
  ]);
  return table(['', 'predicted', 'measured', 'off by'], rows);
}

export interface ComparedFigure {
  readonly what: string;
  readonly predicted: number;
  readonly actual: number;
  readonly format: (value: number) => string;
}

export function comparisons(
  prediction: Prediction,
  measured: Measured,
  nameOf: (peer: PeerId) => string,
): ComparedFigure[] {
  const { latencyMs, loadedLatencyMs, framesPerSecond, devices } = prediction;
  return [
    {
      what: measured.loaded ? 'latency in flight' : 'latency',
      predicted: measured.loaded ? loadedLatencyMs : latencyMs,
      actual: measured.latencyMs,
      format: formatTime,
    },
    ...(measured.framesPerSecond === undefined
      ? []
      : [
          {
            what: 'frames per second',
            predicted: framesPerSecond,
            actual: measured.framesPerSecond,
            format: formatRate,
          },
        ]),
    ...devices.flatMap(({ peer, computeMs }) => {
      const actual = measured.computeMs.get(peer);
      if (actual === undefined) return [];
      return [{ what: `compute ${nameOf(peer)}`, predicted: computeMs, actual, format: formatTime }];
    }),
  ];
}

function difference(predicted: number, actual: number): string {
  const share = actual / predicted - 1;
  if (!Number.isFinite(share)) return '–';
  const rounded = Math.round(share * 100);
  return `${rounded > 0 ? '+' : rounded < 0 ? '−' : ''}${Math.abs(rounded)} %`;
}
