import { describe, expect, it } from 'vitest';
import { pipelinePlan } from '../../../../src/planner/pipeline-plan.ts';
import { compilePlan } from '../../../../src/planner/compiled-plan.ts';
import { plainWorld, worldOf } from '../../../../src/planner/plain-world.ts';
import { runSearch } from '../../../../src/planner/search-task.ts';
import { simulate } from '../../../../src/planner/simulate.ts';
import { asSessionId } from '../../../../src/shared/ids.ts';
import { answerPlanQuestion, type PlanQuestion } from '../../../../src/ui/network-view/plan-preview.ts';
import { peersInOrder } from '../../../../src/ui/network-view/strip.ts';
import { graph, world } from '../../../support/planned.ts';

const ids = world.devices.map(({ id }) => id);
/** A bad plan: everybody in a row. */
const running = pipelinePlan({
  graph,
  session: asSessionId('e'.repeat(32)),
  epoch: 3,
  peers: ids.map((id) => ({ id, speed: 1 })),
});
const question = (changes: Partial<PlanQuestion> = {}): PlanQuestion => ({
  graph,
  world: plainWorld(world),
  objective: { kind: 'latency' },
  without: [],
  running,
  searchTimeMs: 60_000,
  ...changes,
});
const answer = (changes: Partial<PlanQuestion> = {}) =>
  answerPlanQuestion(structuredClone(question(changes)), async (task) =>
    runSearch(structuredClone(task), () => 0),
  );

describe('a plan before it is used', () => {
  it('gives the world back as it was, links and all', () => {
    const same = worldOf(structuredClone(plainWorld(world)));
    expect(same.devices).toEqual(world.devices);
    for (const from of ids)
      for (const to of ids.filter((id) => id !== from))
        expect(same.link(from, to)).toEqual(world.link(from, to));
  });

  it('is compared with the one that runs, by the same numbers', async () => {
    const { expected, running: now, gain } = await answer();
    expect(now).toEqual(simulate(compilePlan(graph, running), world, { window: expected.window }));
    expect(gain).toBeCloseTo(now!.latencyMs / expected.latencyMs, 9);
    expect(gain).toBeGreaterThan(1);
  });

  it('does without the devices that are left out', async () => {
    const laptop = ids.at(-1)!;
    const best = (await answer()).plan;
    expect(peersInOrder(best)).toContain(laptop);
    expect(peersInOrder((await answer({ without: [laptop] })).plan)).not.toContain(laptop);
  });

  it('has no gain over a plan whose devices are gone', async () => {
    const here = { ...world, devices: world.devices.slice(1) };
    const { gain, running: now } = await answer({ world: plainWorld(here) });
    expect([gain, now]).toEqual([undefined, undefined]);
  });

  it('says so where nobody is left to plan with', async () => {
    await expect(answer({ without: ids })).rejects.toMatchObject({ code: 'PLAN_NO_PEERS' });
  });
});
