import { axisTicks, element, svgDocument, text } from '../../../headless/svg.ts';
import { SERIES_STYLE } from './series-style.ts';

const WIDTH = 760;
const LEFT = 190;
/** What the longest bar is followed by stands there. */
const RIGHT = 150;
const TOP = 92;
const ROW = 20;
const BAR = 14;
/** Above the bars of a group. */
const HEAD = 28;
/** Characters of a remark in place of a bar. */
const REMARK = 78;

export interface Bar {
  readonly label: string;
  readonly kind: 'ours' | 'other';
  /** What it is as long as, or in its place why there is none. */
  readonly length: number | { readonly none: string };
  /** Behind it. */
  readonly figure: string;
}

export interface BarChart {
  readonly heading: string;
  readonly subtitle: string;
  /** Of the axis. */
  readonly unit: string;
  /** A line at 1, and what it stands for. */
  readonly one: string;
  readonly groups: readonly { readonly title: string; readonly bars: readonly Bar[] }[];
}

/** Bars to the right, in groups, on one axis; a line at 1. */
export function barsSvg({ heading, subtitle, unit, one, groups }: BarChart): string {
  const lengths = groups.flatMap(({ bars }) =>
    bars.flatMap(({ length }) => (typeof length === 'number' ? [length] : [])),
  );
  const ticks = axisTicks(Math.max(1, ...lengths), 6);
  const right = WIDTH - RIGHT;
  const x = (length: number): number => LEFT + (length / ticks.at(-1)!) * (right - LEFT);
  const rows = groups.reduce((height, { bars }) => height + HEAD + bars.length * ROW, 0);
  const bottom = TOP + rows + 6;
  const body: string[] = [];
  let y = TOP;
  for (const { title, bars } of groups) {
    body.push(text(title, 20, y + 19, { class: 'ink name' }));
    y += HEAD;
    for (const bar of bars) {
      body.push(...barAt(bar, y, x));
      y += ROW;
    }
  }
  const described = groups.map(
    ({ title, bars }) => `${title}: ${bars.map((bar) => `${bar.label} ${figureOf(bar)}`).join(', ')}.`,
  );
  return svgDocument({
    width: WIDTH,
    height: bottom + 44,
    title: heading,
    description: `${subtitle}. ${described.join(' ')}`,
    style: SERIES_STYLE,
    body: [
      text(heading, 20, 30, { class: 'ink head' }),
      text(subtitle, 20, 50, { class: 'quiet' }),
      ...ticks.flatMap((tick) => [
        element('line', { class: 'grid', x1: x(tick), x2: x(tick), y1: TOP - 4, y2: bottom }),
        text(String(tick), x(tick), bottom + 16, { class: 'quiet', 'text-anchor': 'middle' }),
      ]),
      text(unit, LEFT, bottom + 34, { class: 'quiet' }),
      ...body,
      element('line', { class: 'bound', x1: x(1), x2: x(1), y1: TOP - 4, y2: bottom }),
      text(one, x(1), TOP - 10, { class: 'quiet', 'text-anchor': 'middle' }),
    ],
  });
}

function barAt(bar: Bar, y: number, x: (length: number) => number): string[] {
  const { label, kind, length, figure } = bar;
  const baseline = y + BAR - 3;
  const name = text(label, LEFT - 10, baseline, { class: 'ink', 'text-anchor': 'end' });
  if (typeof length !== 'number') {
    return [name, text(shortened(length.none), LEFT + 6, baseline, { class: 'quiet' })];
  }
  return [
    name,
    element('rect', { class: kind, x: LEFT, y, width: Math.max(1, x(length) - LEFT), height: BAR, rx: 2 }),
    text(figure, x(length) + 8, baseline, { class: 'quiet' }),
  ];
}

const figureOf = ({ length, figure }: Bar): string => (typeof length === 'number' ? figure : length.none);

const shortened = (remark: string): string =>
  remark.length > REMARK ? `${remark.slice(0, REMARK - 1)}…` : remark;
