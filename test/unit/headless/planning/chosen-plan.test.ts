import { describe, expect, it } from 'vitest';
import {
  judgePlanFile,
  planWithin,
  type PlanningOptions,
} from '../../../../headless/planning/chosen-plan.ts';
import { parseDeviceList } from '../../../../src/planner/devices-file.ts';
import { buildWorld } from '../../../../src/planner/devices-world.ts';
import { planFileOf } from '../../../../src/planner/plan-file.ts';
import { verifyPlan } from '../../../../src/planner/verify-plan.ts';
import { graph } from '../../../support/planned.ts';
import { thrownBy } from '../../mesh/thrown.ts';

/** Never out of time. */
const now = (): number => 0;
const optionsFor = (devices: string, changes: Partial<PlanningOptions> = {}): PlanningOptions => ({
  graph,
  world: buildWorld(parseDeviceList(devices)),
  objective: { kind: 'throughput' },
  codecs: ['f32'],
  budgetMs: 1000,
  now,
  ...changes,
});

describe('planning for a rate', () => {
  const rate = (framesPerSecond: number): PlanningOptions =>
    optionsFor('pi3*3', { objective: { kind: 'rate', framesPerSecond, prefer: 'devices' } });
  const highest = planWithin(optionsFor('pi3*3')).choice.prediction.framesPerSecond;

  it('reaches what the plan of the highest rate reaches', () => {
    const { choice } = planWithin(rate(highest * 0.99));
    expect(choice.prediction.framesPerSecond).toBeGreaterThanOrEqual(highest * 0.98);
    expect(choice.objective.kind).toBe('rate');
  });

  it('says which rate is possible where none reaches it', () => {
    const error = thrownBy(() => planWithin(rate(highest * 100)));
    expect(error.code).toBe('PLAN_RATE');
    expect(error.details['possible']).toBeCloseTo(highest, 6);
  });
});

describe('planning with more devices than are searched', () => {
  it('searches the fastest of them, and says of the others that they were not looked at', () => {
    // The first answer will do.
    const options = optionsFor('pi3*200,laptop', { objective: { kind: 'latency' }, budgetMs: 0 });
    const { choice } = planWithin(options);
    const world = buildWorld(parseDeviceList('pi3*200,laptop'));
    const laptop = world.devices.at(-1)!.id;
    const peers = choice.plan.segments.flatMap(({ lanes }) =>
      lanes.flatMap(({ tiles }) => tiles.map(({ peer }) => peer)),
    );
    expect(new Set(peers)).toEqual(new Set([laptop]));
    expect(choice.leftOut).toHaveLength(200);
    const skipped = choice.leftOut.filter(({ explanation }) => explanation.startsWith('not looked at'));
    expect(skipped).toHaveLength(201 - 128);
  });
});

describe('a time budget', () => {
  it('is told when it ended the search', () => {
    let ms = 0;
    expect(planWithin(optionsFor('pi3*4', { now: () => (ms += 1000), budgetMs: 1 })).isCut).toBe(true);
    expect(planWithin(optionsFor('pi3*2')).isCut).toBe(false);
  });
});

describe('a plan of a file', () => {
  const options = optionsFor('pi3*2', { objective: { kind: 'latency' } });
  const { choice } = planWithin(options);
  const file = planFileOf(graph, choice.plan, { peers: options.world.devices.map(({ id }) => id) });

  it('is judged as the planner judged the same one', () => {
    const judged = judgePlanFile(JSON.parse(JSON.stringify(file)), options, choice);
    expect(judged.plan).toEqual(choice.plan);
    expect(judged.prediction.latencyMs).toBeCloseTo(choice.prediction.latencyMs, 9);
    expect(judged.gain).toBeCloseTo(choice.gain!, 9);
    expect(() => verifyPlan(graph, judged.plan)).not.toThrow();
  });

  it('is refused where it does not fit into memory', () => {
    const world = {
      ...options.world,
      devices: options.world.devices.map((device) => ({ ...device, memoryBytes: 1000 })),
    };
    expect(thrownBy(() => judgePlanFile(file, { ...options, world }, choice)).code).toBe('PLAN_MEMORY');
  });
});
