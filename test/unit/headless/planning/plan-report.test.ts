import { describe, expect, it } from 'vitest';
import { stripVTControlCharacters as plain } from 'node:util';
import { previewPlan } from '../../../../headless/planning/plan-preview.ts';
import {
  comparisons,
  describeComparisons,
  describeLeftOut,
  describePlan,
  describePrediction,
} from '../../../../headless/planning/plan-report.ts';
import { segmentGroups } from '../../../../headless/planning/segment-lines.ts';
import { planBuilder } from '../../../../src/planner/plan-builder.ts';
import { channels, grid, partialSums, whole } from '../../../../src/planner/splits.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { graph, madeUpChoice, world } from '../../../support/planned.ts';

const preview = previewPlan(graph, world, madeUpChoice());

describe('a plan in words', () => {
  it('begins with latency, rate, gain and bottleneck', () => {
    expect(plain(describePrediction(preview)).split('\n')).toEqual([
      `${graph.name} on 2 of 4 devices: 100 ms per frame, 16.0 frames per second`,
      'With 2 frames in flight, each takes 130 ms.',
      '1.80 × as fast as the best single device (laptop alone: 180 ms, 5.5 frames per',
      '  second).',
      'Bottleneck: the engine of pi3-2, which computes 88 % of the time.',
    ]);
  });

  it('speaks of rates where the rate was the objective', () => {
    const rate = previewPlan(graph, world, madeUpChoice({ objective: { kind: 'throughput' }, gain: 2.9 }));
    expect(describePrediction(rate)).toContain('2.90 × the rate of the best single device');
  });

  it('says it when one device is best, and when none can do it alone', () => {
    const solo = madeUpChoice().solo!;
    const single = previewPlan(graph, world, madeUpChoice({ ...solo, gain: 1, leftOut: [] }));
    expect(describePrediction(single)).toContain('A single device is the best plan');
    const { solo: _, gain: __, ...rest } = madeUpChoice();
    expect(describePrediction(previewPlan(graph, world, rest))).toContain(
      'No single device can hold the model.',
    );
  });

  it('has a row per device, with shares that add up', () => {
    expect(preview.devices.map(({ name }) => name)).toEqual(['pi3-1', 'pi3-2']);
    expect(preview.devices.reduce((sum, { computeShare }) => sum + computeShare, 0)).toBeCloseTo(1, 12);
    expect(preview.devices.map(({ tiles }) => tiles.length)).toEqual([2, 3]);
    expect(preview.bytesPerFrame).toBe(4500);
    // Both bands recompute the rows between them.
    expect(preview.recompute).toBeGreaterThan(1);
  });

  it('groups those who are left out for the same reason', () => {
    expect(describeLeftOut(preview.leftOut)).toBe(
      'Left out:\n  pi3-3, laptop: the best plan with it takes 112 ms',
    );
    expect(describeLeftOut([])).toBeUndefined();
  });

  it.each([80, 100])('fits %i columns', (columns) => {
    const lines = plain(describePlan(graph, preview, columns)).split('\n');
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
  });

  it('draws a row per device, blocks where it computes', () => {
    const text = plain(describePlan(graph, preview, 80));
    const row = (name: string): string =>
      /│(.*)│/.exec(text.split('\n').find((line) => line.startsWith(`${name} `) && line.includes('│'))!)![1]!;
    const first = row('pi3-1');
    const second = row('pi3-2');
    expect(first).toHaveLength(second.length);
    // 10 to 40 of 100 ms, then 60 to 70, in the next shade.
    const cells = first.length;
    expect((first.match(/█/g) ?? []).length / cells).toBeCloseTo(0.3, 1);
    expect((first.match(/▓/g) ?? []).length / cells).toBeCloseTo(0.1, 1);
    expect(first.indexOf('█') / cells).toBeCloseTo(0.1, 1);
    expect(text).toMatch(/^ +0 +50\.0 ms +100 ms$/m);
  });
});

describe('segments in words', () => {
  const session = asSessionId('e'.repeat(32));
  const peers = world.devices.map(({ id }) => id);
  const two = [0, 1];

  it('name what is cut, and join what is cut alike', () => {
    const plan = planBuilder(graph)
      .segment({
        through: 'conv1',
        split: grid({
          cuts: [
            { axis: 'height', shares: [1, 1] },
            { axis: 'width', shares: [1, 1] },
          ],
          peers: [0, 1, 2, 3],
        }),
      })
      .segment({ through: 'pool2', split: channels({ peers: two }) })
      .segment({ through: 'fc1', split: partialSums({ axis: 'channel', peers: two }) })
      .segment({ through: 'relu3', split: channels({ peers: two }) })
      .segment({
        lanes: [
          { share: 1, split: whole(0) },
          { share: 2, split: whole(2) },
        ],
      })
      .plan({ session, epoch: 0, peers });
    const groups = segmentGroups(graph, plan);
    expect(groups.map(({ how }) => how)).toEqual([
      '4 pieces: rows × columns',
      '2 pieces: channels',
      '2 partial sums',
      '2 pieces: channels',
      '2 lanes',
    ]);
    expect(groups[0]!.parts.map(({ part }) => part)).toContain('0:14 14:28');
    const alike = planBuilder(graph)
      .segment({ through: 'conv1', split: channels({ peers: two }) })
      .segment({ through: 'pool2', split: channels({ peers: two }) })
      .segment({ split: whole(0) })
      .plan({ session, epoch: 0, peers });
    expect(segmentGroups(graph, alike).map(({ segments }) => segments)).toEqual([
      [0, 1],
      [2, 2],
    ]);
  });
});

describe('predicted beside measured', () => {
  const { prediction, plan } = madeUpChoice();
  const [first] = plan.segments[0]!.lanes[0]!.tiles;

  it('has a row per figure, with what it is off by', () => {
    const text = plain(
      describeComparisons(
        comparisons(
          prediction,
          { latencyMs: 110, loaded: false, framesPerSecond: 15.2, computeMs: new Map([[first!.peer, 40]]) },
          () => 'pi3-1',
        ),
      ),
    );
    expect(
      text
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['latency', '100 ms', '110 ms', '+10 %'],
      ['frames per second', '16.0', '15.2', '−5 %'],
      ['compute pi3-1', '40.0 ms', '40.0 ms', '0 %'],
    ]);
  });

  it('compares the latency in flight with frames that were in flight', () => {
    const text = describeComparisons(
      comparisons(prediction, { latencyMs: 130, loaded: true, computeMs: new Map() }, () => ''),
    );
    expect(text).toMatch(/latency in flight +130 ms +130 ms +0 %/);
    expect(text).not.toContain('frames per second');
  });
});
