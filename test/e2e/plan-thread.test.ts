import { afterAll, describe, expect, it } from 'vitest';
import { PlanThread } from '../../headless/plan-thread.ts';
import type { PlanRequest } from '../../src/planner/choice.ts';
import { choosePlan } from '../../src/planner/search.ts';
import { searchTask } from '../../src/planner/search-task.ts';
import { asSessionId } from '../../src/shared/ids.ts';
import { seededRandom } from '../../src/shared/random.ts';
import { drawDevice, worldOf } from '../support/random-world.ts';
import { lenet } from '../support/small-networks.ts';

function requestOf(seed: number, memoryBytes?: number): PlanRequest {
  const random = seededRandom(seed);
  const devices = Array.from({ length: 3 }, () => drawDevice(random)).map((draw) => ({
    ...draw,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }));
  const session = asSessionId('7'.repeat(32));
  return { graph: lenet(), session, epoch: 3, world: worldOf({ devices }), objective: { kind: 'latency' } };
}

describe('a thread that searches for plans', () => {
  const thread = new PlanThread();
  afterAll(() => thread.close());

  it('finds what a search on this thread finds, several at a time', async () => {
    const requests = [1, 2, 3].map((seed) => requestOf(seed));
    const found = await Promise.all(requests.map((request) => thread.search(searchTask(request))));
    expect(found).toEqual(requests.map((request) => choosePlan(request)));
  });

  it('says why there is no plan as a search on this thread does', async () => {
    const request = requestOf(1, 1000);
    await expect(thread.search(searchTask(request))).rejects.toMatchObject({ code: 'PLAN_MEMORY' });
    await expect(thread.search(searchTask(requestOf(2)))).resolves.toEqual(choosePlan(requestOf(2)));
  });

  it('refuses what is asked for when it is closed, and starts anew', async () => {
    const other = new PlanThread();
    const refused = expect(other.search(searchTask(requestOf(1)))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    await other.close();
    await refused;
    await expect(other.search(searchTask(requestOf(1)))).resolves.toEqual(choosePlan(requestOf(1)));
    await other.close();
  });

  it('says so where its program cannot run', async () => {
    const broken = new PlanThread('/nowhere/plan-worker.js');
    await expect(broken.search(searchTask(requestOf(1)))).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
