import { axisTicks, element, gridLines, pointsOf, svgDocument, text } from '../../../headless/svg.ts';
import type { NetworkName } from '../../../src/models/presets.ts';
import { formatGain } from './format.ts';
import type { SpeedUpPoint } from './knee.ts';
import { SERIES_STYLE } from './series-style.ts';

const WIDTH = 760;
const HEIGHT = 440;
const LEFT = 56;
/** Names of the lines stand there. */
const RIGHT = 150;
const TOP = 84;
const BOTTOM = 60;
/** Between the names of two lines that end close to each other, pixels. */
const NAME_HEIGHT = 16;

export interface SpeedUpLine {
  readonly name: string;
  /** Its colour. */
  readonly network: NetworkName;
  readonly points: readonly SpeedUpPoint[];
}

export interface SpeedUpChart {
  readonly heading: string;
  readonly subtitle: string;
  readonly lines: readonly SpeedUpLine[];
  readonly published: { readonly name: string; readonly devices: number; readonly gain: number };
}

/** Speed-up by number of devices, a line per network, with the ideal (a device more, one more) and the best that was published. */
export function speedUpSvg({ heading, subtitle, lines, published }: SpeedUpChart): string {
  const known = lines.filter(({ points }) => points.length > 0);
  const all = [published, ...known.flatMap(({ points }) => points)];
  const most = Math.max(...all.map(({ devices }) => devices));
  const ticks = axisTicks(Math.max(most, ...all.map(({ gain }) => gain)), 6);
  const right = WIDTH - RIGHT;
  const bottom = HEIGHT - BOTTOM;
  const x = (devices: number): number => LEFT + (devices / most) * (right - LEFT);
  const y = (gain: number): number => bottom - (gain / ticks.at(-1)!) * (bottom - TOP);
  const counts = [...new Set([1, ...all.map(({ devices }) => devices)])].sort((a, b) => a - b);

  const ideal = [
    element('line', { class: 'ideal', x1: x(0), y1: y(0), x2: x(most), y2: y(most) }),
    text('ideal', x(most) - 8, y(most) - 2, { class: 'quiet', 'text-anchor': 'end' }),
  ];
  const curves = known.flatMap(({ name, network, points }) => [
    element('polyline', {
      class: network,
      points: pointsOf(points.map(({ devices, gain }) => [x(devices), y(gain)])),
    }),
    ...points.map(({ devices, gain }) =>
      element(
        'circle',
        { class: network, cx: x(devices), cy: y(gain), r: 4 },
        element('title', {}, `${name}, ${devices}: ${formatGain(gain)}`),
      ),
    ),
  ]);
  const ends = known.map(({ name, network, points }) => {
    const last = points.at(-1)!;
    return { name, network, gain: last.gain, y: y(last.gain) };
  });
  const names = apart(ends).map(({ name, network, gain, y: at }) =>
    text(`${name} ${formatGain(gain)}`, right + 12, at + 4, { class: `${network} name` }),
  );
  const px = x(published.devices);
  const py = y(published.gain);
  const mark = [
    element('polygon', {
      class: 'published',
      points: pointsOf([
        [px, py - 7],
        [px + 7, py],
        [px, py + 7],
        [px - 7, py],
      ]),
    }),
    element('polygon', { class: 'published', points: pointsOf([[24, HEIGHT - 19], [29, HEIGHT - 14], [24, HEIGHT - 9], [19, HEIGHT - 14]]) }), // prettier-ignore
    text(
      `best published: ${published.name}, ${formatGain(published.gain)} on ${published.devices}`,
      36,
      HEIGHT - 10,
      { class: 'quiet' },
    ),
  ];
  const described = known.map(
    ({ name, points }) =>
      `${name}: ${points.map(({ devices, gain }) => `${formatGain(gain)} on ${devices}`).join(', ')}.`,
  );
  return svgDocument({
    width: WIDTH,
    height: HEIGHT,
    title: heading,
    description: `${subtitle}. ${described.join(' ')} Best published: ${published.name}, ${formatGain(published.gain)} on ${published.devices}.`,
    style: SERIES_STYLE,
    body: [
      text(heading, 20, 30, { class: 'ink head' }),
      text(subtitle, 20, 50, { class: 'quiet' }),
      ...gridLines({ ticks, labels: ticks.map((tick) => `${tick} ×`), left: LEFT, right, y }),
      ...counts.map((devices) =>
        text(String(devices), x(devices), bottom + 18, { class: 'quiet', 'text-anchor': 'middle' }),
      ),
      text('devices', right + 12, bottom + 18, { class: 'quiet' }),
      ...ideal,
      ...curves,
      ...names,
      ...mark,
    ],
  });
}

/** The same from top to bottom, moved down where they would run into each other. */
function apart<End extends { readonly y: number }>(ends: readonly End[]): End[] {
  const placed: End[] = [];
  for (const end of ends.toSorted((a, b) => a.y - b.y)) {
    const above = placed.at(-1)?.y ?? -Infinity;
    placed.push({ ...end, y: Math.max(end.y, above + NAME_HEIGHT) });
  }
  return placed;
}
