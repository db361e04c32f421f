import { axisTicks, element, escapeXml, svgDocument, text } from '../svg.ts';
import { formatBytes } from '../terminal.ts';
import { describeObjective, formatGain, formatRate, formatTicks, formatTime } from './plan-report.ts';
import type { PlanPreview } from './plan-preview.ts';
import { timelineRows } from './timeline.ts';

const WIDTH = 920;
const LEFT = 150;
const RIGHT = 140;
const TOP = 92;
const ROW = 24;
const BAR = 16;
/** More rows than anybody reads; the rest is counted. */
const MOST_ROWS = 64;

/** One frame through the plan: a row per device, time to the right, a bar per tile. */
export function planSvg(preview: PlanPreview): string {
  const hasLanes = preview.plan.segments.some(({ lanes }) => lanes.length > 1);
  const names = new Map(preview.devices.map(({ id, name }) => [id, name]));
  const all = timelineRows(preview.timeline, (peer) => names.get(peer) ?? 'requester');
  const rows = all.slice(0, MOST_ROWS);
  const end = Math.max(preview.latencyMs, ...all.flatMap(({ tiles }) => tiles.map(({ endMs }) => endMs)));
  const ticks = axisTicks(end, 6).filter((tick) => tick <= end);
  const plot = WIDTH - LEFT - RIGHT;
  const x = (ms: number): number => LEFT + (ms / end) * plot;
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 64 + (all.length > rows.length ? 18 : 0);
  const opsOf = new Map(
    preview.devices.flatMap(({ tiles }) => tiles.map((tile) => [tile.segment, tile] as const)),
  );

  const labels = formatTicks(ticks);
  const grid = ticks.flatMap((tick, index) => [
    element('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: TOP - 6, y2: bottom + 4 }),
    text(labels[index]!, x(tick), bottom + 20, { class: 'quiet', 'text-anchor': 'middle' }),
  ]);
  const bars = rows.flatMap(({ label, tiles }, row) => {
    const y = TOP + row * ROW;
    const device = preview.devices.find(({ name }) => name === label);
    const share = device
      ? `${Math.round(device.computeShare * 100)} %, ${formatBytes(device.weightBytes)}`
      : '';
    return [
      text(shortened(label), LEFT - 10, y + BAR / 2 + 4, { class: 'ink', 'text-anchor': 'end' }),
      element('rect', { class: 'rail', x: LEFT, y, width: plot, height: BAR, rx: 2 }),
      ...tiles.map(({ segment, startMs, endMs }) => {
        const tile = opsOf.get(segment);
        const ops = tile ? `${tile.firstOp} … ${tile.lastOp}` : `segment ${segment}`;
        return element(
          'rect',
          {
            class: segment % 2 === 0 ? 'even' : 'odd',
            x: x(startMs),
            y,
            width: Math.max(0.75, x(endMs) - x(startMs)),
            height: BAR,
          },
          element('title', {}, escapeXml(`${label}, ${ops}: ${formatTime(startMs)} to ${formatTime(endMs)}`)),
        );
      }),
      text(share, WIDTH - RIGHT + 12, y + BAR / 2 + 4, { class: 'quiet' }),
    ];
  });
  const answer = [
    element('line', {
      class: 'knee',
      x1: x(preview.latencyMs),
      x2: x(preview.latencyMs),
      y1: TOP - 14,
      y2: bottom + 4,
    }),
    text(
      `${hasLanes ? 'mean of all lanes' : 'answer'} ${formatTime(preview.latencyMs)}`,
      x(preview.latencyMs) + (preview.latencyMs > end * 0.85 ? -6 : 6),
      TOP - 10,
      {
        class: 'knee-ink',
        'text-anchor': preview.latencyMs > end * 0.85 ? 'end' : 'start',
      },
    ),
  ];
  const more =
    all.length > rows.length
      ? [text(`and ${all.length - rows.length} more devices`, LEFT, bottom + 40, { class: 'quiet' })]
      : [];
  const heading = `${preview.model} on ${preview.devices.length} ${preview.devices.length === 1 ? 'device' : 'devices'}`;
  const figures = `${formatTime(preview.latencyMs)} per frame, ${formatRate(preview.framesPerSecond)} frames per second${
    preview.gain === undefined ? '' : `, ${formatGain(preview.gain)} the best single device`
  }`;
  return svgDocument({
    width: WIDTH,
    height,
    title: `${heading}: ${figures}`,
    description: `One frame, alone: when each device computes. Planned for ${describeObjective(preview.objective)}. Bottleneck: ${preview.bottleneck.sentence}.`,
    body: [
      text(heading, 20, 30, { class: 'ink head' }),
      text(`${figures} · planned for ${describeObjective(preview.objective)}`, 20, 50, { class: 'quiet' }),
      text('work, weights', WIDTH - RIGHT + 12, TOP - 10, { class: 'quiet' }),
      ...grid,
      ...bars,
      ...answer,
      ...more,
      text(
        `${hasLanes ? 'One frame, by the first lanes. ' : ''}Bars: computing, one colour after the other per segment. Gaps: waiting, or pieces on their way.`,
        20,
        height - 14,
        {
          class: 'quiet',
        },
      ),
    ],
  });
}

const shortened = (label: string): string => (label.length > 20 ? `${label.slice(0, 19)}…` : label);
