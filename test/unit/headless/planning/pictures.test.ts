import { describe, expect, it } from 'vitest';
import { previewPlan } from '../../../../headless/planning/plan-preview.ts';
import { planSvg } from '../../../../headless/planning/plan-svg.ts';
import { scalingSvg } from '../../../../headless/planning/scaling-svg.ts';
import { axisTicks, element, escapeXml } from '../../../../headless/svg.ts';
import { scalingCurve } from '../../../../src/planner/scaling.ts';
import { graph, madeUpChoice, world } from '../../../support/planned.ts';
import { unbalanced } from '../../../support/well-formed-svg.ts';

describe('the picture of a plan', () => {
  const svg = planSvg(previewPlan(graph, world, madeUpChoice()));

  it('is well formed, and says in words what it shows', () => {
    expect(unbalanced(svg)).toEqual([]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain('role="img" aria-labelledby="title desc"');
    expect(svg).toMatch(/<title id="title">[^<]*100 ms per frame, 16.0 frames per second/);
    expect(svg).toMatch(/<desc id="desc">[^<]*Bottleneck: the engine of pi3-2/);
  });

  it('has a bar per tile, as long as it takes', () => {
    const bars = [...svg.matchAll(/class="(?:even|odd)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)].map(
      ([, x, y, width]) => [x, y, width].map(Number),
    );
    expect(bars).toHaveLength(5);
    // 30 and 10 ms on one device; 40, 10 and 10 ms on the other.
    const widths = bars.map(([, , width]) => width!);
    expect(widths.map((width) => (10 * width) / widths[1]!)).toEqual(
      [30, 10, 40, 10, 10].map((ms) => expect.closeTo(ms, 0) as number),
    );
    expect(new Set(bars.map(([, y]) => y)).size).toBe(2);
  });

  it('has colours for light and dark', () => {
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
  });
});

describe('the picture of a curve', () => {
  const points = scalingCurve(
    [1, 2, 4].flatMap((devices) =>
      [0, 1, 2].map((draw) => ({
        devices,
        draw,
        latencyMs: 100 / devices,
        framesPerSecond: devices * (5 + draw),
        used: devices,
        isCut: false,
      })),
    ),
  );
  const svg = scalingSvg({
    heading: 'a & b',
    subtitle: 'three draws',
    points,
    metric: 'framesPerSecond',
    knee: { kind: 'at', devices: 4 },
    worthwhile: 0.25,
  });

  it('is well formed, and says in words what it shows', () => {
    expect(unbalanced(svg)).toEqual([]);
    expect(svg).toContain('<title id="title">a &amp; b</title>');
    expect(svg).toMatch(/<desc[^>]*>[^<]*1: 6.0, 2: 12.0, 4: 24.0[^<]*Knee at 4 devices/);
  });

  it('puts doublings at equal distances, and marks the knee', () => {
    const [one, two, four] = [...svg.matchAll(/<circle class="dot" cx="([\d.]+)"/g)].map(([, x]) =>
      Number(x),
    );
    expect(two! - one!).toBeCloseTo(four! - two!, 1);
    expect(svg).toContain('knee: 4');
  });
});

describe('parts of pictures', () => {
  it('escape what people call things', () => {
    expect(escapeXml('<b> & "c"')).toBe('&lt;b&gt; &amp; &quot;c&quot;');
    expect(element('rect', { class: '"><script>' })).toBe('<rect class="&quot;&gt;&lt;script&gt;"/>');
  });

  it.each([
    [0.9, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [100, [0, 20, 40, 60, 80, 100]],
    [7425, [0, 2000, 4000, 6000, 8000]],
    [0, [0]],
  ])('axes up to %d have round numbers', (highest, ticks) => {
    expect(axisTicks(highest)).toEqual(ticks);
  });
});
