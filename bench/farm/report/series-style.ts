import type { NetworkName } from '../../../src/models/presets.ts';

/** Colours of networks, and of bars that are ours and others', for light and dark. */
const COLOURS: Readonly<Record<NetworkName | 'ours' | 'other', readonly [light: string, dark: string]>> = {
  alexnet: ['#b4540a', '#f0a35e'],
  vgg16: ['#1f6fd1', '#6aa9f5'],
  xception: ['#0f8479', '#3fc4b4'],
  c3d: ['#8a3ab9', '#c79af0'],
  ours: ['#1f6fd1', '#6aa9f5'],
  other: ['#9aa5b3', '#5d6978'],
};

const rules = (theme: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(
      ([name, colours]) =>
        `.${name} { fill: ${colours[theme]}; } polyline.${name} { fill: none; stroke: ${colours[theme]}; stroke-width: 2; }`,
    )
    .join('\n  ');

export const SERIES_STYLE = `
  ${rules(0)}
  .published { fill: none; stroke: #56616f; stroke-width: 1.5; } .bound { stroke: #56616f; stroke-dasharray: 3 3; } .name { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
  ${rules(1)}
  .published { stroke: #9aa6b4; } .bound { stroke: #9aa6b4; }
  }`;
