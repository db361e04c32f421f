/** Charts as SVG by hand: no chart library without a DOM is small and kept up, and what is needed here is rectangles, lines and text. */

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escapeXml = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => ENTITIES[char]!);

const round = (value: number | string): string =>
  typeof value === 'number' ? String(Math.round(value * 100) / 100) : escapeXml(value);

/** An element; `children` are markup, texts go through `text`. */
export function element(
  name: string,
  attributes: Readonly<Record<string, number | string>>,
  children?: string,
): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${round(value)}"`);
  return children === undefined
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>${children}</${name}>`;
}

export const text = (
  content: string,
  x: number,
  y: number,
  attributes: Readonly<Record<string, number | string>> = {},
): string => element('text', { x, y, ...attributes }, escapeXml(content));

/** Colours for both themes: the page or viewer that shows the picture says which one it has. */
const STYLE = `
  svg { color-scheme: light dark; font: 12px system-ui, sans-serif; }
  .paper { fill: #ffffff; } .ink { fill: #1c2530; } .quiet { fill: #56616f; } .head { font-size: 15px; font-weight: 600; }
  .grid { stroke: #d9dee5; } .rail { fill: #eef1f5; } .line { fill: none; stroke: #1f6fd1; stroke-width: 2; }
  .spread { fill: #1f6fd1; opacity: .16; } .dot { fill: #1f6fd1; } .ideal { stroke: #8a95a3; stroke-dasharray: 4 4; fill: none; }
  .knee { stroke: #b4540a; stroke-width: 1.5; stroke-dasharray: 2 3; } .knee-ink { fill: #9a4606; font-weight: 600; }
  .even { fill: #1f6fd1; } .odd { fill: #0f9488; } .move { fill: #b4540a; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #12171e; } .ink { fill: #e6ebf1; } .quiet { fill: #9aa6b4; }
    .grid { stroke: #2c3540; } .rail { fill: #1b222b; } .line { stroke: #6aa9f5; }
    .spread, .dot { fill: #6aa9f5; } .ideal { stroke: #6b7683; } .knee { stroke: #f0a35e; } .knee-ink { fill: #f0a35e; }
    .even { fill: #6aa9f5; } .odd { fill: #3fc4b4; } .move { fill: #f0a35e; }
  }`;

/** A whole picture, with a title and a description for those who do not see it. */
export function svgDocument(options: {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly description: string;
  readonly body: readonly string[];
  /** CSS behind the common rules. */
  readonly style?: string;
}): string {
  const { width, height, title, description, body, style = '' } = options;
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-labelledby': 'title desc',
    },
    [
      '',
      element('title', { id: 'title' }, escapeXml(title)),
      element('desc', { id: 'desc' }, escapeXml(description)),
      element('style', {}, STYLE + style),
      element('rect', { class: 'paper', x: 0, y: 0, width, height }),
      ...body,
      '',
    ].join('\n'),
  )}\n`;
}

/** The `points` attribute of lines and areas. */
export const pointsOf = (at: readonly (readonly [number, number])[]): string =>
  at.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');

/** Lines across a plot, one per tick of its vertical axis, with the labels left of it. */
export const gridLines = (options: {
  readonly ticks: readonly number[];
  readonly labels: readonly string[];
  readonly left: number;
  readonly right: number;
  readonly y: (tick: number) => number;
}): string[] => {
  const { ticks, labels, left, right, y } = options;
  return ticks.flatMap((tick, index) => [
    element('line', { class: 'grid', x1: left, x2: right, y1: y(tick), y2: y(tick) }),
    text(labels[index]!, left - 8, y(tick) + 4, { class: 'quiet', 'text-anchor': 'end' }),
  ]);
};

/** Round numbers for an axis from 0 to at least `highest`, about `count` of them. */
export function axisTicks(highest: number, count = 5): number[] {
  if (!(highest > 0)) return [0];
  const rough = highest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let tick = 0; tick <= Math.ceil(highest / step - 1e-9) * step + step / 2; tick += step) {
    ticks.push(Number(tick.toPrecision(12)));
  }
  return ticks;
}
