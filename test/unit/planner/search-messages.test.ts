import { describe, expect, it } from 'vitest';
import { choosePlan } from '../../../src/planner/search.ts';
import { answerSearch, PendingSearches, type SearchQuestion } from '../../../src/planner/search-messages.ts';
import { searchTask } from '../../../src/planner/search-task.ts';
import { asSessionId } from '../../../src/shared/ids.ts';
import { graph, world } from '../../support/planned.ts';

const request = {
  graph,
  session: asSessionId('e'.repeat(32)),
  epoch: 2,
  world,
  objective: { kind: 'latency' } as const,
};
const impossible = {
  ...request,
  world: { ...world, devices: world.devices.map((device) => ({ ...device, memoryBytes: 1000 })) },
};

describe('a search on another thread', () => {
  it('comes back as it would on this one, whatever comes back first', async () => {
    const pending = new PendingSearches();
    const posted: SearchQuestion[] = [];
    const post = (question: SearchQuestion): void => void posted.push(structuredClone(question));
    const found = pending.ask(searchTask(request), post);
    const none = pending.ask(searchTask(impossible), post);
    expect(pending.count).toBe(2);
    const refused = expect(none).rejects.toMatchObject({ code: 'PLAN_MEMORY' });
    for (const question of posted.reverse()) pending.take(structuredClone(answerSearch(question, () => 0)));
    await refused;
    expect(await found).toEqual(choosePlan(request));
    expect(pending.count).toBe(0);
  });

  it('fails when the thread is gone, and the next one starts anew', async () => {
    const pending = new PendingSearches();
    const first = pending.ask(searchTask(request), () => undefined);
    const refused = expect(first).rejects.toMatchObject({ code: 'INTERNAL', message: 'it has ended' });
    pending.fail('it has ended');
    await refused;
    // An answer that comes too late is nobody's.
    pending.take(answerSearch({ id: 1, task: searchTask(request) }, () => 0));
    let asked: SearchQuestion | undefined;
    const second = pending.ask(searchTask(request), (question) => (asked = question));
    pending.take(answerSearch(asked!, () => 0));
    expect((await second).plan).toEqual(choosePlan(request).plan);
  });
});
