import type { Knee, ScalingMetric, ScalingPoint } from '../../src/planner/scaling.ts';
import { axisTicks, element, gridLines, pointsOf, svgDocument, text } from '../svg.ts';
import { formatTicks } from './plan-report.ts';
import { describeKnee, formatMetric, METRIC_NAMES } from './scaling-report.ts';

const WIDTH = 760;
const HEIGHT = 430;
const LEFT = 70;
const RIGHT = 30;
const TOP = 92;
const BOTTOM = 60;

/** A scaling curve: devices to the right (each doubling as wide as the next), the median with the spread of the draws. */
export function scalingSvg(options: {
  readonly heading: string;
  readonly subtitle: string;
  readonly points: readonly ScalingPoint[];
  readonly metric: ScalingMetric;
  readonly knee: Knee;
  readonly worthwhile: number;
}): string {
  const { heading, subtitle, points, metric, knee, worthwhile } = options;
  const known = points.flatMap((point) => {
    const value = point[metric];
    return value ? [{ devices: point.devices, ...value }] : [];
  });
  const first = Math.log2(points[0]!.devices);
  const last = Math.log2(points.at(-1)!.devices);
  const plotWidth = WIDTH - LEFT - RIGHT;
  const x = (devices: number): number =>
    last === first
      ? LEFT + plotWidth / 2
      : LEFT + ((Math.log2(devices) - first) / (last - first)) * plotWidth;
  const ticks = axisTicks(Math.max(0, ...known.map(({ high }) => high)));
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const y = (value: number): number => HEIGHT - BOTTOM - (value / (ticks.at(-1)! || 1)) * plotHeight;

  const tickLabels = metric === 'latencyMs' ? formatTicks(ticks) : ticks.map((tick) => String(tick));
  const grid = gridLines({ ticks, labels: tickLabels, left: LEFT, right: WIDTH - RIGHT, y });
  const labels = labelled(points, x).map((devices) =>
    text(String(devices), x(devices), HEIGHT - BOTTOM + 18, { class: 'quiet', 'text-anchor': 'middle' }),
  );
  const spread = pointsOf([
    ...known.map(({ devices, high }) => [x(devices), y(high)] as const),
    ...[...known].reverse().map(({ devices, low }) => [x(devices), y(low)] as const),
  ]);
  const dots = known.map(({ devices, median }) =>
    element(
      'circle',
      { class: 'dot', cx: x(devices), cy: y(median), r: 3.5 },
      element('title', {}, `${devices}: ${formatMetric(metric, median)}`),
    ),
  );
  const mark =
    knee.kind === 'at'
      ? [
          element('line', {
            class: 'knee',
            x1: x(knee.devices),
            x2: x(knee.devices),
            y1: TOP - 6,
            y2: HEIGHT - BOTTOM,
          }),
          text(`knee: ${knee.devices}`, x(knee.devices) + (x(knee.devices) > WIDTH - 120 ? -6 : 6), TOP, {
            class: 'knee-ink',
            'text-anchor': x(knee.devices) > WIDTH - 120 ? 'end' : 'start',
          }),
        ]
      : [];
  const list = known.map(({ devices, median }) => `${devices}: ${formatMetric(metric, median)}`).join(', ');
  return svgDocument({
    width: WIDTH,
    height: HEIGHT,
    title: heading,
    description: `${METRIC_NAMES[metric]} by number of devices, median over the draws: ${list}. ${describeKnee(knee, worthwhile)}`,
    body: [
      text(heading, 20, 30, { class: 'ink head' }),
      text(subtitle, 20, 50, { class: 'quiet' }),
      ...grid,
      ...labels,
      text('devices', LEFT + plotWidth / 2, HEIGHT - 18, { class: 'quiet', 'text-anchor': 'middle' }),
      text(METRIC_NAMES[metric], 20, TOP - 14, { class: 'quiet' }),
      element('polygon', { class: 'spread', points: spread }),
      element('polyline', {
        class: 'line',
        points: pointsOf(known.map(({ devices, median }) => [x(devices), y(median)])),
      }),
      ...dots,
      ...mark,
    ],
  });
}

/** Numbers under the axis that do not run into each other. */
function labelled(points: readonly ScalingPoint[], x: (devices: number) => number): number[] {
  const shown: number[] = [];
  for (const { devices } of points) {
    const before = shown.at(-1);
    if (before === undefined || x(devices) - x(before) >= 22) shown.push(devices);
  }
  return shown;
}
