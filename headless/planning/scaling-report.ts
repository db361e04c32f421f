import pc from 'picocolors';
import type { Objective } from '../../src/planner/choice.ts';
import type { Extremes, Knee, ScalingMetric, ScalingPoint } from '../../src/planner/scaling.ts';
import { table } from '../terminal.ts';
import { formatGain, formatRate, formatTime } from './plan-report.ts';

/** What a curve is about: the latency where that is to be low, the rate otherwise. */
export const metricOf = (objective: Objective): ScalingMetric =>
  objective.kind === 'latency' ? 'latencyMs' : 'framesPerSecond';

export const METRIC_NAMES: Readonly<Record<ScalingMetric, string>> = {
  latencyMs: 'latency',
  framesPerSecond: 'frames per second',
};

export const formatMetric = (metric: ScalingMetric, value: number): string =>
  metric === 'latencyMs' ? formatTime(value) : formatRate(value);

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** A row per number of devices. */
export function describeCurve(points: readonly ScalingPoint[], metric: ScalingMetric, knee: Knee): string {
  const hasSpread = points.some(({ draws }) => draws > 1);
  const hasGain = points.some(({ gain }) => gain);
  const header = [
    'devices',
    METRIC_NAMES[metric],
    ...(hasSpread ? ['lowest … highest'] : []),
    ...(hasGain ? ['gain', 'per device'] : []),
    'used',
    '',
  ];
  const rows = points.map((point) => {
    const value = point[metric];
    return [
      String(point.devices),
      value ? formatMetric(metric, value.median) : '–',
      ...(hasSpread ? [value ? spreadOf(value, metric) : '–'] : []),
      ...(hasGain
        ? [
            point.gain ? formatGain(point.gain.median) : '–',
            point.efficiency === undefined ? '–' : percent(point.efficiency),
          ]
        : []),
      point.used === undefined ? '–' : String(point.used),
      notes(point, knee),
    ];
  });
  return table(header, rows);
}

const spreadOf = ({ low, high }: Extremes, metric: ScalingMetric): string =>
  `${formatMetric(metric, low)} … ${formatMetric(metric, high)}`;

function notes(point: ScalingPoint, knee: Knee): string {
  const said = [
    knee.kind === 'at' && knee.devices === point.devices ? pc.bold('◀ knee') : '',
    point.refused === point.draws
      ? 'no plan fits'
      : point.refused > 0
        ? `no plan fits ${point.refused} of ${point.draws} draws`
        : '',
    point.cut > 0 ? '(time was up)' : '',
  ];
  return said.filter(Boolean).join(' ');
}

const BAR_CELLS = 40;

/** The curve as bars of text. */
export function textCurve(points: readonly ScalingPoint[], metric: ScalingMetric, knee: Knee): string {
  const highest = Math.max(...points.map((point) => point[metric]?.median ?? 0));
  const labelCells = Math.max(...points.map(({ devices }) => String(devices).length));
  return points
    .map((point) => {
      const value = point[metric]?.median;
      const label = String(point.devices).padStart(labelCells);
      if (value === undefined) return `${label} │`;
      const eighths = Math.max(1, Math.round((value / highest) * BAR_CELLS * 8));
      const bar = '█'.repeat(eighths >> 3) + (eighths % 8 > 0 ? '▏▎▍▌▋▊▉'[(eighths % 8) - 1]! : '');
      const mark = knee.kind === 'at' && knee.devices === point.devices ? '  ◀ knee' : '';
      return `${label} │${bar} ${formatMetric(metric, value)}${mark}`;
    })
    .join('\n');
}

export function describeKnee(knee: Knee, worthwhile: number): string {
  const gain = percent(worthwhile);
  switch (knee.kind) {
    case 'at':
      return `Knee at ${knee.devices} ${knee.devices === 1 ? 'device' : 'devices'}: from there on, doubling them gains less than ${gain}.`;
    case 'beyond':
      return `No knee up to ${knee.devices} devices: doubling them still gains ${gain} or more.`;
    case 'unknown':
      return 'No knee: it takes at least two numbers of devices for which there is a plan.';
  }
}

const CSV_COLUMNS = [
  'devices', 'draws', 'refused', 'cut', 'latency_ms_low', 'latency_ms_median', 'latency_ms_high', 'fps_low', 'fps_median',
  'fps_high', 'gain_median', 'efficiency', 'used_median', 'knee',
] as const; // prettier-ignore

/** The curve for spreadsheets; empty cells where there is no plan. */
export function curveCsv(points: readonly ScalingPoint[], knee: Knee): string {
  const rows = points.map((point) => {
    const { latencyMs, framesPerSecond, gain } = point;
    return [
      point.devices,
      point.draws,
      point.refused,
      point.cut,
      latencyMs?.low,
      latencyMs?.median,
      latencyMs?.high,
      framesPerSecond?.low,
      framesPerSecond?.median,
      framesPerSecond?.high,
      gain?.median,
      point.efficiency,
      point.used,
      knee.kind === 'at' && knee.devices === point.devices ? 1 : 0,
    ]
      .map((cell) => (cell === undefined ? '' : Number(cell.toPrecision(6))))
      .join(',');
  });
  return `${[CSV_COLUMNS.join(','), ...rows].join('\n')}\n`;
}
